"""Every operation of the accounts."""

from romm_lite.features.accounts import routes_login, routes_users
from romm_lite.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *routes_login.router.operations,
    *routes_users.router.operations,
)
