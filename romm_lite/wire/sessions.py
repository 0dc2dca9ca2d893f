"""Browser sessions, as their user sees them; an addition of ours."""

from romm_lite.wire.common import Schema, Timestamp


class BrowserSessionSchema(Schema):
    """One browser that is logged in. ``last_seen_at`` is good to five minutes; ``opened_at`` is
    null where it was not noted, the device's fields where the device is not known."""

    id: str
    device_id: str | None
    device_name: str | None
    ip_address: str | None
    opened_at: Timestamp | None
    last_seen_at: Timestamp
    expires_at: Timestamp
    is_current: bool
