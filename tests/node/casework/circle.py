"""Members that hand one place to each other: each judges in a casebook of its own.

Messages wait in channels, in order within a lane, and arrive when a test lets them; so hand-overs
cross, and lanes overtake each other, as they do on the wire. Clocks may be wrong.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from keys.registry import Registry
from node.casework.casebook import Casebook, Loaded
from node.casework.ending.erasing import Cause, ErasureDraft, erase
from node.casework.events import EventKind, Facts, Sighted
from node.casework.folding import lacks
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import Parsed, parse
from node.casework.incoming.receiving import Judge, Judged
from node.casework.item import Custody, ItemState
from node.casework.passing_on.post import Post
from node.casework.passing_on.routing import Forwarding, route
from node.casework.postbox import Postbox
from node.casework.reports.draft import ActionDraft
from node.casework.reports.intake import add_facts
from node.casework.working import record_action
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from protocol.entry import leaf
from protocol.facts import Content, Hop, Sighting
from protocol.vocabulary import Action, Disposition, Lane, Source
from tests.builders.cases import country, item
from tests.builders.network import NOW_MS, make_network

DAY_MS = 86_400_000
ORDERS = range(8)
"""Orders of arrival that are tried, each its own random one."""
MEMBERS = ("gb-iwf", "nl-eokm", "fr-pdc", "de-eco", "pl-dyz")


@cache
def registry() -> Registry:
    """Return a registry of five hotlines."""
    return make_network(list(MEMBERS))[0]


@dataclass
class Member:
    """One member of the circle."""

    name: str
    skew_ms: int = 0
    book: Casebook = field(init=False)
    postbox: Postbox = field(init=False)
    ids: Ids = field(init=False)
    parked: list[Parsed] = field(default_factory=list)
    minute: int = 0

    def __post_init__(self) -> None:
        secret = self.name.encode().ljust(32, b".")
        drawn = count(1)
        self.book = Casebook(self.name, NOW_MS + self.skew_ms, Fingerprints(secret), Loaded())
        self.postbox = Postbox(secret)
        self.ids = Ids(self.name, lambda size: next(drawn).to_bytes(size, "big"))

    def tick(self) -> None:
        """A minute goes by."""
        self.minute += 1
        self.book.now = NOW_MS + self.skew_ms + self.minute * 60_000

    def find(self, *content: Content) -> ItemState:
        """Somebody reports the place here."""
        number = 1 + MEMBERS.index(self.name)
        state = item(
            number, *content, finder=self.name, hops=(Hop(self.name, self.book.now),),
            responsible=self.name, came_from=None,
        )  # fmt: skip
        self.book.loaded.items[state.id] = state
        self.book._index_new(state)
        return state

    def learn(self, content: Content) -> None:
        """Somebody computes hashes of what this member has of the place."""
        missing = lacks(self.only, Facts((content,), None))
        assert missing is not None
        add_facts(self.book, self.only.id, missing, self.postbox)

    def report_danger(self) -> Sighting:
        """Somebody reports here what this member has, and that a child is at risk."""
        sighting_id = self.ids.mint(self.book.now)
        seen = Sighting(sighting_id, self.name, Source.VICTIM, self.book.now)
        body = Sighted((seen,), None, child_at_risk=True, outcome=Disposition.DUPLICATE)
        self.book.record(
            self.only.id, EventKind.SIGHTED, body, at_ms=self.book.now, actor=self.name
        )
        return seen

    def locate(self, where: str) -> None:
        """The place is hosted where `where` is responsible, as this node found out."""
        found = country(where[:2].upper())
        (here,) = (s for s in self.items() if s.custody is Custody.HERE)
        route(self.book, here.id, found, None, Forwarding(registry(), self.ids, self.postbox))

    def move(self, where: str) -> None:
        """A person says that it moved there, and says it again if the node asks."""
        draft = ActionDraft(action=Action.MOVED, country=where[:2].upper())
        (here,) = (s for s in self.items() if s.custody is Custody.HERE)
        for _ in range(2):
            if self.book.loaded.items[here.id].custody is Custody.HERE:
                record_action(
                    self.book, here.id, draft, Forwarding(registry(), self.ids, self.postbox)
                )

    def erase(self) -> None:
        """A person erases what this member has of the place."""
        (one,) = self.items()
        erase(self.book, one.id, ErasureDraft(Cause.ERROR), self.ids, self.postbox)

    def items(self) -> list[ItemState]:
        """What this member has."""
        return list(self.book.loaded.items.values())

    @property
    def only(self) -> ItemState:
        """The one item that this member has."""
        (one,) = self.items()
        return one

    def judge(self, parsed: Parsed) -> bool:
        """Judge an entry; whether it need not wait any more."""
        judge = Judge(self.book, registry(), self.ids, self.postbox)
        answer = judge.judge(parsed)
        judge.finish()
        return answer.judged is not Judged.PARKED

    def judge_parked(self) -> None:
        """Judge again what waited for an item."""
        waiting, self.parked = self.parked, []
        self.parked += [one for one in waiting if not self.judge(one)]


class Circle:
    """Some members, and the channels between them."""

    def __init__(self, members: Iterable[str] = MEMBERS, skews_ms: Iterable[int] = ()) -> None:
        skews = dict(zip(members, skews_ms, strict=False))
        self.members = {name: Member(name, skews.get(name, 0)) for name in members}
        self.channels: dict[tuple[str, str, Lane], deque[Post]] = defaultdict(deque)
        self.arrived = 0

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    def send(self) -> None:
        """Put what everybody says into the channels."""
        for member in self.members.values():
            for post in member.book.posts:
                self.channels[member.name, post.peer, post.lane].append(post)
            member.book.posts.clear()

    def deliver(self, sender: str, to: str, lane: Lane) -> None:
        """Let the next message of a channel arrive and be judged."""
        post = self.channels[sender, to, lane].popleft()
        self.arrived += 1
        entry = post.entry
        arrived = Arrived(sender, lane, bytes(8), self.arrived, leaf(entry), entry)
        member = self[to]
        member.tick()
        parsed = parse(arrived)
        if not member.judge(parsed):
            member.parked.append(parsed)
        member.judge_parked()
        self.send()

    def settle(
        self, chance: random.Random, *, without: str | None = None, at_most: int = 10_000
    ) -> None:
        """Let messages arrive in any order until there are none, or so many have.

        `without`: one member is away.
        """
        self.send()
        for _ in range(at_most):
            ready = [
                place
                for place, posts in sorted(self.channels.items())
                if posts and without not in place[:2]
            ]
            if not ready:
                return
            self.deliver(*chance.choice(ready))

    def wander(self, chance: random.Random, steps: int) -> None:
        """Members find the place, locate it anywhere, move it anywhere; some messages arrive."""
        for _ in range(steps):
            member = self[chance.choice(list(self.members))]
            member.tick()
            has = any(state.custody is Custody.HERE for state in member.items())
            if not member.items() and chance.random() < 0.4:
                member.find()
            elif has and chance.random() < 0.25:
                others = [name for name in self.members if name != member.name]
                chance.choice([member.move, member.locate])(chance.choice(others))
            else:
                self.settle(chance, at_most=chance.randrange(1, 6))


def drawn(order: int) -> random.Random:
    """Return the chance of one order."""
    return random.Random(order)  # noqa: S311 - an order of arrival, not a secret


def holders(circle: Circle) -> list[str]:
    """Which members have an item of the place."""
    return [
        member.name
        for member in circle.members.values()
        for state in member.items()
        if state.custody is not Custody.HANDED_ON
    ]


def agreed(circle: Circle, *, but: tuple[str, ...] = ()) -> str:
    """Return the one member that has it, as everybody says."""
    (one,) = holders(circle)
    said = {m.name: [s.responsible for s in m.items()] for m in circle.members.values()}
    assert said == {name: [] if name in but else [one] for name in said}
    assert all(not member.parked for member in circle.members.values())
    return one
