"""Checking entries: from hashes to answers; nothing is kept of what is not known, but numbers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

from node.api.problems import ApiError
from node.hashcheck.contract import OWN, Counts, Hit, Key, one_file
from node.hashcheck.judging import NOTHING, Answer, Blur, Judged, Rules, is_blocked, judge
from node.hashcheck.quotas import Quotas
from node.hashcheck.seam import Contents, Finding, HashCheckStore
from node.hashcheck.verdicts import has_pdq
from node.ids import Ids
from protocol.facts import Content

PROBING: Final = "hashcheck_probing"
"""The task of a key that was answered `review` for as many pictures as its contract permits."""
SILENCED: Final = "own_verdict_silenced"
"""The task of an item that was judged here and has a file that a benign list calls harmless."""
STARTING_S: Final = 5
TICK_S: Final = 0.05
"""Answers go out this long after their request, or twice as long, and so on: what was read for
them, which is more the nearer something known is, is not told by how long they took."""
MOST_KEPT: Final = 16
"""Of what an entry met, how much is kept of it for a complaint."""


def until_tick(elapsed_s: float) -> float:
    """Return how long an answer waits, in seconds, whose making took so long."""
    return TICK_S - elapsed_s % TICK_S


class Told(NamedTuple):
    """What is told of one entry: an answer, and but for `none` by what it can be complained of."""

    answer: Answer
    reference: str | None = None


@dataclass(frozen=True)
class Checking:
    """Answers the checks of all keys.

    `allowed` gives the SHA-256 of files known to be harmless, `harmless` those of benign lists that
    some contents are; `on_answers` is told how often an
    answer was given; `silenced` are the items of which a person is asked already.
    """

    store: HashCheckStore
    contents: Sequence[Contents]
    allowed: Callable[[], Collection[bytes]]
    harmless: Callable[[Sequence[Content]], Awaitable[Sequence[Content]]]
    blur: Blur
    ids: Ids
    now_ms: Callable[[], int]
    quotas: Quotas
    min_bytes: int
    on_answers: Callable[[Answer, int], None]
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    silenced: set[str] = field(default_factory=set)

    async def check(self, key: Key, entries: Sequence[Content]) -> list[Told]:
        """Answer entries in their order; hits and what is for review are durable on return.

        Raises:
            ApiError: a quota is spent (429), or the node is still reading what it knows (503).
            StoreError: nothing can be said, or a reference could not be kept.
        """
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            return await self._answer(key, entries)
        finally:
            await self.pause(until_tick(loop.time() - begun_s))

    async def _answer(self, key: Key, entries: Sequence[Content]) -> list[Told]:
        if not all(one.is_ready for one in self.contents):
            mend = "the node has just started and reads what it knows; ask again in a moment"
            raise ApiError("starting", mend, headers={"Retry-After": str(STARTING_S)})
        near = sum(map(has_pdq, entries)) if key.contract.near_per_day else 0
        self.quotas.take(key, len(entries), near, self.now_ms())
        judged = await self._judge(key, entries, near=near > 0)
        if near:
            await self._grant(key, judged)
        told = await self._tell(key, entries, judged)
        self._count(key, judged)
        return told

    async def _judge(self, key: Key, entries: Sequence[Content], *, near: bool) -> list[Judged]:
        found: defaultdict[Content, list[Finding]] = defaultdict(list)
        limit = self.blur.limit if near else None
        for contents in self.contents:
            for one, some in (await contents.find(entries, near=limit)).items():
                found[one].extend(some)
        if not found:
            return [NOTHING] * len(entries)
        known = [f.content for some in found.values() for f in some if f.content is not None]
        concerned = [*found, *dict.fromkeys(known)]
        upheld, harmless = await self.store.blocked(concerned), await self.harmless(concerned)
        if harmless:
            await self._ask(chain.from_iterable(found.values()), upheld, harmless)
        blocked = [*upheld, *harmless]
        rules = Rules(key.contract.sources, self.min_bytes, self.allowed(), self.blur)
        return [
            judge(one, found[one], blocked, rules) if one in found else NOTHING for one in entries
        ]

    async def _ask(
        self, found: Iterable[Finding], upheld: Sequence[Content], harmless: Sequence[Content]
    ) -> None:
        """Put items before a person that one here judged, and of which a list alone says `none`."""
        for one in found:
            if one.source != OWN or one.content is None or one.named in self.silenced:
                continue
            if is_blocked(one.content, harmless) and not is_blocked(one.content, upheld):
                await self.store.open_task_of_item(SILENCED, one.named, self.now_ms())
                self.silenced.add(one.named)

    async def _tell(
        self, key: Key, entries: Sequence[Content], judged: Sequence[Judged]
    ) -> list[Told]:
        told = [Told(one.answer) for one in judged]
        places = [at for at, one in enumerate(judged) if one.answer is not Answer.NONE]
        if not places:
            return told
        now_ms = self.now_ms()
        hits = [(self.ids.mint(now_ms), _hit(entries[at], judged[at])) for at in places]
        references = await self.store.keep_hits(key.key_sha256, hits, now_ms)
        for at, reference in zip(places, references, strict=True):
            told[at] = Told(judged[at].answer, reference)
        return told

    async def _grant(self, key: Key, judged: Sequence[Judged]) -> None:
        """Take what is `review` by a picture from the quota before anything of it is told."""
        reviews = sum(one.answer is Answer.REVIEW and one.by_picture for one in judged)
        try:
            self.quotas.grant(key, reviews, self.now_ms())
        finally:
            if self.quotas.today(key).near_reviews >= key.contract.near_reviews_per_day:
                await self.store.open_task(PROBING, key.key_id, self.now_ms())

    def _count(self, key: Key, judged: Sequence[Judged]) -> None:
        answers = [one.answer for one in judged]
        for answer in Answer:
            self.on_answers(answer, answers.count(answer))
        hits, reviews = answers.count(Answer.HIT), answers.count(Answer.REVIEW)
        self.quotas.add(key, Counts(0, 0, hits, reviews))


def _hit(asked: Content, judged: Judged) -> Hit:
    """Keep of what was met the one file that a complaint is about, and by what people find it."""
    met = dict.fromkeys(one.content for one in judged.found if one.content is not None)
    known = one_file(asked, tuple(met))
    named = dict.fromkeys(
        one.named for one in judged.found if one.content is None or one.content in known
    )
    return Hit(asked, known[:MOST_KEPT], tuple(named)[:MOST_KEPT])
