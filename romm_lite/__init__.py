"""A RomM-compatible ROM library server in one program."""

__version__ = "0.1.0"
