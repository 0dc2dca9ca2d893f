"""Platforms, ROMs, their files, firmware and notes.

Reading: ``routes_*`` are thin. A list of ROMs is made in three steps: ``filters`` and ``orders``
turn the question into SQL, ``listing`` keeps the ids that answer it and what hangs on them, and
``pages`` renders the rows of one page through ``rendering``. ``detail`` is one ROM with all that
users keep about it. ``visibility`` says what a user may see and stands in every query.

Nothing cached is ever stale: every key in ``caches`` holds the versions read with the request.
To add a filter, write what it selects in ``filters`` and name it in its table there.
"""
