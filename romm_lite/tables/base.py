"""What all tables share: column types that mean the same on every database, and time stamps."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import orjson
from sqlalchemy import Column, DateTime, Dialect, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

from romm_lite.kernel.paths import NAME_LENGTH, PATH_LENGTH
from romm_lite.kernel.times import as_utc, now

HASH_LENGTH = 100

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC with microseconds by databases that know no zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else as_utc(value).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def long_text() -> TypeEngine[str]:
    """Text without a practical limit, on MariaDB and MySQL too."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


class Json(TypeDecorator[Any]):
    """JSON kept as text, so that a list can pass it through to the wire without parsing it."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return long_text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


def ordered_text(length: int) -> TypeEngine[str]:
    """Text that every database sorts by code point, as Python does."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Base(SQLModel):
    """Parent of every table."""

    metadata: ClassVar[MetaData] = METADATA
    __table_args__: ClassVar[Any] = ()


class Stamped(Base):
    """A table whose rows know when they were made and last changed."""

    created_at: datetime = Field(
        default_factory=now, sa_type=Moment, sa_column_kwargs={"default": now, "nullable": False}
    )
    updated_at: datetime = Field(
        default_factory=now,
        sa_type=Moment,
        sa_column_kwargs={"default": now, "onupdate": now, "nullable": False},
    )


ENGINE = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
"""MariaDB's own defaults are Latin-1 and equate case, accents and trailing blanks.

SQLite's give the id of a deleted last row to the next one, which clients that remember ids would
take for the same ROM or save.
"""


def arranged(*items: Any, **options: Any) -> tuple[Any, ...]:
    """``__table_args__``: indexes and constraints, with the engine every table uses."""
    return (*items, {**ENGINE, **options})


def key() -> Any:
    """The integer primary key of a table; None until the row is stored."""
    return Field(default=None, primary_key=True)


def parent(
    column: str,
    *,
    on_delete: Literal["CASCADE", "SET NULL"] = "CASCADE",
    length: int | None = None,
) -> Any:
    """A reference to ``table.column``: the row goes with its parent, or forgets it.

    ``length`` is that of a key made of text; MariaDB has no text keys without one.
    """
    if on_delete == "SET NULL":
        return Field(
            default=None,
            foreign_key=column,
            ondelete=on_delete,
            nullable=True,
            max_length=length,
        )
    return Field(foreign_key=column, ondelete=on_delete, nullable=False, max_length=length)


def table_of(model: type[Base]) -> Table:
    """The table behind a class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def file_name() -> Any:
    """A file's base name, sorted by code point."""
    return Field(sa_column=Column(ordered_text(NAME_LENGTH), nullable=False))


def file_path() -> Any:
    """The folder of a file relative to its root, with ``/``."""
    return Field(max_length=PATH_LENGTH)


def long() -> Any:
    """Text of any length, empty by default."""
    return Field(default="", sa_column=Column(long_text(), nullable=False, default=""))


def optional_json(*, is_secret: bool = False) -> Any:
    """A JSON value or SQL NULL; a secret one is left out when the row is printed."""
    return Field(default=None, sa_type=Json, nullable=True, repr=not is_secret)


def json_list() -> Any:
    """A JSON list, empty by default."""
    return Field(default_factory=list, sa_type=Json, sa_column_kwargs={"default": list})


def optional_moment() -> Any:
    """A moment that may never have been."""
    return Field(default=None, sa_type=Moment, nullable=True)


def digest(length: int = HASH_LENGTH) -> Any:
    """A hash in lower-case hex, or None while it is not known."""
    return Field(default=None, max_length=length, nullable=True)
