"""The library on disk: what lies where, what names say, what files hash to; knows no database.

``config`` reads the user's config.yml, ``layout`` finds platforms, ROMs and their files,
``exclusions`` says which names to pass over, ``names`` takes names apart, ``archives`` reads
members of containers, ``hashing`` makes digests, ``bios`` knows firmware, ``exotic`` holds disc
formats, ``patches`` applies patches. To read one more container write one ``Archive`` class and one
line in ``archives``.
"""
