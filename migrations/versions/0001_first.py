"""The first schema: all tables, the two permission groups every installation starts with."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
Column = sa.Column[Any]


class Schema(sa.MetaData):
    def add(self, name: str, *items: Any, **options: Any) -> None:
        sa.Table(name, self, *items, **OPTIONS, **options)


def upgrade() -> None:
    schema = Schema(naming_convention=NAMES)
    add_users(schema)
    add_permissions(schema)
    add_platforms(schema)
    add_roms(schema)
    add_files(schema)
    add_rom_users(schema)
    add_collections(schema)
    add_devices(schema)
    add_assets(schema)
    add_firmware(schema)
    add_system(schema)
    connection = op.get_bind()
    schema.create_all(connection, checkfirst=False)
    add_first_rows(connection, schema)


def add_users(schema: Schema) -> None:
    schema.add(
        "users",
        key(),
        text("username", 255, unique=True),
        text("email", 255, unique=True, nullable=True),
        text("hashed_password", 255, nullable=True),
        flag("enabled"),
        text("role", 20),
        link("permission_group_id", "permission_groups.id"),
        text("avatar_path", 255),
        *each(moment, "last_login", "last_active", nullable=True),
        text("ra_username", 255, nullable=True),
        *each(long, "ra_progression", "ui_settings", nullable=True),
        number("epoch"),
        *stamps(),
    )


def add_permissions(schema: Schema) -> None:
    schema.add(
        "permission_groups",
        key(),
        text("name", 255, unique=True),
        long("description"),
        *each(flag, "is_default", "is_system"),
        text("color", 7, nullable=True),
        *stamps(),
    )
    schema.add(
        "permission_group_grants",
        key(),
        parent("group_id", "permission_groups.id"),
        *each(text, "entity", "action", length=20),
        flag("own_only"),
        *stamps(),
        unique("group_id", "entity", "action"),
    )
    schema.add(
        "user_permission_overrides",
        key(),
        parent("user_id", "users.id"),
        *each(text, "entity", "action", length=20),
        *each(flag, "granted", "own_only"),
        *stamps(),
        unique("user_id", "entity", "action"),
    )
    schema.add(
        "hidden_entities",
        key(),
        text("entity", 20),
        number("entity_id"),
        parent("user_id", "users.id", nullable=True),
        parent("group_id", "permission_groups.id", nullable=True),
        *stamps(),
        unique("group_id", "entity", "entity_id"),
        unique("user_id", "entity", "entity_id"),
    )


def add_platforms(schema: Schema) -> None:
    slugs = ("igdb", "moby", "hltb", "libretro")
    ids = ("igdb", "sgdb", "moby", "launchbox", "ss", "ra", "hasheous", "tgdb", "flashpoint")
    schema.add(
        "platforms",
        key(),
        text("slug", 400),
        ordered("fs_slug", 400, unique=True),
        ordered("name", 400),
        text("custom_name", 400, nullable=True),
        long("description"),
        *(text(f"{source}_slug", 400, nullable=True) for source in slugs),
        *(number(f"{source}_id", nullable=True) for source in ids),
        text("category", 100, nullable=True),
        number("generation", nullable=True),
        *each(text, "family_name", "family_slug", "url", "url_logo", length=1000, nullable=True),
        flag("missing_from_fs"),
        *stamps(),
        index("slug"),
        index("name", "id"),
    )


def add_roms(schema: Schema) -> None:
    schema.add(
        "roms",
        key(),
        parent("platform_id", "platforms.id"),
        ordered("fs_name", 450),
        *each(text, "fs_name_no_tags", "fs_name_no_ext", length=450),
        text("fs_extension", 100),
        text("fs_path", 1000),
        big("fs_size_bytes"),
        text("name", 450),
        ordered("name_sort_key", 500),
        long("search_text"),
        text("slug", 400, nullable=True),
        long("summary", nullable=True),
        *each(text, "revision", "version", length=450, nullable=True),
        *each(long, "regions", "languages", "tags"),
        *each(text, "crc_hash", "md5_hash", "sha1_hash", "ra_hash", length=100, nullable=True),
        long("url_cover", nullable=True),
        *each(text, "path_cover_s", "path_cover_l", "path_manual", length=1000, nullable=True),
        long("url_manual", nullable=True),
        *each(long, "path_screenshots", "url_screenshots"),
        *each(number, "top_level_files", "nested_files"),
        *each(flag, "has_soundtrack", "is_prerelease", "missing_from_fs"),
        *stamps(),
        unique("platform_id", "fs_name"),
        index("name_sort_key", "id"),
        index("platform_id", "name_sort_key", "id"),
        index("platform_id", "fs_size_bytes"),
        *each(index, "updated_at", "created_at", "fs_size_bytes"),
        index("missing_from_fs", "platform_id"),
        *each(index, "crc_hash", "md5_hash", "sha1_hash", "ra_hash"),
        index("search_text").ddl_if(dialect="sqlite"),
    )
    schema.add(
        "rom_sources",
        parent("rom_id", "roms.id", primary_key=True),
        text("source", 20, primary_key=True),
        number("platform_id"),
        text("external_id", 100, nullable=True),
        long("payload", nullable=True),
        *stamps(),
        index("source", "external_id", "rom_id"),
        index("platform_id", "source", "external_id", "rom_id"),
    )
    schema.add(
        "roms_metadata",
        parent("rom_id", "roms.id", primary_key=True),
        *each(
            long, "genres", "franchises", "collections", "companies", "game_modes", "age_ratings"
        ),
        text("player_count", 100),
        big("first_release_date", nullable=True),
        double("average_rating", nullable=True),
        *stamps(),
        *each(index, "first_release_date", "average_rating"),
    )
    schema.add(
        "facets",
        key(),
        text("kind", 20),
        ordered("value", 450),
        unique("kind", "value"),
    )
    schema.add(
        "rom_facets",
        parent("facet_id", "facets.id", primary_key=True),
        parent("rom_id", "roms.id", primary_key=True),
        number("platform_id"),
        index("rom_id"),
        index("platform_id", "facet_id"),
        sqlite_with_rowid=False,
    )


def add_files(schema: Schema) -> None:
    schema.add(
        "rom_files",
        key(),
        parent("rom_id", "roms.id"),
        ordered("file_name", 450),
        text("file_path", 1000),
        *each(big, "file_size_bytes", "modified_ns"),
        text("category", 20, nullable=True),
        *each(flag, "is_top_level", "hashed"),
        *each(text, "crc_hash", "md5_hash", "sha1_hash", "ra_hash", length=100, nullable=True),
        text("chd_sha1_hash", 100, nullable=True),
        *each(long, "archive_members", "track_meta", nullable=True),
        flag("missing_from_fs"),
        *stamps(),
        index("rom_id"),
        index("hashed", "rom_id"),
        *each(index, "crc_hash", "md5_hash", "sha1_hash", "chd_sha1_hash"),
        index("category", "rom_id"),
    )


def add_rom_users(schema: Schema) -> None:
    schema.add(
        "rom_user",
        key(),
        parent("rom_id", "roms.id"),
        parent("user_id", "users.id"),
        flag("is_main_sibling"),
        moment("last_played", nullable=True),
        *each(flag, "backlogged", "now_playing", "hidden"),
        *each(number, "rating", "difficulty", "completion"),
        text("status", 20, nullable=True),
        *stamps(),
        unique("rom_id", "user_id"),
        index("user_id", "hidden", "rom_id"),
        index("user_id", "last_played"),
        index("user_id", "status"),
    )
    schema.add(
        "rom_notes",
        key(),
        parent("rom_id", "roms.id"),
        parent("user_id", "users.id"),
        text("title", 400),
        long("content"),
        flag("is_public"),
        long("tags", nullable=True),
        *stamps(),
        unique("rom_id", "user_id", "title"),
        index("user_id", "rom_id"),
    )


def add_collections(schema: Schema) -> None:
    schema.add(
        "collections",
        key(),
        parent("user_id", "users.id"),
        text("name", 400),
        long("description"),
        *each(flag, "is_public", "is_favorite"),
        *each(text, "path_cover_s", "path_cover_l", "url_cover", length=1000, nullable=True),
        *stamps(),
        unique("user_id", "name"),
        index("is_public", "name"),
    )
    schema.add(
        "collections_roms",
        parent("collection_id", "collections.id", primary_key=True),
        parent("rom_id", "roms.id", primary_key=True),
        index("rom_id"),
        sqlite_with_rowid=False,
    )
    schema.add(
        "smart_collections",
        key(),
        parent("user_id", "users.id"),
        text("name", 400),
        long("description"),
        flag("is_public"),
        *each(long, "filter_criteria", "rom_ids"),
        number("rom_count"),
        *stamps(),
        unique("user_id", "name"),
        index("is_public", "name"),
    )


def add_devices(schema: Schema) -> None:
    schema.add(
        "devices",
        text("id", 255, primary_key=True),
        parent("user_id", "users.id"),
        text("name", 255, nullable=True),
        *each(text, "platform", "client", "client_version", length=50, nullable=True),
        *each(text, "client_device_identifier", "hostname", length=255, nullable=True),
        text("ip_address", 45, nullable=True),
        text("mac_address", 17, nullable=True),
        text("sync_mode", 20),
        flag("sync_enabled"),
        long("sync_config", nullable=True),
        moment("last_seen", nullable=True),
        *stamps(),
        index("user_id"),
    )
    schema.add(
        "device_save_sync",
        parent("device_id", "devices.id", length=255, primary_key=True),
        parent("save_id", "saves.id", primary_key=True),
        moment("last_synced_at"),
        flag("is_untracked"),
        *stamps(),
        index("save_id"),
    )
    schema.add(
        "sync_sessions",
        key(),
        parent("device_id", "devices.id", length=255),
        parent("user_id", "users.id"),
        text("status", 20),
        moment("initiated_at"),
        moment("completed_at", nullable=True),
        *each(number, "operations_planned", "operations_completed", "operations_failed"),
        text("error_message", 1000, nullable=True),
        *stamps(),
        index("device_id", "status"),
        index("user_id"),
    )
    schema.add(
        "play_sessions",
        key(),
        parent("user_id", "users.id"),
        link("device_id", "devices.id", length=255),
        link("rom_id", "roms.id"),
        link("sync_session_id", "sync_sessions.id"),
        text("save_slot", 255, nullable=True),
        *each(moment, "start_time", "end_time"),
        big("duration_ms"),
        *stamps(),
        unique("user_id", "device_id", "rom_id", "start_time"),
        index("rom_id", "user_id"),
        *each(index, "device_id", "sync_session_id"),
    )
    schema.add(
        "client_tokens",
        key(),
        parent("user_id", "users.id"),
        link("device_id", "devices.id", length=255),
        text("name", 255),
        text("hashed_token", 64, unique=True),
        text("scopes", 1000),
        *each(moment, "expires_at", "last_used_at", nullable=True),
        *stamps(),
        *each(index, "user_id", "device_id"),
    )


def asset() -> tuple[Column, ...]:
    """What saves, states and screenshots share."""
    return (
        key(),
        parent("rom_id", "roms.id"),
        parent("user_id", "users.id"),
        *each(text, "file_name", "file_name_no_tags", "file_name_no_ext", length=450),
        text("file_extension", 100),
        text("file_path", 1000),
        big("file_size_bytes"),
        *each(flag, "is_public", "missing_from_fs"),
        *stamps(),
    )


def add_assets(schema: Schema) -> None:
    schema.add(
        "saves",
        *asset(),
        text("emulator", 50, nullable=True),
        text("slot", 255, nullable=True),
        text("slot_key", 255),
        text("content_hash", 32, nullable=True),
        link("origin_device_id", "devices.id", length=255),
        unique("user_id", "rom_id", "slot_key", "file_name"),
        index("user_id", "rom_id", "slot_key", "updated_at"),
        index("rom_id"),
    )
    schema.add(
        "states",
        *asset(),
        text("emulator", 50, nullable=True),
        unique("user_id", "rom_id", "file_name"),
        index("rom_id"),
    )
    schema.add(
        "screenshots",
        *asset(),
        flag("is_gallery"),
        unique("user_id", "rom_id", "file_name"),
        index("rom_id"),
    )


def add_firmware(schema: Schema) -> None:
    schema.add(
        "firmware",
        key(),
        parent("platform_id", "platforms.id"),
        ordered("file_name", 450),
        *each(text, "file_name_no_tags", "file_name_no_ext", length=450),
        text("file_extension", 100),
        text("file_path", 1000),
        *each(big, "file_size_bytes", "modified_ns"),
        *each(text, "crc_hash", "md5_hash", "sha1_hash", length=100),
        *each(flag, "is_verified", "missing_from_fs"),
        *stamps(),
        unique("platform_id", "file_name"),
    )


def add_system(schema: Schema) -> None:
    schema.add(
        "versions",
        text("name", 100, primary_key=True),
        big("number"),
    )
    schema.add(
        "entries",
        text("key", 255, primary_key=True),
        text("owner", 100, nullable=True),
        long("value"),
        big("expires_at"),
        *each(index, "expires_at", "owner"),
    )
    schema.add(
        "scan_runs",
        key(),
        text("kind", 20),
        long("scope", nullable=True),
        text("status", 20),
        text("phase", 40),
        *each(long, "stats", "position", "message", nullable=True),
        long("problems"),
        moment("started_at"),
        moment("ended_at", nullable=True),
        *stamps(),
        index("status"),
    )


def add_first_rows(connection: sa.Connection, schema: Schema) -> None:
    moment = datetime.now(UTC).replace(tzinfo=None)
    stamped = {"created_at": moment, "updated_at": moment}
    group = {"description": "", "is_system": True, **stamped}
    viewer = {"id": 1, "name": "Viewer (legacy)", "is_default": True, "color": "#3b82f6", **group}
    editor = {"id": 2, "name": "Editor (legacy)", "is_default": False, "color": "#f59e0b", **group}
    connection.execute(schema.tables["permission_groups"].insert(), [viewer, editor])
    if connection.dialect.name == "postgresql":  # ids given by hand do not move its sequence
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('permission_groups', 'id'), 2)"
        )
    grants = [(1, *grant) for grant in viewer_grants()]
    grants += [(2, *grant) for grant in (*viewer_grants(), *editor_grants())]
    columns = ("group_id", "entity", "action", "own_only")
    connection.execute(
        schema.tables["permission_group_grants"].insert(),
        [dict(zip(columns, grant, strict=True)) | stamped for grant in grants],
    )
    connection.execute(schema.tables["versions"].insert(), [{"name": "library", "number": 1}])


def viewer_grants() -> Iterator[tuple[str, str, bool]]:
    """(entity, action, own_only)"""
    for entity in ("roms", "platforms", "firmware", "collections", "playlists", "assets"):
        yield entity, "read", False
    for entity in ("collections", "playlists", "assets"):
        yield entity, "write", True
        yield entity, "delete", True
    for action in ("read", "write", "delete"):
        yield "devices", action, True


def editor_grants() -> Iterator[tuple[str, str, bool]]:
    """What editors may do beyond viewers."""
    for entity in ("roms", "platforms", "firmware"):
        yield entity, "write", False
        yield entity, "delete", False


def key() -> Column:
    return sa.Column("id", sa.Integer(), primary_key=True)


def parent(name: str, target: str, **options: Any) -> Column:
    """A row goes with the one it belongs to."""
    return reference(name, target, "CASCADE", **{"nullable": False, **options})


def link(name: str, target: str, **options: Any) -> Column:
    """A row stays when the one it points to goes."""
    return reference(name, target, "SET NULL", nullable=True, **options)


def reference(
    name: str, target: str, on_delete: str, length: int | None = None, **options: Any
) -> Column:
    kind = sa.String(length) if length else sa.Integer()
    return sa.Column(name, kind, sa.ForeignKey(target, ondelete=on_delete), **options)


def column(name: str, kind: Any, nullable: bool = False, **options: Any) -> Column:
    return sa.Column(name, kind, nullable=nullable, **options)


def text(name: str, length: int, **options: Any) -> Column:
    return column(name, sa.String(length), **options)


def ordered(name: str, length: int, **options: Any) -> Column:
    """Text that every database sorts by code point."""
    by_code_point = sa.String(length, collation="C")
    return column(name, sa.String(length).with_variant(by_code_point, "postgresql"), **options)


def long(name: str, **options: Any) -> Column:
    """Text or JSON of any length."""
    return column(name, sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), **options)


def moment(name: str, **options: Any) -> Column:
    """UTC to the microsecond."""
    exact = mysql.DATETIME(fsp=6)
    return column(name, sa.DateTime().with_variant(exact, "mysql", "mariadb"), **options)


def stamps() -> tuple[Column, Column]:
    return moment("created_at"), moment("updated_at")


def each(kind: Callable[..., Any], *names: str, **options: Any) -> tuple[Any, ...]:
    """Several columns or indexes that differ in their names alone."""
    return tuple(kind(name, **options) for name in names)


def number(name: str, **options: Any) -> Column:
    return column(name, sa.Integer(), **options)


def big(name: str, **options: Any) -> Column:
    return column(name, sa.BigInteger(), **options)


def double(name: str, **options: Any) -> Column:
    return column(name, sa.Double(), **options)


def flag(name: str) -> Column:
    return column(name, sa.Boolean())


def unique(*columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns)


def index(*columns: str) -> sa.Index:
    return sa.Index(None, *columns)
