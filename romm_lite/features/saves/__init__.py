"""What users keep of their games: saves, and the store that never loses a version of anything.

``store`` keeps contents and versions of any file a user owns and knows nothing of saves; begin
there to add another kind. ``saves`` are the rules of saves, ``history`` is what was kept before.
"""
