"""Invitations, and links to a new password."""

from urllib.parse import quote

from starlette.requests import Request

from romm_lite.features.accounts import links
from romm_lite.features.accounts.address import own_address, public_address, reachable_address
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.limits import FORGOT, REGISTER, RESET, address_of
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.users import (
    InviteLinkQuery,
    InviteLinkSchema,
    PasswordForgotten,
    PasswordReset,
    ResetLinkSchema,
    UserRegister,
    UserSchema,
)

router = Router("/api", tags=["users"])
TOO_MANY = {429: "Too many attempts"}


@router.post(
    "/users/invite-link",
    Scope.USERS_WRITE,
    status=201,
    responses={400: "No such role, or no time to use it"},
)
def create_invite_link(
    accounts: Accounts, user: Identity, query: InviteLinkQuery
) -> InviteLinkSchema:
    """An invitation that works once."""
    voucher = links.invite(accounts, query.role, query.expiration, by=user)
    base = public_address(accounts.settings)
    url = f"{base}/register?token={quote(voucher.token)}" if base else None
    return InviteLinkSchema(token=voucher.token, url=url)


@router.post(
    "/users/register",
    public=True,
    status=201,
    responses={400: "A rule is broken, a name taken or the invitation void", **TOO_MANY},
)
def register_user(request: Request, accounts: Accounts, body: UserRegister) -> UserSchema:
    """Create the account of whoever was invited."""
    accounts.limits.spend(REGISTER, address_of(request))
    return UserSchema.model_validate(links.register(accounts, body))


@router.post(
    "/users/{id}/reset-link",
    Scope.USERS_WRITE,
    status=201,
    responses={404: "User not found"},
)
def create_reset_link(
    request: Request, accounts: Accounts, user: Identity, id: RowId
) -> ResetLinkSchema:
    """A link with which a user sets a new password, once; to be handed over by who asked for it."""
    voucher = links.make_reset(accounts, id, by=user)
    settings = accounts.settings
    base = reachable_address(settings, request) or own_address(settings, settings.romm_port)
    return ResetLinkSchema(
        url=f"{base}/reset-password?token={quote(voucher.token)}",
        token=voucher.token,
        expires_at=voucher.expires_at,
    )


@router.post("/forgot-password", public=True, responses=TOO_MANY)
def request_password_reset(request: Request, accounts: Accounts, body: PasswordForgotten) -> None:
    """Ask for a new password; the answer is the same whoever is known."""
    accounts.limits.spend(FORGOT, address_of(request))
    links.note_forgotten(accounts, body.username)


@router.post(
    "/reset-password",
    public=True,
    responses={400: "The token is void or a rule is broken", 404: "User not found", **TOO_MANY},
)
def reset_password(request: Request, accounts: Accounts, body: PasswordReset) -> None:
    """Set a new password with a token from a link."""
    accounts.limits.spend(RESET, address_of(request))
    links.reset_password(accounts, body.token, body.new_password)
