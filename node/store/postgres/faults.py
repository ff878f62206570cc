"""What PostgreSQL and its driver say, in our words. Their own text may hold values: never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import psycopg

from node.store.errors import (
    AwayError,
    DamagedDatabaseError,
    RefusedByServerError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    UnsafeServerError,
)

_FULL = ("53100", "25006")
"""Disk full; read-only transaction: a standby, or a server that was set so."""
_BY_ITS_FILES = ("42501", "58030", "XX000")
"""Where the server's own files are meant (`_takes_nothing`): its disk came back read-only, or it is
over its quota. Else the first means that our user lacks a right."""
_HELD = "55P03"
"""A table was waited for long enough: somebody changes it, or lets `VACUUM FULL` write it anew."""
_DAMAGED = ("XX001", "XX002")
_NO_RIGHT = "42501"
_NO_SCHEMA = "3F000"
_THERE = ("42710", "42723", "42P07")
"""A type, function or table that the store makes is there already."""
_SHARED = ("42P05", "26000")
"""A prepared statement is there already, or is not: of a session that others have, too."""
FULL: Final = (
    "store.url: the server's disk is full, or it may only be read (default_transaction_read_only);"
    " nothing was written. Free space, or take that back; the node resumes by itself"
)
_LACKS_A_RIGHT = (
    "store.url: its user lacks a right there; let it own database and tables (ALTER DATABASE ..."
    " OWNER TO), as after `hotline init`, then start again"
)
_LACKS_A_SCHEMA = (
    "store.url: the search path of its user names no schema that is there; mend it (ALTER ROLE ..."
    " SET search_path), then start again"
)
_SOMETHING_THERE = (
    "store.url: something else of the same name is in that database already; name an empty one"
)
POOLER: Final = (
    "store.url: a pooler gives one session of the server to several; set its pool_mode to session,"
    " or name the server itself"
)
_NAMED: Final[Mapping[str, tuple[type[StoreError], str | None]]] = {
    **dict.fromkeys(_FULL, (StoreFullError, FULL)),
    _HELD: (StoreBusyError, StoreBusyError.__doc__),
    **dict.fromkeys(_DAMAGED, (DamagedDatabaseError, DamagedDatabaseError.__doc__)),
    **dict.fromkeys(_SHARED, (UnsafeServerError, POOLER)),
    _NO_RIGHT: (RefusedByServerError, _LACKS_A_RIGHT),
    _NO_SCHEMA: (UnsafeServerError, _LACKS_A_SCHEMA),
    **dict.fromkeys(_THERE, (StoreError, _SOMETHING_THERE)),
}
_MAY_NOT_CONNECT = "its user may not connect to that database (GRANT CONNECT)"
_MAY_NOT_LOG_IN = "its user may not log in (ALTER ROLE ... LOGIN)"
_AT_ITS_LIMIT: Final = (
    "store.url: its user or database has as many connections as it may have; nothing was written."
    " End what holds them, or raise it (ALTER ROLE or DATABASE ... CONNECTION LIMIT); the node"
    " resumes by itself"
)
_LIMIT = re.compile(r"fatal: +too many connections for (role|database) ")
_CANNOT_OPEN = "[store] password does not open it"
_LETS_NOBODY = "it lets this user in from nowhere near here (pg_hba.conf)"
_UNKNOWN = "the user or database in [store] url does not exist"
_CERTIFICATE = "its certificate is not what sslrootcert in [store] url trusts"
_TLS = "it and [store] url do not agree on TLS"
_BY_STATE = {"28P01": _CANNOT_OPEN, "28000": _LETS_NOBODY, "3D000": _UNKNOWN}
_BY_TEXT = (
    (r"fatal: +password authentication failed|fe_sendauth: no password supplied", _CANNOT_OPEN),
    (r"failed: [^:\n]+: {2}[^\n]*pg_hba\.conf", _LETS_NOBODY),
    (r"fatal: +permission denied for database", _MAY_NOT_CONNECT),
    (r"fatal: +role \"\" is not permitted to log in", _MAY_NOT_LOG_IN),
    (r"fatal: +(role|database) \"\" does not exist", _UNKNOWN),
    (r"fatal: +[a-z0-9 \"]+ authentication failed for user", _LETS_NOBODY),
    (r"certificate verify failed|root certificate|server certificate for", _CERTIFICATE),
    (r"server does not support ssl|fatal: +connection requires a valid client cert", _TLS),
    (r"ssl error: (?!unexpected eof)", _TLS),
)
"""What libpq says of a connection that did not come about, in lower case, without what is quoted.

The server's SQLSTATE is not handed on with it. `SSL SYSCALL error` and an end in the middle of the
handshake are of a server, or a way to it, that goes away.
"""
_SAID_BY_SERVER: Final = re.compile(r"failed: [^:\n]+: {2}\S")
"""How grave it is, a colon, two blanks, and what it says: in whatever language."""
_UNREAD: Final = (
    "store.url: the database server answers and grants no session; nothing was written. It starts,"
    " has none left, or says in another language than English that it does not let this node in:"
    " see its log, or set lc_messages to 'C' in its postgresql.conf. The node resumes by itself"
)
_QUOTED = re.compile(r"\"[^\"]*\"")


def translate(error: psycopg.Error) -> StoreError:
    """Name an error of a statement in our words."""
    state = error.sqlstate or ""
    if _takes_nothing(error, state):
        return StoreFullError(FULL)
    if state in _NAMED:
        kind, said = _NAMED[state]
        return kind(said)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return AwayError(AwayError.__doc__)
    name = f"{type(error).__name__} {state}".strip()
    return StoreError(f"store: the database refused a statement ({name})")


def _takes_nothing(error: psycopg.Error, state: str) -> bool:
    """Whether the part of the server that writes its tables to their files could not."""
    at, by = error.diag.source_file, error.diag.source_function or ""
    return state in _BY_ITS_FILES and at == "md.c" and not by.startswith("mdread")


def refused(error: psycopg.Error) -> StoreError:
    """Name why no connection came about: the server is away, or it does not let us in."""
    reason = _BY_STATE.get(error.sqlstate or "")
    text = _QUOTED.sub('""', str(error).lower())
    if reason is None:
        found = (reason for pattern, reason in _BY_TEXT if re.search(pattern, text))
        reason = next(found, None)
    if reason is None and _LIMIT.search(text):
        return AwayError(_AT_ITS_LIMIT)
    if reason is None:
        return AwayError(_UNREAD if _SAID_BY_SERVER.search(text) else AwayError.__doc__)
    return RefusedByServerError(f"store.url: {reason}; mend it, then start again")
