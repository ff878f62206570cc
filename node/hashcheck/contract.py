"""What is kept of hosting companies: who may ask, of what, how much, until when.

A key is `hk_` and 43 characters (256 random bits); its SHA-256 alone is kept, as of the tokens of
the local API.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, NamedTuple

import msgspec

from node.matching.contents import Likeness, compare, distance
from protocol.facts import Content

PREFIX: Final = "hk_"
OWN: Final = "own"
NETWORK: Final = "network"
LIST: Final = "list:"
"""Begins the name of a source that is an imported list."""
DAY_MS: Final = 86_400_000
ID: Final = r"^[a-z0-9-]{1,64}\.[0-9A-HJKMNP-TV-Z]{26}\Z"
"""What references and the ids of complaints look like (`node.ids`)."""
HITS_KEPT_MS: Final = 30 * DAY_MS
COMPLAINTS_KEPT_MS: Final = 365 * DAY_MS
"""After a rejection. What was upheld is the block list, and stays."""


NO_FILE: Final = bytes(32)
"""The SHA-256 of no file that anybody could make: what is known by one is another."""
MOST_GROUNDS: Final = 3
"""Of one hit: so often a hosting company may complain of it, each time with other grounds."""
Status = Literal["open", "upheld", "rejected"]


class Scope(StrEnum):
    """What a key permits."""

    CHECK = "check"
    COMPLAIN = "complain"


class Contract(msgspec.Struct, array_like=True, frozen=True):
    """What was agreed with a hosting company.

    Attributes:
        sources: whose word it is answered by: `own` (verdicts of this hotline), `network`
            (verdicts of other members), `list:NAME` (an imported list that may be shared).
        per_minute: checks in a minute.
        per_day: checks in a day (UTC).
        near_per_day: of those, with a PDQ hash.
        near_reviews_per_day: how often a PDQ hash may be answered `review`; then a person looks.
    """

    hoster: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...]
    per_minute: int
    per_day: int
    near_per_day: int
    near_reviews_per_day: int


class Key(NamedTuple):
    """One key with its contract; times in milliseconds UTC. At `ends_ms` the contract is over."""

    key_sha256: bytes
    contract: Contract
    created_ms: int
    ends_ms: int
    revoked_ms: int | None = None

    @property
    def key_id(self) -> str:
        """The name of the key in lists and tasks: the first digits of its SHA-256."""
        return self.key_sha256.hex()[:16]


class Counts(NamedTuple):
    """How much one key asked in a day, or in several; nothing else of its questions is kept."""

    checks: int = 0
    near: int = 0
    hits: int = 0
    reviews: int = 0
    near_reviews: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum of both."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Hit(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of a hit, or of what was for review, so that a complaint can be answered.

    Attributes:
        asked: the hashes as the hosting company gave them.
        known: of the contents that they met, as far as this node holds them itself.
        found: by what: ids of items, names of lists with the number of the entry.
    """

    asked: Content
    known: tuple[Content, ...]
    found: tuple[str, ...]

    @property
    def disproved(self) -> tuple[Content, ...]:
        """The contents that no list says of again, once a complaint of it is upheld.

        Who asks can put hashes of two files into one entry, and a person judges what is known.
        So of what was asked nothing counts beside what is known, and of that one file alone
        (`one_file`); where nothing is known, it is the strongest hash.

        Files with one MD5 and one length can be made. So an account without a SHA-256 stands with
        the one of the file that was judged (that is known, else that was asked): what is known by
        another SHA-256 is another file.
        """
        if not self.known:
            return (_strongest(self.asked),)
        falls = one_file(self.asked, self.known)
        named = [one.sha256 for one in (*falls, self.asked) if one.sha256 is not None]
        return tuple(_by(one, named[0]) for one in falls) if named else falls

    @property
    def removed(self) -> tuple[Content, ...]:
        """Of these, what is answered `none`, leaves lists and loses verdicts.

        Where nobody knows the SHA-256 of what was judged, nothing that is known by one is meant.
        (Lists that name it again suggest all the same: `disproved`.)
        """
        return tuple(_by(one, NO_FILE) for one in self.disproved)


def _by(one: Content, sha256: bytes) -> Content:
    """Return an account with this SHA-256 if it has none, and more than a picture."""
    if one.sha256 is not None or (one.sha1 is None and one.md5 is None):
        return one
    return msgspec.structs.replace(one, sha256=sha256)


def _strongest(asked: Content) -> Content:
    if asked.sha256 is not None:
        return Content(sha256=asked.sha256)
    if asked.sha1 is not None:
        return Content(sha1=asked.sha1, length=asked.length)
    return Content(md5=asked.md5, length=asked.length) if asked.md5 is not None else asked


def one_file(asked: Content, known: Sequence[Content]) -> tuple[Content, ...]:
    """Return those of the known contents that an asked one met which fall with one another.

    They are those that its strongest hash leads to (of pictures that look alike, the nearest), and
    what may be the same file as one of these, nothing contradicting. Other hashes of the entry may
    be of a second file: nobody vouches for it that they belong together.
    """
    if not known:
        return ()
    leads = [_lead(asked, one) for one in known]
    met = [one for one, lead in zip(known, leads, strict=True) if lead == min(leads)]
    sure = met[:1]
    for one in met[1:]:
        if _may_be(one, met[0]) and not any(_like(one, each) is Likeness.OTHER for each in sure):
            sure.append(one)
    others = [
        one
        for one in known
        if one not in sure
        and any(_may_be(one, each) for each in sure)
        and not any(_like(one, each) is Likeness.OTHER for each in sure)
    ]
    return (*sure, *others)


def _lead(asked: Content, known: Content) -> tuple[int, int]:
    """How surely the hashes that they have in common lead from one to the other; less is surer."""
    names = ("sha256", "sha1", "md5", "length")
    equal = {
        n for n in names if (own := getattr(asked, n)) is not None and own == getattr(known, n)
    }
    ways = ({"sha256"}, {"sha1", "md5"}, {"md5", "length"}, {"sha1"}, {"md5"})
    way = next((at for at, way in enumerate(ways) if way <= equal), len(ways))
    return way, distance([asked], [known]) if way == len(ways) else 0


def _like(one: Content, other: Content) -> Likeness:
    return compare(one, other, pictures=False)


def _may_be(one: Content, other: Content) -> bool:
    return _like(one, other) <= Likeness.PERHAPS


class Why(StrEnum):
    """Why a hosting company complains."""

    NOT_ILLEGAL = "not_illegal"
    OTHER_FILE = "other_file"
    OTHER = "other"


class Decision(msgspec.Struct, array_like=True, frozen=True):
    """What a person said of a complaint; the last one counts. Stays at this node."""

    upheld: bool
    by: str
    reason: str
    at_ms: int


class Grounds(msgspec.Struct, array_like=True, frozen=True):
    """Why a hosting company complained before, which a person rejected."""

    why: Why
    text: str | None


class ComplaintState(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of a complaint; `earlier`: its grounds that were rejected."""

    hoster: str
    key_id: str
    why: Why
    text: str | None
    hit: Hit
    decisions: tuple[Decision, ...] = ()
    earlier: tuple[Grounds, ...] = ()

    def again(self, why: Why, text: str | None) -> ComplaintState | None:
        """Return it with new grounds; None: they are not new, or one too many."""
        said = [*self.earlier, Grounds(self.why, self.text)]
        if Grounds(why, text) in said or len(said) >= MOST_GROUNDS:
            return None
        return msgspec.structs.replace(self, why=why, text=text, earlier=tuple(said))


class Complaint(NamedTuple):
    """One complaint; `decided_ms` is None while it waits for a person."""

    complaint_id: str
    reference: str
    opened_ms: int
    decided_ms: int | None
    state: ComplaintState

    @property
    def status(self) -> Status:
        """How it stands."""
        if self.decided_ms is None or not self.state.decisions:
            return "open"
        return "upheld" if self.state.decisions[-1].upheld else "rejected"
