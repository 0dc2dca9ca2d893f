"""Where the program starts; ``python -m romm_lite`` is the same as the ``romm-lite`` command.

Every process it starts imports this file again before its own work. So the whole server is
imported by the first one alone: it takes a second and 70 MB.
"""

import multiprocessing
from importlib import import_module


def main() -> None:
    """The entry point of the installed command and of the frozen program."""
    multiprocessing.freeze_support()  # a process of the frozen program goes no further
    import_module("romm_lite.cli").main()


if __name__ == "__main__":
    main()
