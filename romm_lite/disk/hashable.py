"""Platforms whose games are installations or encrypted dumps that no list has hashes of."""

NEVER_HASHED = frozenset(
    [
        "amazon-alexa",
        "amazon-fire-tv",
        "android",
        "gear-vr",
        "ios",
        "ipad",
        "linux",
        "mac",
        "meta-quest-2",
        "meta-quest-3",
        "oculus-go",
        "oculus-quest",
        "oculus-rift",
        "ps3",
        "ps4",
        "ps5",
        "psvr",
        "psvr2",
        "series-x-s",
        "switch",
        "switch-2",
        "wiiu",
        "win",
        "xbox360",
        "xboxone",
    ]
)
"""Slugs whose ROM files are never hashed."""
