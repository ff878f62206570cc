"""R11: a file of the schema stays as it is, byte by byte, once databases were made by it.

A server's database keeps the digest of each file. Where one differs the file is gone through once
more, for databases of commits between two releases: with what later files dropped made again, and
what they filled filled twice. So a change of a comment is a change, also where a module that it
names has moved. What is new goes into a file of its own.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pytest

SCHEMA: Final = Path(__file__).resolve().parents[3] / "node" / "store" / "schema"
DIGESTS: Final = {
    "001_initial.sql": "419092461c4cc7a1",
    "002_deltas.sql": "a900f0f6b6302868",
    "003_states.sql": "6f773d8cfa318d6c",
    "004_lists.sql": "045193e9ac838137",
    "005_hosters.sql": "9d6eda3a15ddc68e",
    "006_hashcheck.sql": "abcf523f68bd5798",
    "007_origins.sql": "9e4796178f9d7449",
    "008_sought.sql": "aa423dcf6576a8e4",
    "009_shared.sql": "435f793b382c6dc5",
    "010_erased_unsent.sql": "004fa701bd46eb44",
    "011_registry_said.sql": "4cd8d056f731e78a",
    "012_answers_about.sql": "848eb4d76d64adee",
    "013_said_again.sql": "6fc67ef15e048431",
    "014_turns.sql": "04feb63f72e5ab97",
    "postgres/001_initial.sql": "047c5ba244b5ebb8",
    "postgres/002_deltas.sql": "dcc55f70b1c62463",
    "postgres/003_states.sql": "7392bb418a778891",
    "postgres/004_lists.sql": "12b3f3e8fe399d2a",
    "postgres/005_hosters.sql": "45ce0b2e45f0e0b5",
    "postgres/006_hashcheck.sql": "d433dec99b6e5393",
    "postgres/007_origins.sql": "1e39432d74376565",
    "postgres/008_sought.sql": "10fad2a14f9e1cf8",
    "postgres/009_shared.sql": "57e96c191391f4f3",
    "postgres/010_erased_unsent.sql": "3750d940f0bcdb9c",
    "postgres/011_registry_said.sql": "621ba7deef329577",
    "postgres/012_answers_about.sql": "ffec90cc12165149",
    "postgres/013_said_again.sql": "4710aab96a9b2dd7",
    "postgres/014_turns.sql": "04feb63f72e5ab97",
}
"""The beginning of the SHA-256 of each; a new file is added here with the commit that adds it."""


@pytest.mark.parametrize("name", DIGESTS)
def test_r11_file_of_the_schema_is_what_it_was(name: str) -> None:
    """Also its comments."""
    assert hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest().startswith(DIGESTS[name])


def test_r11_every_file_of_the_schema_is_held() -> None:
    """Those of both stores."""
    assert {str(path.relative_to(SCHEMA)) for path in SCHEMA.rglob("*.sql")} == set(DIGESTS)
