"""A file that is harmless after all leaves every list that an operator imported.

Each list that has it takes it back at its present version, so that only a newer one brings it in
again. What members said of it is theirs to take back; what a benign list says of it stands.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.matching.fingerprints import Fingerprints, content_keys
from node.matching.lists import Provenance, Retraction, Trust
from node.store.bulk import select_in
from node.store.list_taking import take_in
from node.store.lists import lists_by_id
from node.store.seam import Connection
from protocol.facts import Content

_LISTS = (
    "SELECT DISTINCT c.list FROM list_keys k JOIN list_categories c ON c.id = k.category"
    " WHERE k.key IN ({})"
)


def retract_everywhere(
    connection: Connection, fingerprints: Fingerprints, contents: Iterable[Content], now_ms: int
) -> None:
    """Take these files back from all lists but members' and benign ones."""
    gone = [Retraction(content=one) for one in contents]
    keys = content_keys(fingerprints, [one.content for one in gone if one.content is not None])
    numbers = {row[0] for row in select_in(connection, _LISTS, sorted(set(keys)))}
    for number, one in lists_by_id(connection).items():
        theirs = one.terms.provenance is Provenance.MEMBER
        if number in numbers and not theirs and Trust.BENIGN not in one.trusts.values():
            take_in(connection, fingerprints, one.terms.name, one.version, gone, now_ms)
