"""What the driver of a file says, in our words; of a server: `node.store.postgres.faults`."""

from __future__ import annotations

from typing import Final

import sqlcipher3

from node.store.errors import (
    DamagedDatabaseError,
    MovedDatabaseError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    WrongKeyError,
)

MOVED = "hotline: this store has moved"
"""What a file says to whoever writes after its store went to a server (`node.store.moving`)."""
_NAMED: Final[tuple[tuple[str, type[StoreError]], ...]] = (
    ("disk is full", StoreFullError),
    ("readonly", StoreFullError),
    ("disk i/o", StoreFullError),
    ("database is locked", StoreBusyError),
    ("malformed", DamagedDatabaseError),
    ("not a database", WrongKeyError),
    (MOVED, MovedDatabaseError),
)
"""What the driver says, in lower case, and what it is."""


def driver_errors() -> tuple[type[Exception], ...]:
    """The exceptions that the driver raises (they are not `sqlite3.Error`)."""
    return (sqlcipher3.Error,)


def translate(error: BaseException) -> BaseException:
    """Name a driver's error in our words; anything else is returned as it is.

    But no future takes a `StopIteration`: whoever waits for it would wait for ever.
    """
    if isinstance(error, StopIteration):
        return RuntimeError("store: a job raised StopIteration")
    return in_our_words(error) if isinstance(error, sqlcipher3.Error) else error


def in_our_words(error: sqlcipher3.Error) -> StoreError:
    """Name what the driver raised."""
    text = str(error).lower()
    for words, named in _NAMED:
        if words in text:
            return named(named.__doc__)
    if "unable to open" in text:
        mend = "check owner, space, whether its disk may be written, how many files may be open"
        return StoreError(f"store.path: this file, or one beside it, cannot be opened; {mend}")
    return StoreError(f"store: the database refused a statement ({type(error).__name__})")


def is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock that a statement needs."""
    return "database is locked" in str(error).lower()
