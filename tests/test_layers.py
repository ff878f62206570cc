"""The walls of the house: who may import whom, who may touch the world, how large a room may grow.

Read from the source text with `ast`, so nothing is imported, installed or guessed; import-linter
checks the first rule a second time.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import keys
import node
import protocol
from node.casework.incoming.arrivals import Arrived

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("keys", "protocol", "node")

POLICIES = {"casework", "jurisdiction", "matching"}
EDGES = {
    "api",
    "app",
    "asking",
    "cli",
    "doctor",
    "evidence",
    "hashcheck",
    "loops",
    "peer",
    "registry",
    "setup",
    "telemetry",
}
"""Rooms of `node/`: a policy knows nothing of sockets, terminals and listeners."""

TOP_ROOMS = {"app", "cli"}
"""Imported by nobody but each other: they know every part, no part knows them."""

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

MAY_IMPORT = {
    "keys": {"keys"},
    "protocol": {"keys", "protocol"},
    "node": {"keys", "protocol", "node"},
}

EFFECTS = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets",
    "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading",
    "time", "urllib", "uuid",
}  # fmt: skip
"""Standard modules that reach the world, the clock or chance: `protocol/` imports none of them."""

PROTOCOL_PARTS = {"keys", "protocol", "msgpack", "msgspec"}
"""Besides harmless standard modules, all that `protocol/` may lean on."""

DATABASES = {"sqlite3", "sqlcipher3", "pysqlite3", "sqlite_utils", "psycopg", "aiosqlite"}

SQL = re.compile(
    r"^\s*(?:select\s.+\sfrom\s|insert\s+(?:or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|"
    r"delete\s+from\s|create\s+(?:table|index|trigger|view)\s|pragma\s+\w+|begin\s+immediate)",
    re.IGNORECASE | re.DOTALL,
)

HANDLES = {"row_id", "rowid", "seq"}
READ_ROWS = "node/evidence/"
"""Finds what somebody changed in rows of the store, and names them: by their numbers, too."""
SEQUENCES = ("node/casework/showing/change_views.py", "node/matching/near/bands.py")
"""Where `seq` is an event's place in the history: the hash chain and the change feed count it."""

CONNECTIONS = {
    "Connection", "Cursor", "InlineReaders", "InlineWriter", "ThreadReaders", "ThreadWriter",
    "open_alone", "open_beside", "open_locked", "open_reader", "open_writer",
}  # fmt: skip
"""What gives or holds a connection to the store; others have `Store` or `node.store.beside`."""
RUNS_SQL = {"execute", "executemany", "run_now", "fetchone", "fetchall"}

CHANCE = {"random", "secrets", "uuid"}
MAY_USE_CHANCE = ("keys/", "node/ids.py", "node/api/access.py", "node/app.py")
"""Keys are generated and sealed; identifiers and tokens are minted; app hands sources to seams."""

FILE_MODULES = {"io", "shutil", "tempfile"}
FILE_CALLS = {
    "chmod", "hardlink_to", "iterdir", "mkdir", "read_bytes", "read_text", "rmdir", "symlink_to",
    "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip
OS_FILE_CALLS = {
    "fdopen", "link", "listdir", "makedirs", "open", "remove", "rename", "replace", "scandir",
    "symlink", "truncate",
}  # fmt: skip
MAY_OPEN_FILES = (
    "keys/keyfile.py",
    "node/app.py",
    "node/cli/",
    "node/config",
    "node/evidence/",
    "node/interchange/",
    "node/jurisdiction/datafiles.py",
    "node/jurisdiction/proxies.py",
    "node/jurisdiction/status.py",
    "node/registry/",
    "node/setup/",
    "node/setup/",
    "node/store/",
    "node/telemetry/snapshot.py",
)
"""Everything else is handed bytes, text or an open stream."""


@cache
def modules() -> dict[str, ast.Module]:
    """Parse every module of the three packages, by its path from the root."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_bytes(), str(path))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def package_of(path: str) -> str:
    """Name the top-level package that a module stands in."""
    return path.split("/", 1)[0]


def room_of(name: str) -> str:
    """Name the room of `node/` that a dotted module name or a path stands in."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    return parts[1] if parts[0] == "node" and len(parts) > 1 else ""


def typing_only(tree: ast.AST) -> set[int]:
    """Give the ids of all nodes under `if TYPE_CHECKING:`; they never run."""
    return {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.If)
        and isinstance(outer.test, ast.Name)
        and outer.test.id == "TYPE_CHECKING"
        for inner in ast.walk(outer)
    }


def imports(tree: ast.AST, *, running: bool = False) -> Iterator[str]:
    """Give the full name of everything imported; with `running`, only what is imported for use."""
    ignored = typing_only(tree) if running else set()
    for item in ast.walk(tree):
        if id(item) in ignored:
            continue
        if isinstance(item, ast.Import):
            yield from (alias.name for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and item.module and not item.level:
            yield item.module


def top(name: str) -> str:
    """Give the top-level package of a dotted name."""
    return name.split(".", 1)[0]


def opens_files(tree: ast.AST) -> bool:
    """Tell whether a module imports file modules, or calls what opens, reads or writes files."""
    if any(top(name) in FILE_MODULES for name in imports(tree, running=True)):
        return True
    return any(is_file_call(item.func) for item in ast.walk(tree) if isinstance(item, ast.Call))


def is_file_call(called: ast.expr) -> bool:
    """Tell whether a called name reaches a file: `open`, `os.open`, `path.read_bytes`."""
    if isinstance(called, ast.Name):
        return called.id == "open"
    if not isinstance(called, ast.Attribute):
        return False
    if isinstance(called.value, ast.Name) and called.value.id == "os":
        return called.attr in OS_FILE_CALLS
    return called.attr in FILE_CALLS


def strings(tree: ast.AST) -> Iterator[str]:
    """Give every string of a module that is not a docstring."""
    documented = {
        id(item.value)
        for item in ast.walk(tree)
        if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
    }
    for item in ast.walk(tree):
        if not isinstance(item, ast.Constant) or id(item) in documented:
            continue
        if isinstance(item.value, str):
            yield item.value


def connection_in(item: ast.AST) -> Iterator[str]:
    """Yield what gives a connection to the store, or runs something on one."""
    match item:
        case ast.ImportFrom(module=str(module), names=names) if module.startswith("node.store"):
            yield from (one.name for one in names if one.name in CONNECTIONS)
        case ast.Attribute(attr=name) if name in RUNS_SQL:
            yield name


def handle_in(item: ast.AST) -> str | None:
    """Return the name of a row's number that a field, an argument or a look at one gives."""
    match item:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.arg(arg=name) | ast.keyword(arg=name):
            return name if name in HANDLES else None
        case ast.Attribute(attr=name):
            return name if name in {*HANDLES, "row"} else None
    return None


def test_keys_is_below_protocol_is_below_node() -> None:
    """An arrow that points back is named with the module it starts from."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        for name in imports(tree)
        if top(name) in PACKAGES and top(name) not in MAY_IMPORT[package_of(path)]
    ]
    assert not wrong


def test_policies_know_no_edges() -> None:
    """What decides is handed everything; so the simulation and another listener can reuse it."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if room_of(path) in POLICIES
        for name in imports(tree)
        if room_of(name) in EDGES or top(name) == "aiohttp"
    ]
    assert not wrong


def test_nobody_knows_who_puts_the_parts_together() -> None:
    """The command line and the composition root stand on top."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if room_of(path) not in TOP_ROOMS
        for name in imports(tree)
        if room_of(name) in TOP_ROOMS
    ]
    assert not wrong


def test_nothing_is_imported_relatively() -> None:
    """A reader sees from every import line which package it means."""
    wrong = [
        path
        for path, tree in modules().items()
        if any(isinstance(item, ast.ImportFrom) and item.level for item in ast.walk(tree))
    ]
    assert not wrong


def test_protocol_reaches_neither_world_nor_clock_nor_chance() -> None:
    """What is said between members is pure, so that a simulation can run thousands of worlds."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if package_of(path) == "protocol"
        for name in imports(tree)
        if top(name) in EFFECTS
        or (top(name) not in sys.stdlib_module_names and top(name) not in PROTOCOL_PARTS)
    ]
    assert not wrong


def test_only_the_store_knows_a_database() -> None:
    """A second store, and the simulation, need every other room to be free of SQL."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if not path.startswith("node/store/")
        for name in imports(tree)
        if top(name) in DATABASES
    ]
    assert not wrong


def test_only_the_store_speaks_sql() -> None:
    """A statement anywhere else would be a second place that knows the tables."""
    wrong = [
        f"{path}: {text.strip()[:40]}"
        for path, tree in modules().items()
        if not path.startswith("node/store/")
        for text in strings(tree)
        if SQL.match(text)
    ]
    assert not wrong


def test_connections_and_cursors_stay_in_the_store() -> None:
    """Who has one has the tables. Others name a function of the store, and it runs there."""
    wrong = [
        f"{path}: {name}"
        for path, tree in modules().items()
        if not path.startswith("node/store/")
        for item in ast.walk(tree)
        for name in connection_in(item)
    ]
    assert not wrong


def test_row_ids_stay_in_the_store() -> None:
    """Another store numbers its rows its own way: what a seam carries is named by what it means."""
    wrong = [
        f"{path}: {name}"
        for path, tree in modules().items()
        if not path.startswith(("node/store/", READ_ROWS, *SEQUENCES))
        for item in ast.walk(tree)
        if (name := handle_in(item)) is not None
    ]
    assert not wrong


def test_only_the_store_knows_how_it_finds_an_entry_in_custody_again() -> None:
    """Whoever judges has an `Arrived`; the row that it is stands in a type that it cannot name."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if not path.startswith("node/store/")
        for name in imports(tree)
        if name.startswith("node.store.channels.custody")
    ]
    assert not wrong
    assert "row" not in Arrived.__struct_fields__


def test_files_are_opened_in_few_places() -> None:
    """Private keys touch the disk in `keys/keyfile.py` alone; policies are handed bytes."""
    wrong = [
        path
        for path, tree in modules().items()
        if not path.startswith(MAY_OPEN_FILES) and opens_files(tree)
    ]
    assert not wrong


def test_one_module_speaks_pkcs11() -> None:
    """What sessions, retries and PINs need stands in one place; the part is optional."""
    found = {path for path, tree in modules().items() if "pkcs11" in map(top, imports(tree))}
    assert found == {"keys/hsm.py"}


def test_chance_is_an_argument() -> None:
    """Randomness comes from few places; everybody else is handed it, so that seeds replay."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules().items()
        if not path.startswith(MAY_USE_CHANCE)
        for name in imports(tree, running=True)
        if top(name) in CHANCE
    ]
    assert not wrong


def test_the_checker_of_the_demo_owes_nothing_to_the_node() -> None:
    """A judge that shares code with the judged would repeat its mistakes."""
    checkers = sorted((ROOT / "examples").glob("**/checker*.py"))
    wrong = [
        f"{path.name} imports {name}"
        for path in checkers
        for name in imports(ast.parse(path.read_bytes()))
        if top(name) == "node"
    ]
    assert not wrong


def test_the_checker_of_the_year_owes_nothing_to_the_node() -> None:
    """As above; nor does it lean on what makes and plays the year."""
    source = (ROOT / "tests" / "simulation" / "europe" / "checker.py").read_bytes()
    found = {top(name) for name in imports(ast.parse(source))}
    assert not found & {"node", "protocol", "keys", "tests"}


def test_no_file_outgrows_a_reader() -> None:
    """A file over the ceiling has two things to say and becomes two files."""
    wrong = {
        path: lines
        for path in modules()
        if (lines := (ROOT / path).read_bytes().count(b"\n")) > MAX_FILE_LINES
    }
    assert not wrong


def test_no_function_outgrows_a_screen() -> None:
    """Most are under twenty lines; the ceiling counts signature and docstring too."""
    wrong = [
        f"{path}:{item.lineno} {item.name}"
        for path, tree in modules().items()
        for item in ast.walk(tree)
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        and (item.end_lineno or item.lineno) - item.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not wrong


def test_the_three_packages_are_ours() -> None:
    """Others publish packages named `node` and `protocol`: none may stand in this environment."""
    owners = importlib.metadata.packages_distributions()
    foreign = {
        name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"hotline-exchange"}
    }
    assert not foreign
    for package in (keys, protocol, node):
        assert Path(str(package.__file__)).parent == ROOT / package.__name__
