"""A synthetic year of the network, made from one seed: who hands in what when, what becomes of it.

A year is data: the same (items, members, days, seed) gives the same items, times and deeds. A
`Moment` is one sitting of one hotline; `handed_in` makes the reports of it. `Thing` says everything
about one item that the checker is to find. Nothing here knows the node.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from tests.simulation.europe import mix

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FILE_LINES = 500
"""Items that a crawler hands in at once."""
FILE_EVERY_MS = 60_000
RECENT = 2_000
"""Items of which another report may come, or whose content may turn up elsewhere."""
FIRST_WEEKEND_DAY = 5
ASSESSED_AFTER_DAYS = 1.75
"""Mean: with it 1 - exp(-3 / 1.75) = 82 % are known to the police within three days."""
NOBODY = -1


@dataclass(slots=True)
class Thing:
    """One item: where, by whom, for whom, and what is to become of it.

    Members are numbers in the year's list; `via` is the first responsible member of an item that
    moved on to `holder`, else `NOBODY`. `hash_of` is the number of the content, `NOBODY` without a
    hash.
    """

    number: int
    finder: int
    country: str
    site: str
    via: int
    holder: int
    hash_of: int
    known: bool
    illegal: bool
    child_at_risk: bool
    assess_ms: int
    remove_ms: int

    @property
    def url(self) -> str:
        """Its location: a synthetic host in the country where it was found."""
        host = f"{self.country}{self.number % 997}.example"
        return f"https://{host}/{self.site}/{self.number:07d}.jpg"

    @property
    def sha256(self) -> str | None:
        """The hash of its content, where a source brought one."""
        if self.hash_of == NOBODY:
            return None
        return hashlib.sha256(f"content {self.hash_of}".encode()).hexdigest()


class Moment(NamedTuple):
    """`items` items that one member hands in at once."""

    at_ms: int
    member: int
    items: int
    crawled: bool


class Outage(NamedTuple):
    """A node that is down from one moment to another."""

    member: int
    from_ms: int
    to_ms: int


class Year:
    """`items` items handed in within `days` days from `start_ms` by the first `members` members."""

    def __init__(self, items: int, members: int, days: int, seed: int, start_ms: int) -> None:
        self.items, self.days, self.start_ms = items, days, start_ms
        self.members = mix.hotlines(members)
        self._chance = random.Random(f"{seed} {items} {members} {days}")  # noqa: S311 - no secret
        self.responsible = {
            member[:2]: number
            for number, member in enumerate(self.members)
            if member.endswith("-one")
        }
        self.fallback = self.responsible.get(mix.FALLBACK, 0)
        self._hosting = _Wheel(mix.hosting_weights(self.members))
        self._sites = _Wheel(mix.SITE_TYPES)
        self._days = [self._working_days() for _ in self.members]
        self._open = [frozenset(days) for days in self._days]
        self.outages = sorted(self._make_outages(), key=lambda outage: outage.from_ms)
        self._recent: deque[Thing] = deque(maxlen=RECENT)
        self._contents: dict[int, deque[Thing]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._made = 0

    def _working_days(self) -> list[int]:
        """The days of a member without weekends and its holidays; the first day is a Monday."""
        holidays = set(
            self._chance.sample(range(self.days), round(mix.HOLIDAYS * self.days / mix.DAYS))
        )
        days = [d for d in range(self.days) if d % 7 < FIRST_WEEKEND_DAY and d not in holidays]
        return days or [0]

    def _make_outages(self) -> Iterator[Outage]:
        """One long one, and short ones; a member has one at a time."""
        count = max(2, round(len(self.members) * mix.OUTAGES * self.days / 30))
        most = min(mix.OUTAGE_DAYS, self.days / 4)
        free: dict[int, int] = {}
        for number in range(count):
            member = self._chance.randrange(len(self.members))
            length = self._chance.uniform(min(1.0, most / 2), most)
            if number == 0:
                length = min(mix.LONGEST_OUTAGE_DAYS, self.days / 3)
            begin = self.start_ms + int(self._chance.uniform(0, self.days - length) * DAY_MS)
            if begin >= free.get(member, 0):
                end = begin + int(length * DAY_MS)
                free[member] = end + HOUR_MS
                yield Outage(member, begin, end)

    def moments(self) -> list[Moment]:
        """Every moment at which somebody hands in something, in the order of time."""
        counts = split(self.items, mix.reporting_weights(self.members))
        found: list[Moment] = []
        crawlers = [country for country in mix.BURSTS if country in self.responsible]
        for place, country in enumerate(crawlers, start=1):
            member = self.responsible[country]
            count = min(round(self.items * mix.BURSTS[country]), counts[member])
            counts[member] -= count
            days = self._days[member]
            found += self._crawl(member, days[len(days) * place // (len(crawlers) + 1)], count)
        for member, count in enumerate(counts):
            found += self._ordinary(member, count)
        return sorted(found)

    def _crawl(self, member: int, day: int, count: int) -> Iterator[Moment]:
        """One source brings so many at once that they come in file after file."""
        begin = self.start_ms + day * DAY_MS + 10 * HOUR_MS
        for number, done in enumerate(range(0, count, FILE_LINES)):
            at_ms = begin + number * FILE_EVERY_MS
            yield Moment(at_ms, member, min(FILE_LINES, count - done), crawled=True)

    def _ordinary(self, member: int, count: int) -> Iterator[Moment]:
        """Spread a member's items over its sittings, unevenly: what chance brings to each."""
        moments = [at for day in self._days[member] for at in self._sittings_of(member, day)]
        shares = [self._chance.expovariate(1.0) for _ in moments]
        for at_ms, some in zip(moments, split(count, shares), strict=True):
            if some:
                yield Moment(at_ms, member, some, crawled=False)

    def _sittings_of(self, member: int, day: int) -> Iterator[int]:
        for hour in mix.SITTING_HOURS:
            yield self.start_ms + day * DAY_MS + hour * HOUR_MS + member * 60_000

    def sitting_after(self, member: int, at_ms: int) -> int:
        """The first sitting of a member at `at_ms` or later; after the last day, any day."""
        day = max(0, (at_ms - self.start_ms) // DAY_MS)
        while True:
            if day >= self.days or day in self._open[member]:
                for sitting in self._sittings_of(member, day):
                    if sitting >= at_ms:
                        return sitting
            day += 1

    def handed_in(self, moment: Moment) -> tuple[list[list[Thing]], list[Thing]]:
        """Make what is handed in at a moment; to be called once for each.

        That is reports of one or several new items, and items that were reported before.
        """
        things = [self._make(moment) for _ in range(moment.items)]
        again = [
            thing
            for _ in range(moment.items)
            if self._chance.random() < mix.SIGHTED_AGAIN
            and (thing := self._seen_by_others(moment.member)) is not None
        ]
        self._recent.extend(things)
        return list(self._cut(things)), again

    def _cut(self, things: Sequence[Thing]) -> Iterator[list[Thing]]:
        """Reports of as many items as are published on average; a child at risk comes alone."""
        report: list[Thing] = []
        for thing in things:
            if thing.child_at_risk:
                yield [thing]
                continue
            report.append(thing)
            if self._chance.random() < 1 / mix.ITEMS_PER_REPORT:
                yield report
                report = []
        if report:
            yield report

    def _seen_by_others(self, member: int) -> Thing | None:
        """A recent item that this member reports too: not what it holds itself, nor what moved."""
        if not self._recent:
            return None
        thing = self._chance.choice(self._recent)
        return thing if member != thing.holder and thing.via == NOBODY else None

    def _make(self, moment: Moment) -> Thing:
        chance, number = self._chance, self._made
        self._made += 1
        finder = moment.member
        country = self._hosting.draw(chance)
        while (first := self.responsible.get(country, self.fallback)) == finder:
            country = self._hosting.draw(chance)
        via, holder = NOBODY, first
        if chance.random() < mix.MOVED:
            elsewhere = sorted(set(self.responsible.values()) - {first, finder})
            via, holder = first, chance.choice(elsewhere)
        at_risk = not moment.crawled and chance.random() < mix.CHILD_AT_RISK
        wait = chance.expovariate(1 / ASSESSED_AFTER_DAYS)
        assess_ms = moment.at_ms + int(wait * DAY_MS)
        more = chance.expovariate(1 / (mix.REMOVED_AFTER_DAYS - ASSESSED_AFTER_DAYS))
        thing = Thing(
            number=number,
            finder=finder,
            country=country,
            site=self._sites.draw(chance),
            via=via,
            holder=holder,
            hash_of=NOBODY,
            known=False,
            illegal=chance.random() < mix.ILLEGAL,
            child_at_risk=at_risk,
            assess_ms=assess_ms,
            remove_ms=assess_ms + int(more * DAY_MS),
        )
        self._give_content(thing, moment)
        return thing

    def _give_content(self, thing: Thing, moment: Moment) -> None:
        """A hash, or none; what is known has that of an item that its holder has judged."""
        contents = self._contents[thing.holder]
        if contents and thing.via == NOBODY and self._chance.random() < mix.KNOWN:
            known = self._chance.choice(contents)
            if known.assess_ms < moment.at_ms:
                thing.hash_of, thing.known, thing.illegal = known.hash_of, True, True
                return
        if self._chance.random() < mix.WITH_HASH:
            thing.hash_of = thing.number
            if thing.illegal and thing.via == NOBODY:
                contents.append(thing)


class _Wheel:
    """Draws words by their weight."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._words = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, chance: random.Random) -> str:
        """Draw one."""
        return chance.choices(self._words, cum_weights=self._sums)[0]


def split(count: int, weights: Sequence[float]) -> list[int]:
    """Share `count` out by weight in whole numbers; the largest remainders get what is left."""
    whole = sum(weights)
    exact = [count * weight / whole for weight in weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda n: shares[n] - exact[n])
    for number in order[: count - sum(shares)]:
        shares[number] += 1
    return shares
