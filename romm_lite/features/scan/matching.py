"""Which games a scan asks the providers of metadata about."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy import false as sql_false
from sqlalchemy import true as sql_true

from romm_lite.features.library.service import IDENTIFYING
from romm_lite.features.scan.hashes import is_named
from romm_lite.features.scan.kinds import KNOWN_ONLY, READ_ALL, ScanKind
from romm_lite.features.scan.scan import Scan
from romm_lite.metadata.registry import choose
from romm_lite.tables.roms import ROM_SOURCES, ROMS


def match_roms(scan: Scan) -> None:
    """Count the identified games among those that the providers are asked about."""
    sources = [provider.name for provider in choose(scan.sources)]
    if not sources and scan.run.kind in KNOWN_ONLY:
        scan.run.report(
            f"A scan of type {scan.run.kind} asks providers of metadata, and there is none: "
            "only what changed on the disk was looked for."
        )
    identified = and_(select_roms(scan, sources), _is_known_to(IDENTIFYING))
    query = select(func.count()).select_from(ROMS).where(identified)
    with scan.database.read() as session:
        scan.run.stats.identified_roms = session.execute(query).scalar_one()


def select_roms(scan: Scan, sources: Collection[str]) -> ColumnElement[bool]:
    """The ROMs about which these sources are asked."""
    return and_(
        ROMS.c.missing_from_fs == sql_false(),
        ROMS.c.platform_id.in_(scan.platforms),
        is_named(scan),
        _is_due(scan, sources),
    )


def _is_due(scan: Scan, sources: Collection[str]) -> ColumnElement[bool]:
    kind = scan.run.kind
    if kind is ScanKind.UPDATE:
        return and_(_is_known_to(IDENTIFYING), _is_known_to(sources))
    if kind is ScanKind.UNMATCHED:
        return or_(sql_false(), *(not_(_is_known_to([source])) for source in sources))
    if kind in READ_ALL or scan.is_of_roms:
        return sql_true()
    return ROMS.c.id > scan.last_known


def _is_known_to(sources: Collection[str]) -> ColumnElement[bool]:
    """Whether one of these has an id for the ROM."""
    return exists().where(
        ROM_SOURCES.c.rom_id == ROMS.c.id,
        ROM_SOURCES.c.source.in_(sources),
        ROM_SOURCES.c.external_id.is_not(None),
    )
