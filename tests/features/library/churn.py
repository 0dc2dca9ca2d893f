"""A process that deletes ROMs and brings them back until it is killed; for ``test_journal``.

Its argument seeds the dice.
"""

import random
import sys
from dataclasses import replace

from sqlalchemy import select

from romm_lite import app
from romm_lite.features.accounts.identity import NOBODY
from romm_lite.features.library import trash
from romm_lite.features.library.deletions import delete_roms
from romm_lite.features.library.store import Library
from romm_lite.kernel import settings as settings_table
from romm_lite.kernel.scopes import Role
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH
from romm_lite.wire.bulk import RomsDelete

ADMINISTRATOR = replace(NOBODY, role=Role.ADMIN)


def main() -> None:
    settings = settings_table.load()
    dice = random.Random(sys.argv[1])
    with app.open_database(settings) as database:
        library = Library(settings, database)
        while True:
            with database.read() as session:
                roms = session.scalars(select(ROMS.c.id)).all()
                items = session.scalars(
                    select(TRASH.c.id).where(TRASH.c.kept_rows.is_not(None))
                ).all()
            some = dice.sample(roms, min(len(roms), dice.randint(1, 20)))
            delete_roms(library, ADMINISTRATOR, RomsDelete(roms=some, delete_from_fs=some))
            for item in dice.sample(items, min(len(items), dice.randint(1, 10))):
                trash.restore(library, None, item)


if __name__ == "__main__":
    main()
