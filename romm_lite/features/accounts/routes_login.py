"""Logging in and out, and the token endpoint."""

from starlette.requests import Request

from romm_lite.features.accounts import login as logins
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import Invalid
from romm_lite.web.operations import Router
from romm_lite.web.table import Work
from romm_lite.wire.tokens import OIDCLogoutResponse, TokenForm, TokenResponse

router = Router("/api", tags=["auth"])


@router.post("/login", public=True, responses={401: "Wrong name or password, or user disabled"})
def login(request: Request, accounts: Accounts, user: Identity) -> None:
    """Begin a session for the user whose name and password are in the Authorization header."""
    logins.log_in(accounts, user, request)


@router.post("/logout", public=True)
def logout(request: Request, accounts: Accounts, user: Identity) -> OIDCLogoutResponse | None:
    """End the session; who came through the login provider may have to log out there as well."""
    url = logins.log_out(accounts, user, request)
    return None if url is None else OIDCLogoutResponse(oidc_logout_url=url)


@router.post(
    "/token",
    public=True,
    responses={400: "Something is missing", 401: "Not valid", 403: "Disabled, or scope too wide"},
)
async def token(form: TokenForm, request: Request, work: Work) -> TokenResponse:
    """A pair of tokens for a name and password, or for a refresh token."""
    if form.grant_type == "password":
        account = await logins.check_grant(request, form)
        return await work(logins.grant, account, form.scope)
    if form.grant_type == "refresh_token":
        return await work(logins.refresh, form)
    if form.grant_type == "client_credentials":
        raise Invalid("Client credentials are not yet supported")
    raise Invalid("Invalid or unsupported grant type")
