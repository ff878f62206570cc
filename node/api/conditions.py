"""`ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): record only on what was read.

Whatever is recorded on one item takes `If-Match` with the `ETag` under which it was read. The desk
compares in the transaction of the decision; of two who read the same, one is refused (412).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from node.api.problems import ApiError
from node.casework.unchanged import tag_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.api.operations import Operation
    from node.casework.showing.views import ItemView

FAILED: Final = 412
PARAMETER: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` under which the item was read; refused (412) if it changed since.",
    "schema": {"type": "string", "pattern": '^"[!#-~]*"$'},
}
HEADER: Final[dict[str, Any]] = {
    "ETag": {
        "description": "What `If-Match` takes: it changes with what a person decides by.",
        "schema": {"type": "string"},
    }
}
_MEND: Final = 'must be the `ETag` of the item in its double quotes, a list of such, or "*"'
_ELEMENT: Final = re.compile(r'[ \t]*(?:(W/)?"([^\x00-\x20"\x7f]*)")?[ \t]*(?:,|$)')


def is_conditional(operation: Operation) -> bool:
    """Whether an operation records on one item, so that it takes `If-Match`."""
    return "{item_id}" in operation.path and operation.method != "GET"


def etag(view: ItemView) -> str:
    """Return the entity tag of an item as it is shown."""
    return f'"{tag_of(view)}"'


def read_if_match(headers: Sequence[str]) -> frozenset[str] | None:
    """Return the tags of which the item must have one; None: any, for `*` and without a header.

    `headers` are all its `If-Match`. Weak tags are read and match nothing (RFC 9110, 8.8.3.2).

    Raises:
        ApiError: they are no list of entity tags.
    """
    whole = ",".join(headers).strip(" \t")
    if not headers or whole == "*":
        return None
    tags: set[str] = set()
    some, at = False, 0
    while at < len(whole):
        found = _ELEMENT.match(whole, at)
        if found is None or found.end() == at:
            raise ApiError("bad_if_match", _MEND, "If-Match")
        weak, tag = found.groups()
        some = some or tag is not None
        if tag is not None and weak is None:
            tags.add(tag)
        at = found.end()
    if not some:
        raise ApiError("bad_if_match", _MEND, "If-Match")
    return frozenset(tags)
