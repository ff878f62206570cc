"""Whether the server takes up what is erased and written anew: dead rows keep their room till then.

Erased bodies lie in the pages of the server until its autovacuum has come, and the store grows with
each change instead of with what it holds. A body that is long lies in a table of the server's own
beside ours (TOAST), which has settings and dead rows of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from node.store.seam import Connection

MANY_DEAD: Final = 100_000
"""Dead rows of one table below which its autovacuum may just not have come yet."""
_OWNED: Final = """
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('tenure')
"""
_READ_ONLY: Final = """
SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'on'
"""
"""What a session began with: one that only reads has set it for itself."""
NEGLECTED: Final = f"""
WITH ours AS (
    SELECT oid, relname AS name, reloptions, reltoastrelid FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
), kept AS (
    SELECT oid, name, reloptions FROM ours
    UNION ALL
    SELECT beside.oid, 'what is long in ' || ours.name, beside.reloptions
    FROM ours JOIN pg_class beside ON beside.oid = ours.reltoastrelid
)
SELECT 'its ' || name || ' is off' FROM pg_settings
    WHERE name IN ('autovacuum', 'track_counts') AND setting <> 'on'
UNION ALL
SELECT 'autovacuum is off for ' || name FROM kept, pg_options_to_table(reloptions)
    WHERE option_name = 'autovacuum_enabled' AND NOT option_value::boolean
UNION ALL
SELECT name || ' has more dead rows than others'
    FROM kept JOIN pg_stat_all_tables ON relid = oid
    WHERE n_dead_tup > {MANY_DEAD} AND n_dead_tup > n_live_tup
"""  # noqa: S608 - a number of ours
"""In few words, one a row; a table with so many dead rows is held by an old transaction or slot."""


def may_only_read(connection: Connection) -> bool:
    """Whether whoever begins to work on this server now could write nothing."""
    return bool(connection.execute(_READ_ONLY).fetchone()[0])


def is_owned(connection: Connection) -> bool:
    """Whether this user owns the tables: nobody else may change them, as an upgrade does."""
    return bool(connection.execute(_OWNED).fetchone()[0])
