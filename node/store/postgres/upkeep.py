"""Whether the server takes up what is erased and written anew: dead rows keep their room till then.

Erased bodies lie in the pages of the server until its autovacuum has come, and the store grows with
each change instead of with what it holds.
"""

from __future__ import annotations

from typing import Final

MANY_DEAD: Final = 100_000
"""Dead rows of one table below which its autovacuum may just not have come yet."""
NEGLECTED: Final = f"""
SELECT 'its ' || name || ' is off' FROM pg_settings
    WHERE name IN ('autovacuum', 'track_counts') AND setting <> 'on'
UNION ALL
SELECT 'autovacuum is off for ' || relname
    FROM pg_class, pg_options_to_table(reloptions)
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    AND option_name = 'autovacuum_enabled' AND NOT option_value::boolean
UNION ALL
SELECT relname || ' has more dead rows than others' FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_dead_tup > {MANY_DEAD} AND n_dead_tup > n_live_tup
"""  # noqa: S608 - a number of ours
"""In few words, one a row; a table with so many dead rows is held by an old transaction or slot."""
