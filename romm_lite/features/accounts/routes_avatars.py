"""Pictures of users, and the paths at which older clients look for them."""

from romm_lite.features.accounts import avatars, queries, users
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.web.downloads import Download
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId

router = Router("", tags=["users"])
NO_AVATAR = {404: "Avatar not found"}
NO_ASSET = {404: "Asset not found"}


@router.get("/api/users/{id}/avatar", Scope.ASSETS_READ, responses=NO_AVATAR)
@router.head("/api/users/{id}/avatar", Scope.ASSETS_READ, responses=NO_AVATAR)
def get_avatar(id: RowId, accounts: Accounts) -> Download:
    """A user's picture."""
    with accounts.database.read() as session:
        path = queries.find_avatar(session, id)
    return avatars.send(accounts.settings.places, path, NO_AVATAR[404])


@router.delete("/api/users/{id}/avatar", Scope.ME_WRITE, responses=NO_AVATAR)
def remove_avatar(id: RowId, accounts: Accounts, user: Identity) -> None:
    """Take a user's picture away."""
    users.remove_avatar(accounts, id, user)


@router.get("/api/raw/assets/{path:path}", Scope.ASSETS_READ, responses=NO_ASSET)
@router.head("/api/raw/assets/{path:path}", Scope.ASSETS_READ, responses=NO_ASSET)
@router.get("/assets/romm/assets/{path:path}", Scope.ASSETS_READ, hidden=True)
@router.head("/assets/romm/assets/{path:path}", Scope.ASSETS_READ, hidden=True)
def get_raw_asset(path: str, accounts: Accounts) -> Download:
    """Anybody's picture by its path; other files of users have operations of their own."""
    with accounts.database.read() as session:
        if not avatars.is_avatar(path) or not queries.has_avatar(session, path):
            raise NotFound(NO_ASSET[404])
    return avatars.send(accounts.settings.places, path, NO_ASSET[404])
