"""Ground rules every other package stands on; imports nothing of ours.

Settings, the named roots with the one ``safe_join``, scopes, the error tree, events, text and
time. To add a setting write one row in ``settings.py`` and one line in the README.
"""
