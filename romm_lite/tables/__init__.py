"""The tables, one file a noun, no behaviour.

A file holds a SQLModel class for reading and writing single rows and, for statements over many
rows, the same table in capitals (``Rom`` and ``ROMS``). ``schema.METADATA`` knows them all. To add
one: write its file, name it in ``schema``, add a migration.
"""
