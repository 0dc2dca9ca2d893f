"""What is known of platforms and games from elsewhere; returns dataclasses, knows no database.

``catalogue`` is the table of platforms, ``registry`` that of the providers. A provider is one file,
one line in the registry, one test.
"""
