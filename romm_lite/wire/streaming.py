"""Streaming from emulator containers."""

from romm_lite.wire.common import Schema


class StreamingCapabilities(Schema):
    """The state slots of a container."""

    max_slots: int
    has_autosave: bool
    autosave_slot: int | None


class StreamingContainer(Schema):
    """One emulator container."""

    platform: str
    host: str
    label: str
    capabilities: StreamingCapabilities


class StreamingConfig(Schema):
    """Answer of ``GET /streaming/config``."""

    enabled: bool
    containers: list[StreamingContainer]
