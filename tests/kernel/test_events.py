from dataclasses import dataclass

import pytest

from romm_lite.kernel.events import Bus


@dataclass(frozen=True)
class Happened:
    what: str


@dataclass(frozen=True)
class Other:
    pass


def test_a_listener_hears_its_own_kind() -> None:
    bus, heard = Bus(), list[str]()
    bus.subscribe(Happened, lambda event: heard.append(event.what))
    bus.publish(Other())
    bus.publish(Happened("it"))
    assert heard == ["it"]


def test_a_failing_listener_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = Bus(), list[str]()

    def fail(_: Happened) -> None:
        raise RuntimeError("no")

    bus.subscribe(Happened, fail)
    bus.subscribe(Happened, lambda event: heard.append(event.what))
    bus.publish(Happened("it"))
    assert heard == ["it"]
    assert "Happened failed" in caplog.text
