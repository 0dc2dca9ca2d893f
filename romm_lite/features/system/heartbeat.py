"""The heartbeat: what every client asks first."""

from romm_lite import __version__
from romm_lite.disk.config import ConfigFile
from romm_lite.disk.layout import Layout
from romm_lite.kernel.errors import LibraryUnavailable
from romm_lite.kernel.resources import commit
from romm_lite.kernel.settings import PROTOCOL_VERSION, Settings
from romm_lite.wire.heartbeat import (
    EmulationDict,
    FilesystemDict,
    FrontendDict,
    HeartbeatResponse,
    MetadataSourcesDict,
    OIDCDict,
    RommLiteDict,
    SystemDict,
    TasksDict,
)

SOURCES = frozenset(
    """
    igdb moby ss ra launchbox hasheous tgdb sgdb flashpoint hltb gamelist libretro playmatch
    """.split()
)
"""The words ``/api/heartbeat/metadata/{source}`` knows."""


def take_pulse(settings: Settings, config: ConfigFile, *, has_admin: bool) -> HeartbeatResponse:
    """The heartbeat of this moment; a library that cannot be read has no platforms in it."""
    return HeartbeatResponse(
        SYSTEM=SystemDict(
            VERSION=PROTOCOL_VERSION,
            SHOW_SETUP_WIZARD=not has_admin and not settings.disable_setup_wizard,
        ),
        METADATA_SOURCES=_sources(settings),
        FILESYSTEM=FilesystemDict(FS_PLATFORMS=list_platform_folders(settings, config)),
        EMULATION=EmulationDict(
            DISABLE_EMULATOR_JS=settings.disable_emulator_js,
            DISABLE_RUFFLE_RS=settings.disable_ruffle_rs,
        ),
        FRONTEND=FrontendDict(
            DISABLE_USERPASS_LOGIN=settings.disable_userpass_login,
            DISABLE_LOGS_VIEWER=settings.disable_logs_viewer,
            YOUTUBE_BASE_URL=settings.youtube_base_url,
        ),
        OIDC=OIDCDict(
            ENABLED=settings.oidc_enabled,
            AUTOLOGIN=settings.oidc_autologin,
            PROVIDER=settings.oidc_provider,
            RP_INITIATED_LOGOUT=settings.oidc_rp_initiated_logout,
        ),
        TASKS=_tasks(settings),
        ROMM_LITE=RommLiteDict(VERSION=__version__, COMMIT=commit()),
    )


def list_platform_folders(settings: Settings, config: ConfigFile) -> list[str]:
    """Platform folders on disk; none while the library cannot be read."""
    try:
        return Layout(settings.places.library, config.read()).platform_folders()
    except LibraryUnavailable:
        return []


def _sources(settings: Settings) -> MetadataSourcesDict:
    return MetadataSourcesDict(
        ANY_SOURCE_ENABLED=True,  # the thumbnails of Libretro need no key
        IGDB_API_ENABLED=bool(settings.igdb_client_id and settings.igdb_client_secret),
        SS_API_ENABLED=bool(settings.screenscraper_user and settings.screenscraper_password),
        SS_DEV_CREDENTIALS_SET=bool(
            settings.screenscraper_dev_id and settings.screenscraper_dev_password
        ),
        MOBY_API_ENABLED=bool(settings.mobygames_api_key),
        STEAMGRIDDB_API_ENABLED=bool(settings.steamgriddb_api_key),
        RA_API_ENABLED=bool(settings.retroachievements_api_key),
        LAUNCHBOX_API_ENABLED=settings.launchbox_api_enabled,
        HASHEOUS_API_ENABLED=settings.hasheous_api_enabled,
        PLAYMATCH_API_ENABLED=settings.playmatch_api_enabled,
        TGDB_API_ENABLED=settings.tgdb_api_enabled,
        FLASHPOINT_API_ENABLED=settings.flashpoint_api_enabled,
        HLTB_API_ENABLED=settings.hltb_api_enabled,
        LIBRETRO_API_ENABLED=True,
    )


def _tasks(settings: Settings) -> TasksDict:
    names = TasksDict.model_fields
    return TasksDict(**{name: getattr(settings, name.lower()) for name in names})
