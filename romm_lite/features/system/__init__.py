"""The server about itself: heartbeat, effective configuration, operations not built yet."""
