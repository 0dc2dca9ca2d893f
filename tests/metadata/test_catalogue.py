from romm_lite.metadata import catalogue


def test_the_catalogue_has_460_slugs_in_order() -> None:
    slugs = list(catalogue.known())
    assert len(slugs) == 460
    assert slugs[0] == "3do"
    assert slugs[-1] == "zxs"


def test_a_known_platform_carries_the_ids_of_its_providers() -> None:
    nes = catalogue.describe("nes")
    assert nes.name == "Nintendo Entertainment System"
    assert (nes.igdb_id, nes.ss_id, nes.ra_id, nes.launchbox_id) == (18, 3, 7, 27)
    assert catalogue.is_identified(nes.columns())


def test_an_unknown_slug_is_a_usable_platform() -> None:
    custom = catalogue.describe("my-odd-box")
    assert custom.name == "My Odd Box"
    assert not catalogue.is_identified(custom.columns())


def test_a_version_stands_for_its_parent() -> None:
    assert catalogue.describe("10").igdb_id == catalogue.describe("android").igdb_id


def test_a_binding_wins_over_a_version() -> None:
    assert catalogue.resolve_slug("gc", {"gc": "ngc"}, {"gc": "wii"}) == "ngc"
    assert catalogue.resolve_slug("gc", {}, {"gc": "wii"}) == "wii"
    assert catalogue.resolve_slug("gc", {}, {}) == "gc"
