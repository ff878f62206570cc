"""The schema of a store in PostgreSQL: forward only, each file whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import resources

from node.store.errors import UnreleasedDatabaseError
from node.store.postgres.catalog import Catalog
from node.store.postgres.connection import Raw
from node.store.schema_files import SCHEMA_FILES

_MADE = re.compile(r"CREATE (?:UNIQUE )?(?:TABLE|VIEW|INDEX|DOMAIN|FUNCTION) (\w+)")
_NAMES = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
UNION SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace
UNION SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""
_MODEL = "hotline_model"


def make(raw: Raw) -> None:
    """Apply every file to a database that has none, in the caller's transaction."""
    for number, name in enumerate(SCHEMA_FILES, 1):
        _apply(raw, number, name)


def bring_up_to_date(raw: Raw) -> None:
    """Apply the files that the database has not seen; complete the last one while it grows.

    Raises:
        UnreleasedDatabaseError: a table has other columns than the schema.
    """
    here = _applied(raw)
    for number, name in enumerate(SCHEMA_FILES, 1):
        if here.get(number) == _digest(name):
            continue
        with raw.transaction():
            raw.execute("LOCK TABLE schema_files")
            here = _applied(raw)  # another process may have done it meanwhile
            if here.get(number) == _digest(name):
                continue
            if number in here:
                _complete(raw, number, name)
            else:
                _apply(raw, number, name)


def is_behind(raw: Raw) -> bool:
    """Whether a file has not been applied to the database, or has grown since."""
    return _applied(raw) != {number: _digest(name) for number, name in enumerate(SCHEMA_FILES, 1)}


def _applied(raw: Raw) -> dict[int, bytes]:
    """The digest of each file, as it was when it was applied here, by its number."""
    return dict(raw.execute("SELECT number, sha256 FROM schema_files").fetchall())


def _apply(raw: Raw, number: int, name: str) -> None:
    raw.execute(_text(name).encode(), prepare=False)
    raw.execute("INSERT INTO schema_files VALUES (%s, %b)", [number, _digest(name)])


def _complete(raw: Raw, number: int, name: str) -> None:
    """Make what the file has gained since (see `node.store.upgrade.completing`)."""
    here, wanted = Catalog.read(raw).tables, _wanted(raw, number)
    for table, model in wanted.tables.items():
        if table in here and here[table] != model:
            raise UnreleasedDatabaseError(UnreleasedDatabaseError.__doc__)
    names = {row[0] for row in raw.execute(_NAMES)}
    for statement in _statements(name):
        made = _MADE.match(statement)
        if made is None or made[1] not in names:
            raw.execute(statement.encode())
    raw.execute("UPDATE schema_files SET sha256 = %b WHERE number = %s", [_digest(name), number])


def _wanted(raw: Raw, number: int) -> Catalog:
    """What the files up to this one make, tried in a schema of its own that is gone afterwards."""
    with raw.transaction(force_rollback=True):
        raw.execute(f"CREATE SCHEMA {_MODEL}")
        raw.execute(f"SET LOCAL search_path = {_MODEL}")
        for name in SCHEMA_FILES[:number]:
            raw.execute(_text(name).encode(), prepare=False)
        return Catalog.read(raw)


def _text(name: str) -> str:
    place = resources.files("node.store") / "schema" / "postgres" / name
    return place.read_text(encoding="utf-8")


def _digest(name: str) -> bytes:
    return hashlib.sha256(_text(name).encode()).digest()


def _statements(name: str) -> Iterator[str]:
    """The statements of a file; each ends with a semicolon at the end of its line."""
    lines = [line.partition("-- ")[0].rstrip() for line in _text(name).splitlines()]
    yield from (one.strip() for one in "\n".join(lines).split(";\n") if one.strip())
