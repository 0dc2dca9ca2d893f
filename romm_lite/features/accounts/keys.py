"""The secret everything is signed with."""

import logging
import secrets

from romm_lite.kernel.paths import write_private
from romm_lite.kernel.settings import Settings

log = logging.getLogger(__name__)
ENOUGH_BYTES = 32


def signing_key(settings: Settings) -> str:
    """ROMM_AUTH_SECRET_KEY, else the key in the data folder, which is made when there is none."""
    if settings.romm_auth_secret_key:
        if len(settings.romm_auth_secret_key.encode()) < ENOUGH_BYTES:
            log.warning(
                "ROMM_AUTH_SECRET_KEY is short and could be guessed; "
                "use a random one of %d characters or more",
                ENOUGH_BYTES,
            )
        return settings.romm_auth_secret_key
    path = settings.places.secret
    key = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if not key:
        key = secrets.token_hex(ENOUGH_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, key + "\n")
    return key
