"""What PostgreSQL and its driver say, in our words. Their own text may hold values: never shown."""

from __future__ import annotations

import psycopg

from node.store.errors import (
    AwayError,
    DamagedDatabaseError,
    RefusedByServerError,
    StoreError,
    StoreFullError,
)

_FULL = ("53100", "25006")
"""Disk full; read-only transaction: a standby, or a server that was set so."""
_DAMAGED = ("XX001", "XX002")
_REFUSED = (
    ("password", "[store] password does not open it"),
    ("certificate", "its certificate is not what sslrootcert in [store] url trusts"),
    ("pg_hba.conf", "it lets this user in from nowhere near here (pg_hba.conf)"),
    ("does not exist", "the user or database in [store] url does not exist"),
    ("ssl", "it and [store] url do not agree on TLS"),
)


def translate(error: psycopg.Error) -> StoreError:
    """Name an error of a statement in our words."""
    state = error.sqlstate or ""
    if state in _FULL:
        return StoreFullError(StoreFullError.__doc__)
    if state in _DAMAGED:
        return DamagedDatabaseError(DamagedDatabaseError.__doc__)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return AwayError(AwayError.__doc__)
    name = f"{type(error).__name__} {state}".strip()
    return StoreError(f"store: the database refused a statement ({name})")


def refused(error: psycopg.Error) -> StoreError:
    """Name why no connection came about: the server is away, or it does not let us in."""
    text = str(error).lower()
    for word, reason in _REFUSED:
        if word in text:
            return RefusedByServerError(f"store.url: {reason}; mend it, then start again")
    return AwayError(AwayError.__doc__)
