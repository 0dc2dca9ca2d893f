"""PICO-8 cartridges are their own covers."""

from io import BytesIO

from PIL import Image

from romm_lite.features.scan.kinds import ScanKind
from tests.features.scan.conftest import Shelf, touch


def draw(colour: str) -> bytes:
    drawn = BytesIO()
    Image.new("RGBA", (160, 205), colour).save(drawn, "PNG")
    return drawn.getvalue()


def kept(shelf: Shelf, fs_name: str) -> bytes:
    path: str = shelf.roms()[fs_name].path_cover_l
    return (shelf.places.resources / path).read_bytes()


def test_a_cartridge_is_its_own_cover(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/pico/Moss.P8.png", draw("red"))
    shelf.put("roms/pico/Fern.p8", "text")
    shelf.put("roms/pico/broken.p8.png", "no picture")
    shelf.put("roms/nes/Reed.p8.png", draw("blue"))
    shelf.scan_well()
    roms = shelf.roms()
    assert roms["Moss.P8.png"].url_cover == "file://roms/pico/Moss.P8.png"
    assert kept(shelf, "Moss.P8.png") == draw("red")
    for name in ("Fern.p8", "broken.p8.png", "Reed.p8.png"):
        assert (roms[name].url_cover, roms[name].path_cover_l) == (None, None)
    with shelf.noting_writes() as writes:
        shelf.scan_well()
        shelf.scan_well(ScanKind.COMPLETE)
    assert writes == []


def test_a_complete_scan_follows_a_changed_cartridge(shelf: Shelf) -> None:
    file = shelf.put("roms/pico/Moss.p8.png", draw("red"))
    shelf.scan_well()
    file.write_bytes(draw("green"))
    touch(file)
    shelf.scan_well(ScanKind.COMPLETE)
    assert kept(shelf, "Moss.p8.png") == draw("green")
