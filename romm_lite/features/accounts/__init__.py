"""Who is asking, and what they may do.

``service`` is the rules on users and what other features and the command line call. ``middleware``
finds out who a request comes from by way of ``credentials`` (passwords, tokens, sessions) and puts
an ``Identity`` into it; ``permissions`` turns roles and groups into scopes and asks for rights that
no scope says; ``groups``, ``rights`` and ``hidden`` are what administrators decide; ``setup``
guards the first account; ``users`` changes and deletes the others, ``links`` invites them and lets
them back in.

To add a kind of credential, resolve it in ``credentials`` to an ``Identity`` or raise ``Refused``.
Whoever changes a password, a role or ``enabled`` raises the user's epoch: that voids the sessions
and tokens given out before.
"""
