"""Scanning the library: files on the disk become rows, in a process of its own.

``service`` starts, stops and tells of scans and runs the phases in their order: ``discover``
(which platforms there are), ``names`` (every ROM visible by its name), ``firmware``, ``renames``
(new names of known content), ``tracks`` (the tags of soundtracks), ``hashes``, ``matching`` (which
games providers are asked about), and ``discover`` again for what is missing. ``kinds`` says what a
scan may be asked for, ``runs`` keeps the row of a run, ``arrivals`` has files scanned that came or
were still being written, ``compare`` tells what changed among a ROM's files, ``reading`` hashes
files in threads. To add a phase write one file with one function that takes the ``Scan``, and one
line in ``service``.
"""
