"""Every setting of the program: one typed row each, read once, here and nowhere else.

A row's name in capitals is its environment variable. Sources, strongest first: command line,
environment, ``.env`` in the working directory, the default. Names and meaning are RomM's where
RomM has the setting. Values are trimmed, an empty one counts as unset, booleans are true for
``1 true yes on``, a bad number falls back to the default with a warning. A secret may also be
named by a file: ``IGDB_CLIENT_SECRET_FILE=/run/secrets/igdb``.
"""

import json
import logging
import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote, urlencode

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from romm_lite.kernel.errors import SettingInvalid
from romm_lite.kernel.paths import Places

log = logging.getLogger(__name__)

PROTOCOL_VERSION = "5.2.0"
"""The RomM version whose protocol is spoken; clients compare it."""

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


def _read_bool(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in TRUE_WORDS


def _read_words(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(word.strip() for word in words if word.strip())


def _read_networks(value: Any) -> tuple[str, ...]:
    return tuple(str(ip_network(word, strict=False)) for word in _read_words(value))


def _no_slash(value: Any) -> str:
    return str(value).rstrip("/")


def _root_path(value: Any) -> str:
    bare = str(value).strip("/")
    return f"/{bare}" if bare else ""


Flag = Annotated[bool, BeforeValidator(_read_bool)]
Words = Annotated[tuple[str, ...], BeforeValidator(_read_words)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_read_networks)]
Url = Annotated[str, BeforeValidator(_no_slash)]
Secret = Annotated[str, "secret"]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Cron = str
Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda v: str(v).upper()),
]


class Settings(BaseModel):
    """The table of settings. Immutable; built once in ``app`` or ``cli`` and handed down."""

    model_config = ConfigDict(frozen=True)

    # Places and the server
    romm_base_path: Path | None = Field(
        None, description="Data folder: library, resources, assets, config and database live here"
    )
    romm_library_path: Path | None = Field(
        None, description="Library folder, when it lies outside of the data folder"
    )
    romm_library_read_only: Flag = Field(
        False, description="Nothing is ever written below the library folders"
    )
    romm_tmp_path: Path | None = Field(
        None, description="Where games are patched; uploads lie in the library from the beginning"
    )
    romm_host: str = Field("0.0.0.0", description="Address the server listens on")  # noqa: S104
    romm_port: Port = Field(8080, description="Port the server listens on")
    romm_base_url: Url = Field(
        "http://0.0.0.0", description="Public address, used in links that are handed out"
    )
    romm_root_path: Annotated[str, BeforeValidator(_root_path)] = Field(
        "", description="Sub-path under which a proxy shows the whole program"
    )
    romm_setup_token: Literal["auto", "none"] = Field(
        "auto", description="`none` lets anybody create the first account"
    )
    romm_x_accel_redirect: Annotated[str, BeforeValidator(_root_path)] = Field(
        "", description="Path under which an nginx in front finds the library to send files itself"
    )
    romm_trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose forwarding headers are believed"
    )
    kiosk_mode: Flag = Field(False, description="Visitors who are not logged in may read")

    # Database and cache
    romm_db_url: Secret | None = Field(
        None, description="Database URL: postgresql://, mariadb:// or mysql://; none means SQLite"
    )
    romm_db_driver: Literal["mariadb", "mysql", "postgresql"] = Field(
        "mariadb", description="Kind of database behind DB_HOST"
    )
    db_host: str | None = Field(None, description="Database host; set it to leave SQLite")
    db_port: Port = Field(3306, description="Database port")
    db_name: str = Field("romm", description="Database name")
    db_user: str | None = Field(None, description="Database user")
    db_passwd: Secret | None = Field(None, description="Database password")
    db_query_json: str | None = Field(None, description="More connection parameters, as JSON")
    romm_redis_url: Secret | None = Field(None, description="Redis URL; none means in memory")
    redis_host: str | None = Field(None, description="Redis host; set it to use Redis")
    redis_port: Port = Field(6379, description="Redis port")
    redis_username: str | None = Field(None, description="Redis user")
    redis_password: Secret | None = Field(None, description="Redis password")
    redis_db: Count = Field(0, description="Redis database number")
    redis_ssl: Flag = Field(False, description="Talk TLS to Redis")

    # Who may come in
    romm_auth_secret_key: Secret | None = Field(
        None, description="Signing key; generated into the data folder when unset"
    )
    oauth_access_token_expire_seconds: AtLeastOne = Field(
        1800, description="Life of an access token"
    )
    oauth_refresh_token_expire_seconds: AtLeastOne = Field(
        604800, description="Life of a refresh token"
    )
    session_max_age_seconds: AtLeastOne = Field(1209600, description="Life of a browser session")
    invite_token_expiry_seconds: AtLeastOne = Field(600, description="Life of an invitation link")
    disable_csrf_protection: Flag = Field(False, description="Switches the CSRF check off")
    disable_download_endpoint_auth: Flag = Field(
        False, description="Downloads and feeds need no login"
    )
    disable_userpass_login: Flag = Field(False, description="Refuses login by password")
    disable_setup_wizard: Flag = Field(False, description="Never shows the first-run wizard")
    romm_cors_allowed_origins: Words = Field(
        (), description="Other origins whose pages may call the API; none means same origin only"
    )
    romm_session_secure_cookie: Flag = Field(False, description="Cookies travel over HTTPS only")
    romm_login_attempts: Count = Field(
        10,
        description="Wrong passwords for an account that an address may send in ten minutes "
        "before it has to wait, longer each time; 0 means any number",
    )
    romm_rate_limits: Flag = Field(
        True, description="Limits attempts at pairing codes, password links and registration"
    )
    oidc_enabled: Flag = Field(False, description="Login through an OpenID Connect provider")
    oidc_autologin: Flag = Field(False, description="The login page goes to the provider by itself")
    oidc_allow_registration: Flag = Field(True, description="Unknown OIDC users get an account")
    oidc_provider: str = Field("", description="Name of the provider on the login page")
    oidc_client_id: str = Field("", description="OIDC client id")
    oidc_client_secret: Secret = Field("", description="OIDC client secret")
    oidc_redirect_uri: str = Field("", description="Callback address registered at the provider")
    oidc_server_application_url: Url = Field("", description="Issuer the discovery is built from")
    oidc_server_metadata_url: str | None = Field(None, description="Explicit discovery address")
    oidc_claim_roles: str = Field("", description="Claim that holds a user's roles")
    oidc_role_viewer: str | None = Field(None, description="Role value for viewers")
    oidc_role_editor: str | None = Field(None, description="Role value for editors")
    oidc_role_admin: str | None = Field(None, description="Role value for administrators")
    oidc_tls_cacertfile: Path | None = Field(None, description="CA file to trust for the provider")
    oidc_username_attribute: str = Field(
        "preferred_username", description="Claim that becomes the user name"
    )
    oidc_rp_initiated_logout: Flag = Field(False, description="Logging out ends the OIDC session")
    oidc_end_session_endpoint: str = Field("", description="Logout address, instead of discovery's")

    # Metadata providers
    igdb_client_id: str | None = Field(None, description="IGDB client id")
    igdb_client_secret: Secret | None = Field(None, description="IGDB client secret")
    mobygames_api_key: Secret | None = Field(None, description="MobyGames key")
    screenscraper_user: str | None = Field(None, description="ScreenScraper user")
    screenscraper_password: Secret | None = Field(None, description="ScreenScraper password")
    screenscraper_dev_id: str | None = Field(None, description="ScreenScraper developer id")
    screenscraper_dev_password: Secret | None = Field(
        None, description="ScreenScraper developer password"
    )
    steamgriddb_api_key: Secret | None = Field(None, description="SteamGridDB key")
    retroachievements_api_key: Secret | None = Field(None, description="RetroAchievements key")
    refresh_retroachievements_cache_days: AtLeastOne = Field(
        30, description="Age in days at which a RetroAchievements list is fetched again"
    )
    launchbox_api_enabled: Flag = Field(False, description="Use LaunchBox's online half")
    playmatch_api_enabled: Flag = Field(False, description="Use PlayMatch")
    playmatch_api_url: Url = Field(
        "https://playmatch.retrorealm.dev/api/v2", description="Address of PlayMatch"
    )
    hasheous_api_enabled: Flag = Field(False, description="Use Hasheous")
    tgdb_api_enabled: Flag = Field(False, description="Use TheGamesDB")
    flashpoint_api_enabled: Flag = Field(False, description="Use Flashpoint")
    hltb_api_enabled: Flag = Field(False, description="Use HowLongToBeat")
    youtube_base_url: Url = Field("https://www.youtube.com", description="Where trailers play")

    # Scans and tasks
    scan_timeout: AtLeastOne = Field(14400, description="Seconds a scan may take")
    scan_workers: Count = Field(0, description="Files hashed at once; 0 means one a core")
    task_timeout: AtLeastOne = Field(300, description="Seconds another task may take")
    task_result_ttl: AtLeastOne = Field(86400, description="Seconds a finished task is listed")
    seven_zip_timeout: AtLeastOne = Field(60, description="Seconds for one 7z or rar archive")
    enable_rescan_on_filesystem_change: Flag = Field(False, description="Watch the library")
    rescan_on_filesystem_change_delay: Count = Field(
        5, description="Minutes to wait after a change in the library"
    )
    enable_scheduled_rescan: Flag = Field(False, description="Scan on a schedule")
    scheduled_rescan_cron: Cron = Field("0 3 * * *", description="Its schedule")
    enable_scheduled_update_switch_titledb: Flag = Field(
        False, description="Update the Switch title list on a schedule"
    )
    scheduled_update_switch_titledb_cron: Cron = Field("0 4 * * *", description="Its schedule")
    enable_scheduled_update_launchbox_metadata: Flag = Field(
        False, description="Update LaunchBox's data on a schedule"
    )
    scheduled_update_launchbox_metadata_cron: Cron = Field("0 4 * * *", description="Its schedule")
    enable_scheduled_convert_images_to_webp: Flag = Field(
        False, description="Keep covers as WebP too"
    )
    scheduled_convert_images_to_webp_cron: Cron = Field("0 4 * * *", description="Its schedule")
    enable_scheduled_cleanup_orphaned_resources: Flag = Field(
        False, description="Remove artwork nobody needs on a schedule"
    )
    scheduled_cleanup_orphaned_resources_cron: Cron = Field("0 5 * * *", description="Its schedule")
    enable_scheduled_retroachievements_progress_sync: Flag = Field(
        False, description="Fetch RetroAchievements progress on a schedule"
    )
    scheduled_retroachievements_progress_sync_cron: Cron = Field(
        "0 4 * * *", description="Its schedule"
    )

    # Save sync
    enable_sync_folder_watcher: Flag = Field(False, description="Watch the save folders")
    sync_folder_scan_delay: Count = Field(2, description="Minutes to wait after a change there")
    enable_sync_push_pull: Flag = Field(False, description="Fetch and bring saves over SSH")
    sync_push_pull_cron: Cron = Field("*/30 * * * *", description="Its schedule")
    sync_ssh_keys_path: Path | None = Field(None, description="SSH keys; default sync/keys")
    sync_ssh_known_hosts_path: Path | None = Field(
        None, description="Known SSH hosts; default sync/known_hosts"
    )

    # Limits
    max_asset_upload_size_bytes: Count = Field(
        536870912, description="Largest save, state or screenshot; 0 means no limit"
    )
    max_autocleanup_limit: AtLeastOne = Field(100, description="Most saves kept in a slot")
    romm_asset_quota_bytes: Count = Field(
        0, description="Bytes a user's saves, states and their history may have; 0 means no limit"
    )
    romm_history_count: Count = Field(
        50, description="Old versions of a save that stay in its slot however old they are"
    )
    romm_history_days: Count = Field(
        90, description="Days that versions beyond these are kept; 0 keeps all for ever"
    )
    rom_patcher_timeout: AtLeastOne = Field(120, description="Seconds for one patch")
    rom_patcher_max_file_size_bytes: AtLeastOne = Field(
        4294967296, description="Largest file that is patched"
    )
    rom_patcher_max_concurrency: AtLeastOne = Field(2, description="Patches at once")

    # Features
    disable_emulator_js: Flag = Field(False, description="No EmulatorJS in the browser")
    disable_ruffle_rs: Flag = Field(False, description="No Ruffle in the browser")
    disable_logs_viewer: Flag = Field(False, description="No log page")
    tinfoil_welcome_message: str = Field(
        "RomM Switch Library", description="What Tinfoil shows on connecting"
    )
    streaming_broker_secret: Secret = Field("", description="Secret of the streaming broker")
    streaming_save_timeout: AtLeastOne = Field(45, description="Seconds a stream may take to save")

    # Logs and development
    loglevel: Level = Field("INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL")
    force_color: Flag = Field(False, description="Colours in the log even without a terminal")
    no_color: Flag = Field(False, description="No colours in the log")
    romm_metrics_token: Secret | None = Field(
        None, description="Who brings it as bearer token may read /metrics; this machine always may"
    )
    sentry_dsn: Secret | None = Field(None, description="Report errors to this Sentry project")
    http_proxy: str | None = Field(None, description="Proxy for outgoing http")
    https_proxy: str | None = Field(None, description="Proxy for outgoing https")
    no_proxy: str | None = Field(None, description="Hosts reached without the proxy")
    dev_mode: Flag = Field(False, description="For developers: more checks, Hasheous' beta host")
    dev_sql_echo: Flag = Field(False, description="For developers: log every SQL statement")

    @property
    def places(self) -> Places:
        """The folders this installation uses."""
        data = self.romm_base_path or user_data_path("romm_lite", appauthor=False)
        return Places.at(data.expanduser(), self.romm_library_path)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL: ROMM_DB_URL, else DB_HOST and its kin, else the SQLite file."""
        if self.romm_db_url:
            return _with_driver(self.romm_db_url)
        if self.db_host:
            who = quote(self.db_user or "", safe="")
            if self.db_passwd:
                who += ":" + quote(self.db_passwd, safe="")
            where = f"{self.db_host}:{self.db_port}/{self.db_name}{_query(self.db_query_json)}"
            return _with_driver(f"{self.romm_db_driver}://{who}@{where}")
        return f"sqlite:///{self.places.database}"

    @property
    def redis_url(self) -> str | None:
        """ROMM_REDIS_URL, else REDIS_HOST and its kin, else None: everything in this process."""
        if self.romm_redis_url or not self.redis_host:
            return self.romm_redis_url
        who = quote(self.redis_username or "", safe="")
        if self.redis_password:
            who += ":" + quote(self.redis_password, safe="")
        scheme = "rediss" if self.redis_ssl else "redis"
        at = f"{who}@" if who else ""
        return f"{scheme}://{at}{self.redis_host}:{self.redis_port}/{self.redis_db}"


CONTAINER_ONLY = (
    "REDIS_SAVE_POLICY",
    "DEV_HOST",
    "DEV_PORT",
    "DEV_HTTPS",
    "WEB_SERVER_CONCURRENCY",
    "WEB_SERVER_TIMEOUT",
    "WEB_SERVER_KEEPALIVE",
    "WEB_SERVER_MAX_REQUESTS",
    "WEB_SERVER_MAX_REQUESTS_JITTER",
    "WEB_SERVER_WORKER_CONNECTIONS",
    "WEB_SERVER_GUNICORN_WAIT_SECONDS",
    "IPV4_ONLY",
    "DB_ROOT_PASSWD",
)
"""Settings of RomM's container that have no meaning in one program; set ones are named once."""

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
}


def _query(text: str | None) -> str:
    """DB_QUERY_JSON as the end of a URL."""
    if not text:
        return ""
    try:
        parameters = json.loads(text)
        return "?" + urlencode(parameters)
    except (ValueError, TypeError) as error:
        raise SettingInvalid(f"DB_QUERY_JSON must be a JSON object: {error}") from error


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return _DRIVERS.get(scheme, scheme) + separator + rest


def load(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from the environment, ``.env`` and ``overrides`` (by field name, None = not given).

    Raises SettingInvalid when a ``_FILE`` twin cannot be read or a word is not one of the choices.
    """
    dotenv = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    given = {name: value.strip() for name, value in {**dotenv, **os.environ}.items()}
    values: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        value = given.get(name.upper(), "")
        if not value and _is_secret(field):
            value = _read_twin(name.upper(), given)
        if value:
            values[name] = value
    for name in CONTAINER_ONLY:
        if given.get(name):
            log.info("%s has no meaning here and is ignored", name)
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    return _validate(values)


def _is_secret(field: FieldInfo) -> bool:
    choices = get_args(field.annotation)
    return "secret" in field.metadata or any(
        "secret" in getattr(choice, "__metadata__", ()) for choice in choices
    )


def _read_twin(name: str, given: Mapping[str, str]) -> str:
    path = given.get(f"{name}_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingInvalid(f"{name}_FILE names {path}, which cannot be read: {error}") from error


def _validate(values: dict[str, Any]) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0])
            field = Settings.model_fields[name]
            if problem["type"] == "literal_error":
                message = f"{name.upper()}: {problem['msg']}"
                raise SettingInvalid(message) from error
            log.warning("%s: %s; using the default %r", name.upper(), problem["msg"], field.default)
            del values[name]
        return _validate(values)
