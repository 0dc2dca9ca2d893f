"""HTTP machinery that knows no domain; imports the kernel and nothing else of ours.

An operation is one function under ``@router.get("/{id}", Scope.ROMS_READ)`` (``operations``): its
parameter names say what it reads (``inputs``), its return annotation is the wire model. One
``OperationTable`` (``table``) finds (``routing``), checks, runs and renders them; ``openapi`` and
``docs`` describe the same list. ``render`` is the only place that turns an error into a response.
``downloads`` sends files and ``zips`` archives with ranges, ``static`` whole folders;
``middleware`` is what wraps the application.

To add an operation, write it in a feature's ``routes.py``; nothing here changes.
"""
