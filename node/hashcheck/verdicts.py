"""What this node's own items say of contents: the seam `Contents`, over verdicts in force.

Of each item with a `baseline` verdict, where its hashes lead is kept in memory: the first eight
bytes of each digest, and its PDQ hash in an index. Memory only points: what is answered is what
the item says at that moment, read from the store. So what was withdrawn, corrected or erased is
found no more from then on, whatever memory still holds; what is new is found after `follow`.

A verdict that this member gave by a list (trust `auto`) is the list's word, not ours: `listed`
answers by it under the list's own name, if the list may be shared. So what police let us have does
not reach hosting companies as our own word.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from node.casework.contents.seeing import seen
from node.casework.item import ItemState, Review
from node.hashcheck.contract import NETWORK, OWN
from node.hashcheck.seam import Finding, Near
from node.matching.contents import PDQ_QUALITY, Likeness, compare
from protocol.facts import Content
from protocol.vocabulary import ItemKind, Matter, Verdict

if TYPE_CHECKING:
    from node.matching.near.index import NearIndex

PAGE: Final = 500
"""Items, or events, read at once."""
MOST_LEADS: Final = 64
"""So many items are looked at for one asked content: the newest with its digests, those before the
others that a person here judged themselves, and the nearest pictures.
One picture stands in very many items, and who asks says how often it is looked for."""
_HEAD_BYTES: Final = 8


class JudgedItems(Protocol):
    """Reads items: see `node.store.items.judged.Judged`."""

    async def newest(self) -> int:
        """Return the number of the newest event."""
        ...

    async def page(self, after: str, limit: int) -> list[ItemState]:
        """Return the next items after an id, in the order of ids."""
        ...

    async def changed(self, after: int, limit: int) -> tuple[int, list[ItemState]]:
        """Return up to which event was read, and the items of events after number `after`."""
        ...

    async def of(self, items: Iterable[str]) -> list[ItemState]:
        """Return what these items are now; those that ended are left out."""
        ...

    async def told(self, verdicts: Iterable[str]) -> set[str]:
        """Return which of these verdicts a person here gave, as all are told, and stand."""
        ...


class OwnVerdicts:
    """Contents of items of this node that a member judged illegal everywhere."""

    def __init__(self, items: JudgedItems, us: str) -> None:
        self._items = items
        self._us = us
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._leads: dict[int, tuple[int, ...]] = {}
        self._judged_here: set[int] = set()
        self._pictures: dict[int, set[bytes]] = {}
        self._index: NearIndex | None = None
        self._seen: int | None = None
        self._ready = False

    @property
    def is_ready(self) -> bool:
        """Whether all items have been walked."""
        return self._ready

    async def follow(self) -> bool:
        """Take up the next page of items, or what changed since; whether there is more."""
        if self._seen is None:
            self._seen, self._after = await self._items.newest(), ""
        if not self._ready:
            page = await self._items.page(self._after, PAGE)
            self._take_up(page)
            self._ready = len(page) < PAGE
            self._after = page[-1].id if page else self._after
            return True
        before = self._seen
        seen, states = await self._items.changed(before, PAGE)
        self._take_up(states)
        self._seen = seen
        return seen > before

    def _take_up(self, states: Iterable[ItemState]) -> None:
        for state in states:
            if not is_baseline(state):
                continue
            number = self._number(state.id)
            if _given_here(state, self._us):
                self._judged_here.add(number)
            for content in state.content:
                for digest in _digests(content):
                    leads = self._leads.get(digest, ())
                    if number not in leads:
                        self._leads[digest] = self._most((*leads, number))
                if is_picture(state, content):
                    self._add_picture(number, content.pdq or b"")

    def _number(self, item: str) -> int:
        number = self._numbers.setdefault(item, len(self._ids))
        if number == len(self._ids):
            self._ids.append(item)
        return number

    def _add_picture(self, number: int, pdq: bytes) -> None:
        from node.matching.near.index import NearIndex  # noqa: PLC0415 - loads NumPy; many nodes meet no PDQ hash

        if self._index is None:
            self._index = NearIndex()
        known = self._pictures.setdefault(number, set())
        if pdq not in known:
            known.add(pdq)
            self._index.add(number, pdq)

    async def find(
        self, asked: Sequence[Content], *, near: Near | None
    ) -> Mapping[Content, Sequence[Finding]]:
        """See `Contents.find`."""
        leads = {one: found for one in asked if (found := self._leads_of(one))}
        if near and self._index is not None and any(has_pdq(one) for one in asked):
            await asyncio.to_thread(add_look_alikes, self._index, asked, near, leads)
        if not leads:
            return {}
        ids = {self._ids[number] for numbers in leads.values() for number in numbers}
        states = {state.id: state for state in await self._items.of(ids) if is_baseline(state)}
        ours = await self._ours(states.values())
        told: defaultdict[Content, list[Finding]] = defaultdict(list)
        for one, numbers in leads.items():
            for number in sorted(numbers):
                state = states.get(self._ids[number])
                if state is not None:
                    told[one].extend(findings(state, one, ours, self._us, near=near is not None))
        return {one: some for one, some in told.items() if some}

    async def _ours(self, states: Collection[ItemState]) -> set[str]:
        """Return the ids of verdicts that a person here gave on these items.

        A verdict that came with the content is as its first item says, which is read too. Once that
        is erased, it is a person's if all are told of it: what follows from a list never is.
        """
        bear = [one for state in states if state.carried for one in state.content]
        ids = {self._ids[number] for one in bear for number in self._leads_of(one)}
        others = await self._items.of(ids - {state.id for state in states})
        ours = {given for state in (*states, *others) for given in _given_here(state, self._us)}
        came = {given for state in states for given in state.carried} - ours
        return ours | await self._items.told(came) if came else ours

    def _leads_of(self, asked: Content) -> set[int]:
        """Return the numbers of items that may have it; mostly none."""
        get = self._leads.get
        return set(self._most({lead for digest in _digests(asked) for lead in get(digest, ())}))

    def _most(self, found: Collection[int]) -> tuple[int, ...]:
        """Return as many as are looked at; what came with the content needs where it came from."""
        if len(found) <= MOST_LEADS:
            return tuple(found)
        order = sorted(found, key=lambda number: (number in self._judged_here, number))
        return tuple(order[-MOST_LEADS:])

    def tidy(self) -> bool:
        """Build what is due in the index; whether anything was. For a thread of its own."""
        return self._index is not None and self._index.tidy()


def add_look_alikes(
    index: NearIndex, asked: Iterable[Content], near: Near, leads: dict[Content, set[int]]
) -> None:
    """Add the numbers of items with a PDQ hash that is near, as far as there is room for them.

    Each hash is searched once, however often it is asked.
    """
    found: dict[bytes, list[int]] = {}
    for one in asked:
        if not has_pdq(one) or one.pdq is None:
            continue
        if one.pdq not in found:
            most = near(one.pdq)
            alike = index.search(one.pdq, MOST_LEADS)
            found[one.pdq] = [each.id for each in alike if each.distance <= most]
        if numbers := found[one.pdq]:
            known = leads.setdefault(one, set())
            more = [number for number in numbers if number not in known]
            known.update(more[: MOST_LEADS - len(known)])


def is_baseline(state: ItemState) -> bool:
    """Whether some member holds it illegal everywhere, now, and said so itself."""
    return state.matter is Matter.CSAM and any(
        given.verdict is Verdict.BASELINE for given in state.vouched
    )


def has_pdq(content: Content) -> bool:
    """Whether it has a PDQ hash that says something."""
    return content.pdq is not None and (content.pdq_quality or 0) >= PDQ_QUALITY


def is_picture(state: ItemState, content: Content) -> bool:
    """Whether the PDQ hash of a file of an item stands for a picture."""
    return state.kind is not ItemKind.VIDEO and has_pdq(content)


def _given_here(state: ItemState, us: str) -> set[str]:
    """Return the ids of our verdicts on this very item that follow from no list."""
    without = {*state.carried, *(one.verdict for one in state.listed)}
    ours = {given.event_id for given in state.assessments if given.member == us}
    return ours - without


def findings(
    state: ItemState, asked: Content, ours: Collection[str], us: str, *, near: bool
) -> Iterator[Finding]:
    """Say what an item with a baseline verdict says of an asked content, by each of its words.

    `ours` are the ids of verdicts that a person here gave; our others are lists' words. Nothing is
    sure while a person has to compare: perhaps nobody saw one of its files. What came to the item
    by one of several files is said by whatever it came from.
    """
    disputed = any(given.verdict is Verdict.NOT_ILLEGAL for given in state.in_force)
    compared = not disputed and Review.SUGGESTED_VERDICT not in state.reviews
    baseline = [
        given
        for given in state.vouched
        if given.verdict is Verdict.BASELINE and given.event_id not in state.by_one_file
    ]
    own = [seen(state, given) for given in baseline if given.event_id in ours]
    theirs = [seen(state, given) for given in baseline if given.member != us]
    for place, content in zip(state.places, state.content, strict=True):
        waits = place in state.unseen
        words = [
            source
            for source, said in ((OWN, own), (NETWORK, theirs))
            if any(waits or place in places for places in said)
        ]
        sure = compared and not waits
        likeness = compare(content, asked, pictures=near and is_picture(state, content))
        if likeness <= Likeness.NEAR:
            distance = distance_of(content, asked) if likeness is Likeness.NEAR else 0
            for source in words:
                yield Finding(source, likeness, state.id, sure, content, distance)


def distance_of(one: Content, other: Content) -> int:
    """Return in how many bits two PDQ hashes differ."""
    a, b = (int.from_bytes(content.pdq or b"", "big") for content in (one, other))
    return (a ^ b).bit_count()


def _digests(content: Content) -> Iterator[int]:
    """Yield the first eight bytes of each digest; they lead to more than it in one of 10^19."""
    for digest in (content.sha256, content.sha1, content.md5):
        if digest is not None:
            yield int.from_bytes(digest[:_HEAD_BYTES], "big")
