"""What the program does, a package a subject, in this order:

accounts < library < saves < scan < feeds < live < system. A feature may import the ``service`` of
those before it and nothing else of them. Inside: ``routes*.py`` (thin: read, call, return),
``service.py`` (the rules and every write), ``queries.py`` (the SQL). What must go against the order
goes by an event.
"""
