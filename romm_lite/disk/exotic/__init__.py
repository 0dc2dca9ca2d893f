"""Disc and console formats that need a reader of their own, one file each.

To add a format write one file here and call it from ``hashing``.
"""
