"""Compressed Hunks of Data: MAME's disc and hard-disk images."""

_SIGNATURE = b"MComprHD"
_VERSION = slice(12, 16)
_SHA1 = slice(84, 104)


def read_sha1(head: bytes) -> str:
    """SHA-1 of the data and metadata inside, as a version 5 header says; "" for anything else.

    ``head`` is the start of the file, 104 bytes at least; numbers are big-endian.
    """
    if not head.startswith(_SIGNATURE) or int.from_bytes(head[_VERSION], "big") != 5:
        return ""
    sha1 = head[_SHA1]
    return sha1.hex() if len(sha1) == 20 else ""
