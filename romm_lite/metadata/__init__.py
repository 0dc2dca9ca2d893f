"""What is known of platforms and games from elsewhere; returns dataclasses, knows no database.

``catalogue`` is the table of platforms. A provider is one file, one line in the registry, one test.
"""
