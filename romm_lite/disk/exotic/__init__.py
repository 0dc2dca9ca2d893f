"""Disc and console formats that need a reader of their own, and the hashes of RetroAchievements.

``sources`` has what all readers share. ``chd`` and ``cso`` unpack containers, ``tracks`` finds the
data track of a disc in whatever file it lies, ``iso9660`` the files on it. ``cartridges`` and
``discs`` hold one rule for each system, ``achievements`` says which system goes by which. ``pico8``
reads cartridges that are pictures.

To add a container write one file here and name it in ``tracks``; to add a system write its rule and
its line in ``achievements``, and have a hash of the reference to test it with.
"""
