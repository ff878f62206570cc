"""The files that make a database, on a server or in a file, in the order of their application.

Never changed once released. A file's `user_version` counts them; on a server the table
`schema_files` says which it has.
"""

from __future__ import annotations

from typing import Final

SCHEMA_FILES: Final = (
    "001_initial.sql",
    "002_deltas.sql",
    "003_states.sql",
    "004_lists.sql",
    "005_hosters.sql",
    "006_hashcheck.sql",
    "007_origins.sql",
    "008_sought.sql",
    "009_shared.sql",
    "010_erased_unsent.sql",
    "011_registry_said.sql",
    "012_answers_about.sql",
    "013_said_again.sql",
    "014_turns.sql",
)
