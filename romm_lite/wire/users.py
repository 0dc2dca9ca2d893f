"""Users."""

from typing import Annotated, Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from romm_lite.kernel.scopes import Role
from romm_lite.wire.common import Schema, Timestamp

LONGEST_INVITE = 366 * 24 * 3600
"""Seconds."""


class EarnedAchievement(TypedDict):
    """One achievement earned; the id is that of its badge, dates are as RetroAchievements has."""

    id: str
    date: str
    date_hardcore: NotRequired[str]


class RAUserGameProgression(TypedDict):
    """A user's progress in one game."""

    rom_ra_id: int | None
    max_possible: int | None
    num_awarded: int | None
    num_awarded_hardcore: int | None
    most_recent_awarded_date: NotRequired[str | None]
    highest_award_kind: NotRequired[str | None]
    earned_achievements: list[EarnedAchievement]


class RAProgression(TypedDict, total=False):
    """A user's progress at RetroAchievements; empty until it was fetched once."""

    total: int
    results: list[RAUserGameProgression]


class UserSchema(Schema):
    """One user; the scopes are the user's own, even where the caller's token has fewer."""

    id: int
    username: str
    email: str | None
    enabled: bool
    role: Role
    permission_group_id: int | None = None
    oauth_scopes: list[str]
    avatar_path: str
    last_login: Timestamp | None
    last_active: Timestamp | None
    ra_username: str | None = None
    ra_progression: RAProgression | None = None
    ui_settings: dict[str, Any] | None = None
    current_device_id: str | None = None
    created_at: Timestamp
    updated_at: Timestamp


class UserCreate(BaseModel):
    """A new user; the fields are judged by the service, whose refusals are 400, not 422."""

    model_config = ConfigDict(title="Body_add_user_api_users_post")

    username: str
    email: str
    password: str
    role: str


class UserChange(BaseModel):
    """What to change of a user; what is null or left out stays as it is."""

    username: str | None = None
    password: str | None = None
    email: str | None = None
    role: str | None = None
    enabled: bool | None = None
    ra_username: str | None = None
    ui_settings: dict[str, Any] | str | None = None
    """An object, or the JSON text of one."""


class InviteLinkQuery(BaseModel):
    """What an invitation is for; ``expiration`` is in seconds from now."""

    role: str
    expiration: Annotated[int | None, Field(le=LONGEST_INVITE)] = None


class InviteLinkSchema(Schema):
    """An invitation; the link is null where the server does not know its public address."""

    token: str
    url: str | None = None


class UserRegister(BaseModel):
    """A new user who was invited."""

    model_config = ConfigDict(title="Body_create_user_from_invite_api_users_register_post")

    username: str
    email: str
    password: str
    token: str


class PasswordForgotten(BaseModel):
    """Who forgot their password."""

    model_config = ConfigDict(title="Body_request_password_reset_api_forgot_password_post")

    username: str


class PasswordReset(BaseModel):
    """A new password and the token that allows it."""

    model_config = ConfigDict(title="Body_reset_password_api_reset_password_post")

    token: str
    new_password: str


class ResetLinkSchema(Schema):
    """A link to a new password, to be handed to its user."""

    url: str
    token: str
    expires_at: Timestamp


class RAProgressionRefresh(BaseModel):
    """Whether to fetch only what is new."""

    model_config = ConfigDict(
        title="Body_refresh_retro_achievements_api_users__id__ra_refresh_post"
    )

    incremental: bool = False
