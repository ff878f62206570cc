"""What files there are in the stories of `sight.py`, and what is told of them."""

from __future__ import annotations

from typing import Final

import msgspec

from node.casework.reports.draft import HashesDraft
from node.matching.contents import compare
from protocol.facts import Content
from tests.builders.cases import file
from tests.builders.pictures import flipped, picture

_LOOK: Final = int.from_bytes(picture(1), "big")
_NEAR: Final = int.from_bytes(flipped(picture(1), range(5)), "big")
FILES: Final = (
    file(1, sha1=1, md5=1, length=9_001, pdq=_LOOK),
    file(2, sha1=2, md5=2, length=9_002),
    file(3, sha1=3, md5=2, length=9_003),  # somebody made it so that its MD5 is that of the second
    file(4, sha1=4, md5=4, length=9_004, pdq=_NEAR),
)
"""What there is. An account of one names some of its hashes."""
ACCOUNTS: Final[dict[str, tuple[str, ...]]] = {
    "full": ("sha256", "sha1", "md5", "length"),
    "strong": ("sha256",),
    "pair": ("sha1", "md5"),
    "weak": ("md5",),
    "picture": ("pdq", "pdq_quality"),
}


def account(number: int, by: str) -> Content:
    """Return what is told of a file."""
    whole = FILES[number]
    names = ACCOUNTS[by if by != "picture" or whole.pdq is not None else "full"]
    given = {name: getattr(whole, name) for name in names}
    return Content(*(given.get(name) for name in Content.__struct_fields__))


def may_be(content: Content) -> set[int]:
    """Return which files an account can be of."""
    sure = {n for n, one in enumerate(FILES) if compare(content, one, pictures=False) == 0}
    if sure:
        return sure
    like = {n for n, one in enumerate(FILES) if compare(content, one, pictures=False) == 1}
    return like or {
        n for n, one in enumerate(FILES) if content.pdq is not None and content.pdq == one.pdq
    }


def draft_of(content: Content) -> HashesDraft:
    """Return the same as a person here says it."""
    given = {
        name: value.hex() if isinstance(value, bytes) else value
        for name in Content.__struct_fields__
        if (value := getattr(content, name)) is not None
    }
    return msgspec.convert(given, HashesDraft)
