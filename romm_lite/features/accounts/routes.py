"""Every operation of the accounts."""

from romm_lite.features.accounts import (
    routes_avatars,
    routes_device_flow,
    routes_devices,
    routes_links,
    routes_login,
    routes_oidc,
    routes_permissions,
    routes_sessions,
    routes_tokens,
    routes_users,
)
from romm_lite.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *routes_login.router.operations,
    *routes_oidc.router.operations,
    *routes_users.router.operations,
    *routes_links.router.operations,
    *routes_avatars.router.operations,
    *routes_sessions.router.operations,
    *routes_devices.router.operations,
    *routes_tokens.router.operations,
    *routes_device_flow.router.operations,
    *routes_permissions.router.operations,
)
