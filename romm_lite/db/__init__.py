"""The database: one engine for SQLite, PostgreSQL, MariaDB and MySQL, and what stands on it.

``engine`` opens it and gives units of work, ``migrate`` brings it up to date and checks it,
``snapshots`` copies the SQLite file, ``upsert`` changes or inserts a row, ``versions`` tells caches
of a change, ``entries`` keeps values that end (browser sessions, one-time tokens), ``faults`` puts
what went wrong into words. How to change the schema stands in ``migrations/env.py``.
"""
