"""``python -m romm_lite`` is the same as the ``romm-lite`` command."""

from romm_lite.cli import main

if __name__ == "__main__":
    main()
