"""Lists of known content: what an entry says, whose word counts for how much, what outlasts what.

A list is a set of contents that somebody else knows (docs/glossary.md): of police, of a hotline, of
industry. `settle` is the one rule by which an entry that comes in meets what stands: versions of a
list are numbers that grow, a newer version changes what an older one said, and a retraction is
undone by a newer version only. So the same file twice changes nothing, and files may come in any
order; but for one content under several ids, where what was in before a retraction of one stands.

The number of an entry counts the entries of all lists in the order in which they came in here. It
is never given twice, and what changes gets another, so it says which wording is meant: events of
items name it, and HashCheck's record of hits does (`list:NAME/NUMBER`).

Pure. What a list's word makes of an item is for `casework` to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from node.matching.contents import Closeness, Likeness, closeness, compare
from protocol.facts import Assessment, Content
from protocol.vocabulary import Verdict

ANY = "*"
"""The category that stands for every category nothing was said of."""


class Trust(StrEnum):
    """How far the operator follows a list in one category.

    `auto:2`, `auto:3`: as `auto`, where so many lists say it, each for itself. `benign`: its
    entries are harmless files, of which no list's word counts unseen. `placeholder`: those of them
    that hosts show in the place of a removed file.
    """

    AUTO = "auto"
    AUTO_2 = "auto:2"
    AUTO_3 = "auto:3"
    SUGGESTION = "suggestion"
    NONE = "none"
    BENIGN = "benign"
    PLACEHOLDER = "placeholder"


HARMLESS = frozenset({Trust.BENIGN, Trust.PLACEHOLDER})
QUORUM = {Trust.AUTO: 1, Trust.AUTO_2: 2, Trust.AUTO_3: 3}
"""How many lists must say it before it counts unseen; a list that is followed less is none."""
MIN_BYTES = 1024
"""Of a smaller file nothing counts unseen, unless the operator says otherwise: blank pixels, empty
pages, icons stand in lists too."""


class Provenance(StrEnum):
    """Who vouches for a list. What police hold is not *new* to police."""

    POLICE = "police"
    HOTLINE = "hotline"
    INDUSTRY = "industry"
    OWN = "own"
    MEMBER = "member"
    """A member of the network, of itself (docs/protocol.md §6.6)."""


class Category(StrEnum):
    """The categories of a member's list: its verdicts, `national` where its law is ours too."""

    BASELINE = "baseline"
    NATIONAL_HERE = "national_here"
    NATIONAL = "national"
    NOT_ILLEGAL = "not_illegal"


class Terms(msgspec.Struct, frozen=True):
    """A list as its operator took it on.

    Attributes:
        may_use: whether it may be matched with here at all.
        may_share: whether others, such as hosting companies, may be answered from it.
        trusts_weak: whether one MD5 or SHA-1 alone is taken for the file (it never is without).
    """

    name: str
    provenance: Provenance
    license: str | None = None
    may_use: bool = True
    may_share: bool = False
    trusts_weak: bool = False


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One content that a list names; nothing else of what came with it is kept.

    Attributes:
        category: in the words of the list.
        dated_ms: when the list's author decided so, UTC.
        external_id: by which its author knows it, and under which it takes it back.
        given: in the list of a member, the verdict that it gave; `external_id` is then the event's
            id and the place of the file among those that the verdict is about.
    """

    content: Content
    category: str
    dated_ms: int | None = None
    external_id: str | None = None
    given: Assessment | None = None


class Retraction(msgspec.Struct, frozen=True, gc=False):
    """An entry is taken back: by its author's id, by its hashes, or by both."""

    external_id: str | None = None
    content: Content | None = None


class TakenBack(msgspec.Struct, frozen=True, gc=False):
    """A member took a verdict back: all entries of it go, none comes in again.

    The same content stays listed by other verdicts.
    """

    event_id: str


class Told(NamedTuple):
    """What a member says of contents, and how many entries of it are taken at most."""

    member: str
    version: int
    one: Entry | TakenBack
    at_most: int


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What stands in a list: an entry with its number, and the newest version that said so."""

    number: int
    version: int
    entry: Entry


class Settled(StrEnum):
    """What became of something that came in."""

    ADDED = "added"
    CHANGED = "changed"
    CONFIRMED = "confirmed"
    """A newer version says the same."""
    SAME = "same"
    OLDER = "older"
    """A newer version has said something since."""
    CONFLICTING = "conflicting"
    """One version says two things of one content; the first stands (but see `repeated`)."""
    STAYS_RETRACTED = "stays_retracted"
    RETRACTED = "retracted"


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A list knows a content: by which entry, how surely, and how far that counts.

    Attributes:
        number: of the entry, see the head of this file.
        likeness: SAME, PERHAPS where one weak hash is all there is to compare, or NEAR where it is
            another file of probably one picture.
        content: the entry's hashes.
        given: the entry's verdict, in the list of a member.
        length: of the file, in bytes, by whichever knows it; the smaller where both do.
        guarded: it would count unseen, but for what others say of the file (`weigh`).
        closeness: how near the pictures come, where `likeness` is NEAR.
        silent: its author has said something of the file since, which counts instead (`weigh`).
        silences: it is such a later word.
        place: which of the files of an item it is of, where an item was asked about.
    """

    number: int
    terms: Terms
    version: int
    category: str
    trust: Trust
    likeness: Likeness
    external_id: str | None = None
    content: Content | None = None
    given: Assessment | None = None
    length: int | None = None
    guarded: bool = False
    closeness: Closeness | None = None
    silent: bool = False
    silences: bool = False
    place: int | None = None

    @property
    def is_sure(self) -> bool:
        """Whether it is said of this very file, as far as its list is trusted to tell."""
        weak = self.likeness is Likeness.PERHAPS and self.terms.trusts_weak
        return self.likeness is Likeness.SAME or weak

    @property
    def counts_as(self) -> Trust:
        """How far this hit counts: by the category's trust; what only may be the file suggests.

        Of a file that only looks like it, a harmless one says nothing.
        """
        if not self.terms.may_use or self.silent:
            return Trust.NONE
        if self.trust in HARMLESS:
            return self.trust if self.is_sure else Trust.NONE
        if self.likeness is Likeness.NEAR and self.acquits:
            return Trust.NONE
        return Trust.SUGGESTION if self.trust in QUORUM and not self.is_sure else self.trust

    @property
    def acquits(self) -> bool:
        """Whether it says that the file is not illegal."""
        return self.given is not None and self.given.verdict is Verdict.NOT_ILLEGAL


class Listed(msgspec.Struct, frozen=True, gc=False):
    """An entry as it stands, with its list, and how far that is followed in its category."""

    number: int
    terms: Terms
    version: int
    entry: Entry
    trust: Trust

    @property
    def counts_near(self) -> Trust:
        """How far it counts of a file that looks like it."""
        near = Hit(0, self.terms, 0, "", self.trust, Likeness.NEAR, given=self.entry.given)
        return near.counts_as

    def hit(self, content: Content, *, pictures: bool = False) -> Hit | None:
        """Return what the entry says of a file; None: it is another one.

        `pictures`: of one that looks like it, too.
        """
        entry = self.entry
        like = compare(content, entry.content, pictures=pictures)
        if like > Likeness.NEAR:
            return None
        near = closeness((content,), (entry.content,)) if like is Likeness.NEAR else None
        lengths = [one.length for one in (content, entry.content) if one.length is not None]
        return Hit(
            self.number,
            self.terms,
            self.version,
            entry.category,
            self.trust,
            like,
            entry.external_id,
            entry.content,
            entry.given,
            min(lengths, default=None),
            closeness=near,
        )


def weigh(hits: Iterable[Hit], min_bytes: int = MIN_BYTES, *, harmless: bool = False) -> list[Hit]:
    """Say how far each of the hits of one file counts, beside the others.

    Nothing is held illegal unseen that a benign list names (or `harmless`, see `linked`), that is
    smaller than `min_bytes` by any list in use that surely names it, or that fewer lists say than
    its operator asks for: it is suggested instead. Members' lists count as any; that two rest on
    one source nobody here can tell. Of one member's words the latest counts, and those before are
    silent while it stands.
    """
    found = _latest_of_each(list(hits))
    counted = [(hit, hit.counts_as) for hit in found]
    benign = harmless or any(counts in HARMLESS for _, counts in counted)
    told = {
        acquits: {hit.terms.name for hit, c in counted if c in QUORUM and hit.acquits is acquits}
        for acquits in (True, False)
    }
    sure = (hit for hit in found if hit.likeness is Likeness.SAME and hit.terms.may_use)
    least = min((hit.length for hit in sure if hit.length is not None), default=None)
    weighed = []
    for hit, counts in counted:
        if counts in QUORUM:
            small = any(one is not None and one < min_bytes for one in (hit.length, least))
            doubted = not hit.acquits and (benign or small)
            guarded = doubted or len(told[hit.acquits]) < QUORUM[counts]
            trust = Trust.SUGGESTION if guarded else Trust.AUTO
            weighed.append(msgspec.structs.replace(hit, trust=trust, guarded=guarded))
        else:
            weighed.append(hit)
    return weighed


def _latest_of_each(hits: list[Hit]) -> list[Hit]:
    """Silence what a member said of a file before its latest word on it.

    A word that may be of another file silences none that is surely of this one.
    """
    latest: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.given is not None and hit.likeness is not Likeness.NEAR:
            latest.setdefault(hit.given.member, []).append(hit)
    changed: dict[int, Hit] = {}
    for words in latest.values():
        changed |= {hit.number: hit for hit in _silenced(words)}
    return [changed.get(hit.number, hit) for hit in hits]


def _silenced(words: list[Hit]) -> Iterable[Hit]:
    """Say of one member's words on a file which of them are silent, and by which."""
    last = _NEVER
    for likeness in (Likeness.SAME, Likeness.PERHAPS):
        those = [hit for hit in words if hit.likeness is likeness]
        last = max(last, *(_order(hit) for hit in those), _NEVER)
        for hit in those:
            silent = _order(hit) < last
            before = (other for other in words if other.likeness >= likeness)
            silences = not silent and min(map(_order, before)) < last
            if silent or silences:
                yield msgspec.structs.replace(hit, silent=silent, silences=silences)


_NEVER = (0, "")


def _order(hit: Hit) -> tuple[int, str]:
    """Return what orders the words of one member."""
    return _NEVER if hit.given is None else (hit.given.at_ms, hit.given.event_id)


def settle(standing: Standing | None, retracted: int | None, entry: Entry, version: int) -> Settled:
    """Say what becomes of an entry that comes in with a version of its list.

    `retracted` is the newest version that took it back, None: none did.
    """
    if retracted is not None and version <= retracted:
        return Settled.STAYS_RETRACTED
    if standing is None:
        return Settled.ADDED
    if standing.entry.given != entry.given:  # one event id says one thing of a file (protocol §6.6)
        return Settled.CONFLICTING
    if standing.entry == entry:
        return Settled.CONFIRMED if version > standing.version else Settled.SAME
    if version == standing.version:
        stands = standing.entry
        less = stands.given is None and entry == _without_length(stands)
        return Settled.CHANGED if less else Settled.CONFLICTING
    return Settled.CHANGED if version > standing.version else Settled.OLDER


def repeated(standing: Entry, entry: Entry) -> Entry:
    """Return what one version says of a content that it names twice.

    Real lists repeat files, with another date or length. Of dates the first stands; of two lengths
    neither, whichever came first. Any other difference stays, and conflicts.
    """
    length = standing.content.length
    content = msgspec.structs.replace(entry.content, length=length)
    alike = msgspec.structs.replace(entry, content=content, dated_ms=standing.dated_ms)
    if entry.given is not None or alike != standing:
        return entry
    return standing if entry.content.length == length else _without_length(standing)


def _without_length(entry: Entry) -> Entry:
    content = msgspec.structs.replace(entry.content, length=None)
    return msgspec.structs.replace(entry, content=content)


def settle_retraction(oldest: int | None, retracted: int | None, version: int) -> Settled:
    """Say what becomes of a retraction; it wins over the same version and older ones.

    `oldest` is the oldest version of the entries that it means, None: none stands. It is older only
    if it is older than each of them.
    """
    if oldest is not None and oldest > version:
        return Settled.OLDER
    if oldest is None and retracted is not None and retracted >= version:
        return Settled.SAME
    return Settled.RETRACTED


def list_of(member: str) -> str:
    """Return the name of the list that holds what a member said of contents."""
    return f"member/{member}"


def named(event_id: str, part: int) -> str:
    """Return the id of the entry of one of the files that a verdict is about."""
    return f"{event_id}/{part}"


def trusts_in_member() -> dict[str, Trust]:
    """How far what a member says is followed unless the operator says otherwise (rule 2)."""
    return {
        str(Category.BASELINE): Trust.AUTO,
        str(Category.NATIONAL_HERE): Trust.AUTO,
        str(Category.NATIONAL): Trust.SUGGESTION,
        str(Category.NOT_ILLEGAL): Trust.SUGGESTION,
    }
