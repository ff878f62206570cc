"""`hotline store migrate`: the store of a node goes from its file to a PostgreSQL server.

The node may run meanwhile. When all is there, the file refuses every change, the configuration
names the server, and the node ends by itself; whoever starts it again starts it on the server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.unlock import Unlock
from node.config.edit import change_file, with_values
from node.config.reading import parse
from node.setup.errors import AlreadySetUpError
from node.setup.opening import open_database_key
from node.store.errors import NoDriverError, StoreError, StoreFullError
from node.store.moving.source import open_source
from node.store.postgres.place import Postgres

if TYPE_CHECKING:
    from node.config import Config
    from node.store.moving.move import Moved, Tell
    from node.store.moving.source import Source


FULL_THERE = """
--to: the disk of that server is full, or it may only be read. Free space there, then run `hotline
store migrate` again; it goes on where it was.
"""


_OPTIONS = {
    "store.url": "--to",
    "[store] url": "--to",
    "[store] password": "--password",
    "the node resumes by itself": "then run it again",
    "then start again": "then run it again",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to: the URL, and where its password is (None: the server asks for none)."""

    to: str
    password: str | None


def move(config: Config, wish: Wish, tell: Tell) -> Moved:
    """Move the store of a configuration; what was broken off goes on.

    Raises:
        AlreadySetUpError: the store is on a server already.
        ConfigError: the configuration cannot be changed afterwards; `wish` is no URL.
        KeysError: a key or the password cannot be read.
        StoreError: as `node.store.moving.move.move`, of the file and of the server.
    """
    if config.store.url is not None:
        mend = "the store is on a server already; take it out to move what is in [store] path"
        raise AlreadySetUpError(f"[store] url: {mend}")
    values = _values(wish)
    text = config.source.read_text(encoding="utf-8")
    parse(with_values(text, "store", values), config.source)
    place = _place(wish)
    key = open_database_key(config)
    with open_source(config.store.path, key) as source:
        moved = _moved(source, place, key, tell)
    change_file(config.source, "store", values)
    return moved


def abandon(config: Config) -> bool:
    """Forget a move that is not done; the file goes on as if it had never begun.

    False: none is under way.

    Raises:
        AlreadySetUpError: the configuration names a server: a node may work there.
        MoveRefusedError: the store has moved.
        KeysError, StoreError: the file cannot be opened.
    """
    if config.store.url is not None:
        mend = "the store is on a server; there is no way back to the file"
        raise AlreadySetUpError(f"[store] url: {mend}")
    key = open_database_key(config)
    with open_source(config.store.path, key) as source:
        return source.abandon()


def _moved(source: Source, place: Postgres, key: bytes, tell: Tell) -> Moved:
    """Open the server before anything is noted in the file: a wrong URL leaves no trace.

    Raises:
        StoreError: see `move`.
    """
    began = source.moving()
    name = str(_now_ms()) if began is None else began.name
    try:
        from node.store.moving.move import move as move_  # noqa: PLC0415 - an extra
        from node.store.moving.target import Target, check_opened, has_begun  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoDriverError(NoDriverError.__doc__) from error
    try:
        known = began is not None and began.to != place.url and has_begun(place, began.name)
        if began is not None and not known:
            source.begin(name, place.url)
        if began is not None and began.opened:
            check_opened(place)
        target = Target(place, key, name)
        try:
            source.begin(name, place.url, is_known=known)
            return move_(source, target, _now_ms, tell)
        finally:
            target.close()
    except StoreFullError as error:  # of the file its driver says so
        raise StoreFullError(FULL_THERE) from error
    except StoreError as error:
        said = _in_its_words(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from error


def _in_its_words(said: str) -> str:
    """What is said of the server, of which no configuration knows yet: the options name it."""
    for field, option in _OPTIONS.items():
        said = said.replace(field, option)
    return said


def _values(wish: Wish) -> dict[str, str]:
    values = {"url": wish.to}
    return values if wish.password is None else {**values, "password": wish.password}


def _place(wish: Wish) -> Postgres:
    if wish.password is None:
        return Postgres(wish.to)
    return Postgres(wish.to, Unlock.from_config(wish.password, name="store.password").pin())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
