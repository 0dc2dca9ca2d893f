"""What happens now, told over Socket.IO: scans, who plays what, rooms for playing together.

``server.py`` is the ASGI application, ``sockets.py`` one Socket.IO server, ``seats.py`` who sits at
a socket and what they are told, ``relay.py`` what passes between servers and workers over Redis. An
event more: a dataclass in ``kernel/events.py``, its line in ``news.py``, and if it is not for
everybody its room in ``seats.py``.
"""
