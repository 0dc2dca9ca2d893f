"""The house rules: who may import whom, and what no file may do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from romm_lite.kernel.resources import shipped

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "romm_lite"
FILES = sorted(PACKAGE.rglob("*.py"))
FEATURES = ("accounts", "library", "saves", "scan", "feeds", "live", "system")
LONGEST_FILE = 600

GROUND = {"kernel"}
ALLOWED = {
    "kernel": set(),
    "tables": GROUND,
    "wire": GROUND,
    "web": GROUND,
    "disk": GROUND,
    "metadata": GROUND | {"disk"},
    "db": GROUND | {"tables"},
    "features": GROUND | {"tables", "wire", "web", "disk", "metadata", "db"},
    "desktop": GROUND | {"db"},
}
COMPOSITION = {"app", "cli", "__main__"}

IMPORTED_WHERE_USED = {
    "alembic", "asyncssh", "authlib", "engineio", "fcntl", "huey", "inflate64", "joserfc",
    "msvcrt", "mutagen", "PIL", "psycopg", "py7zr", "pymysql", "pysqlite3", "pystray", "pyxdelta",
    "rapidfuzz", "rarfile", "redis", "resource", "rich", "ruamel", "segno", "sentry_sdk",
    "socketio", "swagger_ui_bundle", "uvicorn", "watchdog", "zeroconf",
}  # fmt: skip
"""Heavy, optional or bound to one system: importing all of them costs seconds and megabytes."""


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path, ast.parse(path.read_text(encoding="utf-8"))


MODULES = {name: (path, tree) for name, path, tree in modules()}


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every imported module, ``from a import b`` as ``a.b`` where that is a module of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in MODULES else node.module), node


def top_level(tree: ast.Module) -> set[ast.stmt]:
    found: set[ast.stmt] = set()
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop()
        found.add(statement)
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [c for c in ast.iter_child_nodes(statement) if isinstance(c, ast.stmt)]
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def may_import(module: str, wanted: str) -> bool:
    here, there = room(module), room(wanted)
    if here in COMPOSITION or not there:
        return here in COMPOSITION or wanted == "romm_lite"
    if here == there and here != "features":
        return True
    if here == "features" and there == "features":
        mine, theirs = module.split(".")[2:3], wanted.split(".")[2:]
        if mine == theirs[:1]:
            return True
        before = FEATURES.index(theirs[0]) < FEATURES.index(mine[0])
        return before and theirs[1:2] == ["service"]
    if here == "desktop" and there == "features":
        return wanted.endswith(".service")
    return there in ALLOWED.get(here, set())


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_rules(module: str) -> None:
    _, tree = MODULES[module]
    ours = [name for name, _ in imports(tree) if name.split(".")[0] == "romm_lite"]
    refused = [name for name in ours if not may_import(module, name)]
    assert not refused, f"{module} may not import {refused}"


@pytest.mark.parametrize("module", MODULES)
def test_own_modules_are_imported_at_the_top(module: str) -> None:
    _, tree = MODULES[module]
    top = top_level(tree)
    hidden = [n for n, node in imports(tree) if n.startswith("romm_lite") and node not in top]
    assert not hidden, f"{module} hides imports of {hidden} in a function"
    assert "TYPE_CHECKING" not in {getattr(n, "id", "") for n in ast.walk(tree)}


@pytest.mark.parametrize("module", MODULES)
def test_heavy_libraries_are_imported_where_they_are_used(module: str) -> None:
    _, tree = MODULES[module]
    top = top_level(tree)
    early = [
        name
        for name, node in imports(tree)
        if node in top and name.split(".")[0] in IMPORTED_WHERE_USED
    ]
    assert not early, f"{module} imports {early} at the top"


def test_there_is_no_import_cycle() -> None:
    edges = {m: {n for n, _ in imports(tree) if n in MODULES} for m, (_, tree) in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way[way.index(module) :], module))
        if module not in done:
            for wanted in edges[module]:
                visit(wanted, (*way, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) != "kernel"])
def test_only_the_settings_read_the_environment(module: str) -> None:
    _, tree = MODULES[module]
    read = {"environ", "getenv", "environb"}
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not names & read, f"{module} reads the environment"


LIVE_OBJECTS = {
    "create_engine", "open_engine", "Engine", "Session", "Database", "Client", "AsyncClient",
    "SqliteHuey", "RedisHuey", "AsyncServer", "Redis", "Settings", "load", "ThreadPoolExecutor",
    "ProcessPoolExecutor", "Starlette",
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_nothing_alive_is_made_at_import(module: str) -> None:
    _, tree = MODULES[module]
    made = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                made += [name] if name in LIVE_OBJECTS else []
    assert not made, f"{module} makes {made} when it is imported"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_file_is_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{path.name} has {lines} lines: split it"


def test_every_package_says_what_lives_in_it() -> None:
    silent = [
        name
        for name, (path, tree) in MODULES.items()
        if path.name == "__init__.py" and not ast.get_docstring(tree)
    ]
    assert not silent


def test_migrations_import_nothing_of_ours() -> None:
    for path in shipped("migrations").rglob("*.py"):
        roots = {name.split(".")[0] for name, _ in imports(ast.parse(path.read_text()))}
        assert not roots & {"romm_lite", "sqlmodel"}, path.name
