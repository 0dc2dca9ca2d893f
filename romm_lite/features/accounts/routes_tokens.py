"""Client tokens, and bringing them to a device by a code."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from romm_lite.features.accounts import client_tokens, limits, pairing
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.limits import address_of
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.client_tokens import (
    ClientTokenAdminSchema,
    ClientTokenCreatePayload,
    ClientTokenCreateSchema,
    ClientTokenExchangePayload,
    ClientTokenPairSchema,
    ClientTokenSchema,
)
from romm_lite.wire.common import Key

router = Router("/api/client-tokens", tags=["client-tokens"])

UNKNOWN = {404: "Token not found"}
BEYOND = {403: "It is for more than this credential may do"}


@router.post(
    "", Scope.ME_WRITE, status=201, responses={400: "There are too many tokens already"} | BEYOND
)
def create_token(
    db: Session, user: Identity, body: ClientTokenCreatePayload
) -> ClientTokenCreateSchema:
    """Make a token; its secret is told this once."""
    return ClientTokenCreateSchema(**client_tokens.create_token(db, user, body))


@router.get("", Scope.ME_READ)
def get_tokens(db: Session, user: Identity) -> list[ClientTokenSchema]:
    """All own tokens, the newest first."""
    return [ClientTokenSchema(**token) for token in client_tokens.list_tokens(db, user)]


@router.get("/all", Scope.USERS_READ)
def get_all_tokens(db: Session, user: Identity) -> list[ClientTokenAdminSchema]:
    """Everybody's tokens, the newest first; without those of administrators unless one asks."""
    return [ClientTokenAdminSchema(**token) for token in client_tokens.list_all_tokens(db, user)]


@router.delete("/{token_id}", Scope.ME_WRITE, responses=UNKNOWN)
def delete_token(db: Session, user: Identity, token_id: Key) -> None:
    """Void an own token."""
    client_tokens.delete_token(db, user, token_id)


@router.delete(
    "/{token_id}/admin", Scope.USERS_WRITE, responses={403: "It is an administrator's"} | UNKNOWN
)
def delete_any_token(db: Session, user: Identity, token_id: Key) -> None:
    """Void anybody's token."""
    client_tokens.delete_any_token(db, user, token_id)


@router.put("/{token_id}/regenerate", Scope.ME_WRITE, responses=BEYOND | UNKNOWN)
def regenerate_token(db: Session, user: Identity, token_id: Key) -> ClientTokenCreateSchema:
    """Give an own token a new secret; the old one is void."""
    token = client_tokens.find_own(db, user, token_id, to_change=True)
    return ClientTokenCreateSchema(**client_tokens.renew(db, token))


@router.post("/{token_id}/pair", Scope.ME_WRITE, responses=BEYOND | UNKNOWN)
def pair_token(
    accounts: Accounts, user: Identity, request: Request, token_id: Key
) -> ClientTokenPairSchema:
    """A code that brings an own token to a device."""
    return ClientTokenPairSchema(**pairing.offer(accounts, user, token_id, request))


@router.get(
    "/pair/{code}/status",
    public=True,
    responses={404: "It was used, or has ended", 429: "Too many attempts"},
)
def get_pair_status(accounts: Accounts, request: Request, code: str) -> None:
    """Whether a code can still be used."""
    accounts.limits.spend(limits.PAIR_STATUS, address_of(request))
    pairing.check_open(accounts, code)


@router.get(
    "/pair/{code}/qr.svg",
    Scope.ME_READ,
    responses={404: "No such code of one's own, or nobody else can reach this server"},
)
def get_pair_picture(accounts: Accounts, user: Identity, code: str) -> Response:
    """The link of an own code as a QR code."""
    picture = pairing.draw_link(accounts, user, code)
    return Response(picture, headers={"Cache-Control": "no-store"}, media_type="image/svg+xml")


@router.post(
    "/exchange",
    public=True,
    responses={
        403: "The owner of the token is disabled",
        404: "The code is not good, or its token is gone",
        429: "Too many attempts",
    },
)
def exchange_code(
    accounts: Accounts, request: Request, body: ClientTokenExchangePayload
) -> ClientTokenCreateSchema:
    """The token of a code, with a new secret; a code works once."""
    accounts.limits.spend(limits.EXCHANGE, address_of(request))
    return ClientTokenCreateSchema(**pairing.exchange(accounts, body.code))
