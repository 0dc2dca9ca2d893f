"""The heartbeat: what a client asks before anything else."""

from romm_lite.wire.common import Schema


class SystemDict(Schema):
    """Clients compare ``VERSION`` with the RomM versions they know: it is RomM's, not ours."""

    VERSION: str
    SHOW_SETUP_WIZARD: bool


class MetadataSourcesDict(Schema):
    """Which providers are switched on; ``ANY`` ignores SteamGridDB and PlayMatch."""

    ANY_SOURCE_ENABLED: bool
    IGDB_API_ENABLED: bool
    SS_API_ENABLED: bool
    SS_DEV_CREDENTIALS_SET: bool
    MOBY_API_ENABLED: bool
    STEAMGRIDDB_API_ENABLED: bool
    RA_API_ENABLED: bool
    LAUNCHBOX_API_ENABLED: bool
    HASHEOUS_API_ENABLED: bool
    PLAYMATCH_API_ENABLED: bool
    TGDB_API_ENABLED: bool
    FLASHPOINT_API_ENABLED: bool
    HLTB_API_ENABLED: bool
    LIBRETRO_API_ENABLED: bool


class FilesystemDict(Schema):
    """Platform folders found on disk, exclusions applied."""

    FS_PLATFORMS: list[str]


class EmulationDict(Schema):
    """Which browser emulators are switched off."""

    DISABLE_EMULATOR_JS: bool
    DISABLE_RUFFLE_RS: bool


class FrontendDict(Schema):
    """What the web interface shows."""

    DISABLE_USERPASS_LOGIN: bool
    DISABLE_LOGS_VIEWER: bool
    YOUTUBE_BASE_URL: str


class OIDCDict(Schema):
    """The single sign-on the login page offers."""

    ENABLED: bool
    AUTOLOGIN: bool
    PROVIDER: str
    RP_INITIATED_LOGOUT: bool


class TasksDict(Schema):
    """The schedules, as cron lines."""

    ENABLE_SCHEDULED_RESCAN: bool
    SCHEDULED_RESCAN_CRON: str
    ENABLE_SCHEDULED_UPDATE_SWITCH_TITLEDB: bool
    SCHEDULED_UPDATE_SWITCH_TITLEDB_CRON: str
    ENABLE_SCHEDULED_UPDATE_LAUNCHBOX_METADATA: bool
    SCHEDULED_UPDATE_LAUNCHBOX_METADATA_CRON: str
    ENABLE_SCHEDULED_CONVERT_IMAGES_TO_WEBP: bool
    SCHEDULED_CONVERT_IMAGES_TO_WEBP_CRON: str


class RommLiteDict(Schema):
    """Who really answers; ours, unknown to RomM. ``COMMIT`` is empty where it is not known."""

    VERSION: str
    COMMIT: str


class HeartbeatResponse(Schema):
    """Answer of the heartbeat."""

    SYSTEM: SystemDict
    METADATA_SOURCES: MetadataSourcesDict
    FILESYSTEM: FilesystemDict
    EMULATION: EmulationDict
    FRONTEND: FrontendDict
    OIDC: OIDCDict
    TASKS: TasksDict
    ROMM_LITE: RommLiteDict
