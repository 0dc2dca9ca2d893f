"""The commands. Each takes ``--data-dir``; errors are one line on standard error.

Exit codes: 0 done, 1 it failed, 2 it could not start (a setting, the database, a wrong word),
130 interrupted.
"""

import json
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar

import click

from romm_lite import __version__, app
from romm_lite.features.accounts import links, oidc_accounts
from romm_lite.features.accounts.address import own_address
from romm_lite.features.accounts.vouchers import Voucher
from romm_lite.features.library import trash as library_trash
from romm_lite.features.saves import command as saves_command
from romm_lite.features.scan.command import run_scan
from romm_lite.features.scan.kinds import OFFERED, ScanKind
from romm_lite.features.system import command as task_command
from romm_lite.kernel import log as logs
from romm_lite.kernel import settings as settings_table
from romm_lite.kernel.errors import AlreadyRunning, RommError, StartupError
from romm_lite.kernel.locks import hold, read_holder
from romm_lite.kernel.memory import share_heap
from romm_lite.kernel.resources import commit
from romm_lite.kernel.settings import Settings
from romm_lite.web.protocol import server_options
from romm_lite.wire.trash import TrashItemSchema
from romm_lite.wire.users import LONGEST_INVITE, UserCreate

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound to


def main() -> None:
    """The entry point of the installed command and of the frozen program."""
    multiprocessing.freeze_support()
    cli(prog_name="romm-lite")


def _say_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Errors raised on purpose become one line and an exit code, without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except StartupError as error:
            click.echo(f"romm-lite: {error}", err=True)
            sys.exit(2)
        except RommError as error:
            click.echo(f"romm-lite: {error}", err=True)
            sys.exit(1)
        except OSError as error:
            log.debug("Where it happened", exc_info=True)
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"romm-lite: {where}{error.strerror or error}", err=True)
            sys.exit(2)

    return run


def _data_dir(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Data folder; a folder made by RomM will do. Default: ROMM_BASE_PATH or your "
        "system's place for programs' data.",
    )(_say_errors(command))


def _library(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--library",
        type=click.Path(file_okay=False, path_type=Path),
        help="Library folder, when it does not lie in the data folder.",
    )(command)


def _settings(data_dir: Path | None, **overrides: Any) -> Settings:
    settings = settings_table.load({"romm_base_path": data_dir, **overrides})
    logs.set_up(settings.loglevel, force_color=settings.force_color, no_color=settings.no_color)
    logs.report_to_sentry(settings.sentry_dsn, __version__)
    return settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(f"{__version__} {commit()[:12]}".strip(), prog_name="romm_lite")
def cli() -> None:
    """romm_lite: a RomM-compatible ROM library server in one program."""


@cli.command()
@_data_dir
@_library
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option(
    "--setup-token",
    type=click.Choice(["auto", "none"]),
    help="`none` lets anybody who reaches the server create the first account.",
)
def serve(
    data_dir: Path | None,
    library: Path | None,
    host: str | None,
    port: int | None,
    setup_token: str | None,
) -> None:
    """Run the server."""
    settings = _settings(
        data_dir,
        romm_library_path=library,
        romm_host=host,
        romm_port=port,
        romm_setup_token=setup_token,
    )
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        log.warning("Running as root; an ordinary user is safer")
    places = settings.places
    places.data.mkdir(parents=True, exist_ok=True)
    about = {"host": settings.romm_host, "port": settings.romm_port}
    with hold(places.server_lock, about) as held:
        if not held:
            raise AlreadyRunning(_describe_holder(settings))
        _serve(settings)


def _describe_holder(settings: Settings) -> str:
    holder = read_holder(settings.places.server_lock)
    where = f" on port {holder['port']} (process {holder['pid']})" if holder else ""
    return (
        f"A server already runs on {settings.places.data}{where}. "
        "Stop it first, or give this one another folder with --data-dir."
    )


def _serve(settings: Settings) -> None:
    import uvicorn

    share_heap()
    listening = _bind(settings)
    with app.open_application(settings) as application:
        options = server_options(settings.romm_trusted_proxies)
        config = uvicorn.Config(application.asgi, **options)
        log.info("The library is %s", settings.places.library)
        log.info("romm_lite %s listens on %s", __version__, _address(settings))
        if application.setup_link:
            # Not by the log, which masks tokens.
            click.echo(f"Create the first account here: {application.setup_link}", err=True)
        # When it has shut down, uvicorn raises the signal again: what was opened is closed first.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)
        uvicorn.Server(config).run(sockets=[listening])


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _address(settings: Settings) -> str:
    host = settings.romm_host if settings.romm_host not in EVERYWHERE else "localhost"
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.romm_port}{settings.romm_root_path}"


def _bind(settings: Settings) -> socket.socket:
    host, port = settings.romm_host, settings.romm_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise StartupError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
        ) from error
    listening.set_inheritable(False)
    return listening


@cli.command()
@_data_dir
@_library
@click.option(
    "--type",
    "kind",
    type=click.Choice([kind.value for kind in OFFERED]),
    default=ScanKind.QUICK.value,
    show_default=True,
    help="quick looks for what changed, new_platforms into new folders alone; hashes reads every "
    "file again, complete names too; update and unmatched ask providers about known games.",
)
@click.option("--platform", "platforms", multiple=True, help="Only this folder; repeatable.")
@click.option(
    "--rom", "roms", type=int, multiple=True, help="Only the game with this id; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def scan(
    data_dir: Path | None,
    library: Path | None,
    kind: str,
    platforms: tuple[str, ...],
    roms: tuple[int, ...],
    as_json: bool,
) -> None:
    """Look through the library; works whether or not a server runs."""
    settings = _settings(data_dir, romm_library_path=library)
    with app.open_database(settings) as database:
        code = run_scan(settings, database, ScanKind(kind), platforms, roms, as_json=as_json)
        sys.exit(code)


@cli.command()
@_data_dir
@_library
def worker(data_dir: Path | None, library: Path | None) -> None:
    """Run tasks and scans beside the server, here or on another machine; needs Redis."""
    settings = _settings(data_dir, romm_library_path=library)
    if not settings.redis_url:
        raise StartupError("A worker shares its tasks with the server by Redis: set ROMM_REDIS_URL")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with app.open_worker(settings):
        log.info("A worker of romm_lite %s waits for tasks", __version__)
        threading.Event().wait()


@cli.group()
def task() -> None:
    """What the program does by itself."""


@task.command("list")
@_data_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tasks(data_dir: Path | None, as_json: bool) -> None:
    """List all tasks, their schedules, and how each ended last."""
    with app.open_queue(_settings(data_dir), "command line") as queue:
        task_command.show_tasks(queue, as_json=as_json)


@task.command("run")
@_data_dir
@_library
@click.argument("name")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--json", "as_json", is_flag=True, help="Print how it ended as one JSON object.")
def run_task(
    data_dir: Path | None,
    library: Path | None,
    name: str,
    arguments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a task, such as `cleanup_missing_roms dry_run=true`; the server does if it runs."""
    settings = _settings(data_dir, romm_library_path=library)
    with app.open_queue(settings, f"command line {os.getpid()}") as queue:
        sys.exit(task_command.run_task(queue, name, arguments, as_json=as_json))


@task.command("cancel")
@_data_dir
@click.argument("task_id", metavar="ID")
def cancel_task(data_dir: Path | None, task_id: str) -> None:
    """Stop a task, or call off one that waits; `task list` tells the id."""
    with app.open_queue(_settings(data_dir), "command line") as queue:
        task_command.cancel(queue, task_id)


@cli.group()
def user() -> None:
    """Accounts."""


@user.command("create")
@_data_dir
@click.argument("username")
@click.option("--email", default="", help="Mail address; may be left out.")
@click.option("--role", type=click.Choice(["admin", "user", "editor", "viewer"]), default="user")
@click.password_option(help="Asked for when not given.")
def create_user(data_dir: Path | None, username: str, email: str, role: str, password: str) -> None:
    """Create an account."""
    with app.open_accounts(_settings(data_dir)) as accounts:
        new = UserCreate(username=username, email=email, password=password, role=role)
        made = accounts.create_user(new)
        click.echo(f"Created {made['role']} {made['username']} (id {made['id']})")


@user.command("list")
@_data_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(data_dir: Path | None, as_json: bool) -> None:
    """List all accounts."""
    with app.open_accounts(_settings(data_dir)) as accounts:
        rows = accounts.list_users()
    if as_json:
        keys = ("id", "username", "role", "enabled")
        click.echo(json.dumps([{key: row[key] for key in keys} for row in rows]))
        return
    for row in rows:
        state = "" if row["enabled"] else "  (disabled)"
        click.echo(f"{row['id']:>4}  {row['role']:<5}  {row['username']}{state}")


@user.command("passwd")
@_data_dir
@click.argument("username")
@click.password_option(help="Asked for when not given.")
def change_password(data_dir: Path | None, username: str, password: str) -> None:
    """Set an account's password; its sessions and all its tokens end."""
    with app.open_accounts(_settings(data_dir)) as accounts:
        accounts.set_password(accounts.get_user_named(username)["id"], password)
        click.echo(f"The password of {username} is changed; its sessions and tokens are ended")


@user.command("disable")
@_data_dir
@click.argument("username")
@click.option("--undo", is_flag=True, help="Enable it again.")
def disable_user(data_dir: Path | None, username: str, undo: bool) -> None:
    """Lock an account out, or let it in again."""
    with app.open_accounts(_settings(data_dir)) as accounts:
        accounts.set_enabled(accounts.get_user_named(username)["id"], undo)
        click.echo(f"{username} is {'enabled' if undo else 'disabled'}")


@user.command("unlink")
@_data_dir
@click.argument("username")
def unlink_user(data_dir: Path | None, username: str) -> None:
    """Forget who an account is at the OpenID provider; its sessions end."""
    with app.open_accounts(_settings(data_dir)) as accounts:
        was_linked = oidc_accounts.unlink(accounts, accounts.get_user_named(username)["id"])
        click.echo(f"{username} {'is not linked any more' if was_linked else 'was not linked'}")


@user.command("invite")
@_data_dir
@click.option("--role", type=click.Choice(["admin", "user", "editor", "viewer"]), default="user")
@click.option(
    "--expiration",
    type=click.IntRange(1, LONGEST_INVITE),
    help="Seconds it may be used; INVITE_TOKEN_EXPIRY_SECONDS when not given.",
)
def invite_user(data_dir: Path | None, role: str, expiration: int | None) -> None:
    """Print a link with which somebody can create their own account, once."""
    settings = _settings(data_dir)
    with app.open_accounts(settings) as accounts:
        _show_link(settings, "register", links.invite(accounts, role, expiration))


@user.command("reset-link")
@_data_dir
@click.argument("username")
def make_reset_link(data_dir: Path | None, username: str) -> None:
    """Print a link with which the account's owner can set a new password, once."""
    settings = _settings(data_dir)
    with app.open_accounts(settings) as accounts:
        user_id = accounts.get_user_named(username)["id"]
        _show_link(settings, "reset-password", links.make_reset(accounts, user_id))


def _show_link(settings: Settings, page: str, voucher: Voucher) -> None:
    """The link on standard output, which is no log; until when it is good beside it."""
    running = read_holder(settings.places.server_lock)
    here = settings.model_copy(update={"romm_host": running["host"]} if running else None)
    address = own_address(here, running.get("port", settings.romm_port))
    click.echo(f"{address}/{page}?token={voucher.token}")
    click.echo(f"It works once, until {voucher.expires_at:%Y-%m-%d %H:%M} UTC", err=True)


@cli.group()
def trash() -> None:
    """What was deleted from the library."""


@trash.command("list")
@_data_dir
@_library
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_trash(data_dir: Path | None, library: Path | None, as_json: bool) -> None:
    """List what can be brought back, the newest first."""
    with app.open_library(_settings(data_dir, romm_library_path=library)) as opened:
        items = [TrashItemSchema(**item) for item in library_trash.list_all(opened)]
    if as_json:
        click.echo(json.dumps([item.model_dump(mode="json") for item in items]))
        return
    for item in items:
        size = f"{item.size_bytes / 1e6:,.1f} MB" if item.has_file else "no file"
        when = f"{item.deleted_at:%Y-%m-%d %H:%M}"
        click.echo(f"{item.id:>6}  {when}  {size:>14}  {item.kind:<8}  {item.library_path}")


@trash.command("restore")
@_data_dir
@_library
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**31 - 1))
def restore_trash(data_dir: Path | None, library: Path | None, number: int) -> None:
    """Bring something back, a platform with all that was deleted with it."""
    with app.open_library(_settings(data_dir, romm_library_path=library)) as opened:
        done = library_trash.restore(opened, None, number)
    click.echo(f"Brought back: {done.restored}")
    if done.left:
        click.echo(f"{done.left} rows stay in the trash: others took their place", err=True)


@trash.command("empty")
@_data_dir
@_library
@click.option(
    "--older-than",
    type=click.IntRange(0, 36500),
    metavar="DAYS",
    help="Only what was deleted so many days ago.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def empty_trash(
    data_dir: Path | None, library: Path | None, older_than: int | None, yes: bool
) -> None:
    """Remove what was deleted, for ever."""
    if not (yes or older_than):
        click.confirm("Remove all that was deleted, for ever?", abort=True)
    with app.open_library(_settings(data_dir, romm_library_path=library)) as opened:
        removed = library_trash.purge(opened, timedelta(days=older_than or 0))
    click.echo(f"Removed: {removed}")


@cli.group()
def saves() -> None:
    """Saves of all users, and every version there was of them."""


@saves.command("history")
@_data_dir
@click.option("--user", "username", help="Only of this user.")
@click.option("--game", help="Only of games with this in the name of their file.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_history(
    data_dir: Path | None, username: str | None, game: str | None, limit: int, as_json: bool
) -> None:
    """List versions, the newest first; each can be restored."""
    with app.open_store(_settings(data_dir)) as store:
        found = saves_command.list_history(store, username=username, game=game, limit=limit)
    if as_json:
        click.echo(json.dumps(found, default=str))
        return
    for each in found:
        when = f"{each['created_at']:%Y-%m-%d %H:%M:%S}"
        state = each["reason"] or "current"
        where = f"{each['username']}  {each['rom_name']}  {each['slot'] or '-'}"
        click.echo(f"{each['id']:>8}  {when}  {state:<12}  {where}  {each['file_name']}")


@saves.command("restore")
@_data_dir
@click.argument("number", metavar="VERSION", type=click.IntRange(1, 2**31 - 1))
def restore_version(data_dir: Path | None, number: int) -> None:
    """Make a version the newest save of its slot again; nothing else goes away."""
    with app.open_store(_settings(data_dir)) as store:
        save_id = saves_command.restore_version(store, number)
    click.echo(f"Restored as save {save_id}")


@saves.command("verify")
@_data_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_saves(data_dir: Path | None, as_json: bool) -> None:
    """Read and hash every content; exits with 1 if one is missing or damaged."""
    with app.open_store(_settings(data_dir)) as store:
        found, lost = saves_command.check_contents(store)
    if as_json:
        click.echo(json.dumps(saves_command.as_json(found, lost)))
    else:
        click.echo(f"{found.checked} contents, {found.size / 1e6:,.1f} MB")
        left = f"{found.unreferenced} without owner, {found.unfinished} unfinished"
        click.echo(f"Removed: {left}. Not taken into the store yet: {found.not_adopted}")
        for each in lost:
            word = "missing" if each["sha256"] in found.missing else "damaged"
            click.echo(f"{word}: version {each['id']}, {each['file_name']}", err=True)
    if not found.is_sound:
        sys.exit(1)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the server."""
    click.echo(app.describe(settings_table.load()).rendered)


@cli.group()
def db() -> None:
    """The database."""


@db.command("migrate")
@_data_dir
def migrate_database(data_dir: Path | None) -> None:
    """Bring the database up to date; the server does the same when it starts."""
    with app.open_database(_settings(data_dir)):
        click.echo("The database is up to date")


@db.command("check")
@_data_dir
def check_database(data_dir: Path | None) -> None:
    """Check the database for damage."""
    problems = app.check_database(_settings(data_dir))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(1)
    click.echo("The database is sound")
