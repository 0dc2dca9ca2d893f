"""One heap for all threads, where the C library can be told so."""

import ctypes
import sys

_M_ARENA_MAX = -8


def share_heap() -> None:
    """Have the threads of this process share one heap.

    glibc otherwise keeps a heap for every thread, each as large as the largest answers it made.
    With a library of 100,000 ROMs one heap is 15 MB smaller, and no slower, as Python runs one
    thread at a time anyhow. To be called before threads are started; elsewhere it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_M_ARENA_MAX, 1)
