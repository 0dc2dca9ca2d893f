"""Users."""

from typing import Any, NotRequired

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from romm_lite.kernel.scopes import Role
from romm_lite.wire.common import Schema, Timestamp


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
