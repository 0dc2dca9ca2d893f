"""Patches: files that tell what is to be changed in a ROM.

``formats`` recognizes a patch by its first bytes and applies it in this process; ``process`` does
the same in a process of its own that can be stopped at any time. Source, patch and result are
mapped, never read as a whole.

To add a format write one file with a function that takes a ``Job``, checks whatever checksums the
format carries, writes the result and returns whether the source was proved to be the right one; in
``formats`` it gets one line with its name and first bytes. Everything wrong with a patch is
``BadPatch``, a ROM it was not made for ``WrongSource``; ``base`` has what most formats need.
"""
