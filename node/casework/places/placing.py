"""Where an item is hosted, in the words that travel: the locator's finding as a `Jurisdiction`.

The evidence of the locator is richer than what a message may carry; the ballots go first, since
they are what the next member will want to compare; how many lines were left out is said.

An internal address that our name servers gave stays here, and so do the names on the way to it: by
them a resolver inside a network (split horizon) says how that is built. The range is told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol

from node.casework.item import ItemState, Review
from node.casework.passing_on.routing import DEADLINE, is_uncertain
from node.casework.places.beside import CANDIDATE, speaking
from node.casework.places.hidden import BESIDE, asked
from node.casework.places.lookups import Found
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locate import Located, Row
from node.jurisdiction.locations import Location as Place
from node.jurisdiction.locations import canonical, canonical_service
from node.jurisdiction.origins import Origins
from node.jurisdiction.redirects import Redirects, Trail, led_from, with_hops
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.fields import MAX_EVIDENCE
from protocol.vocabulary import Confidence, HostingState


class Locator(Protocol):
    """What placing needs of `node.jurisdiction.locate.Locator`."""

    async def locate(self, location: Place, now_ms: int, *, attempts: int = 0) -> Located:
        """Locate, asking the name servers where necessary."""
        ...

    def locate_cached(self, location: Place, now_ms: int) -> Located | None:
        """Locate from what is known; None if somebody has to be asked."""
        ...


LEFT_OUT = "left_out"
"""Source of the line that says how much there is beyond what the evidence names."""
MAX_STANDING = 8
_MAX_MADE = 100_000
_SITES = frozenset({"name", "address"})
"""Kinds of location that may lead elsewhere."""


class Places:
    """Implements `node.casework.places.lookups.Places` on a locator.

    `deadline_ms`: how long an unsure place waits for a person before its best candidate counts;
    None: for ever. `origins`: asks proxies whom they hide; None: nobody is asked.
    `redirects`: asks sites where they lead; None: they are not asked.
    """

    def __init__(
        self,
        locator: Locator,
        deadline_ms: int | None = None,
        origins: Origins | None = None,
        redirects: Redirects | None = None,
    ) -> None:
        self._locator = locator
        self._deadline_ms = deadline_ms
        self._origins = origins
        self._redirects = redirects
        self._places: dict[str, Place] = {}
        self._made: dict[int, tuple[Located, Jurisdiction]] = {}
        self._failed: dict[str, int] = {}  # by item: how often in a row; a restart asks sooner

    async def locate(self, state: ItemState, now_ms: int) -> tuple[Jurisdiction, int | None]:
        """Return the item's hosting jurisdiction, and when to ask again (None: settled)."""
        place = self._place_at(state.location)
        if not isinstance(place, Place):
            return place or _nowhere(), None
        trail = await self._follow(state.location, now_ms)
        reported = place
        if trail is not None:
            place = trail.last
        located = self._locator.locate_cached(place, now_ms)
        if located is None:
            located = await self._ask(state.id, place, now_ms)
        if trail is not None:
            located = with_hops(located, trail)
            if place.host != reported.host:
                first = await self._locator.locate(reported, now_ms)
                located = led_from(located, reported, first, trail)
        if located.retry_ms is not None:
            return self._jurisdiction(located), located.retry_ms
        if located.state == "hidden":
            return self._ask_proxy(place, located, now_ms)
        return self._by_confidence(state, located, now_ms)

    def _ask_proxy(self, place: Place, located: Located, now_ms: int) -> Found:
        """Have the proxy asked where the host stands, and say so; when to look again, if ever."""
        made = self._jurisdiction(located)
        if self._origins is None or place.kind not in _SITES:
            return made, None
        veils = (
            str(row[5]) for row in located.evidence if row[0] == "proxy" and len(row) >= _PROXY
        )
        look_ms = self._origins.need(place.host, veils, now_ms)
        question = self._origins.question(place.host)
        if question is None:
            return made, look_ms
        overdue = self._origins.is_overdue(question, now_ms)
        since_ms = question.asked_ms
        made = asked(made, question.host, question.provider, since_ms, overdue=overdue)
        return made, look_ms

    async def _follow(self, location: Location | None, now_ms: int) -> Trail | None:
        """Return where the site leads, if sites may be asked and this is one."""
        place = None if self._redirects is None else _place(location)
        if self._redirects is None or not isinstance(place, Place) or place.kind not in _SITES:
            return None
        return await self._redirects.follow(place, now_ms)

    async def _ask(self, item_id: str, place: Place, now_ms: int) -> Located:
        failed = self._failed.pop(item_id, 0)
        located = await self._locator.locate(place, now_ms, attempts=failed)
        if located.retry_ms is not None:
            self._failed[item_id] = failed + 1
        return located

    def _by_confidence(
        self, state: ItemState, located: Located, now_ms: int
    ) -> tuple[Jurisdiction, int | None]:
        """Give an unsure place a deadline; at its end, the best candidate."""
        made = self._jurisdiction(located)
        if self._deadline_ms is None or not is_uncertain(made):
            return made, None
        best = located.country or located.best
        if best is None:
            return made, None  # nobody to hand it on to, however long one waits
        placed = state.jurisdiction
        answered = placed is None or placed.state is not HostingState.UNRESOLVED
        waits = Review.LOCATION_UNCERTAIN in state.reviews and state.again is None
        waited = state.due_ms is not None and waits and answered
        if not waited:
            return made, now_ms + self._deadline_ms
        line = Evidence(f"nobody decided in {self._deadline_ms} ms", DEADLINE, "1", best)
        evidence = (line, *made.evidence)[:MAX_EVIDENCE]
        return Jurisdiction(HostingState.COUNTRY, best, Confidence.LOW, evidence), None

    def known(self, location: Location | None, now_ms: int) -> Jurisdiction | None:
        """Return it if nobody has to be asked, else None; a place with a deadline has to be."""
        place = self._place_at(location)
        if place is None:
            return _nowhere()
        if isinstance(place, Jurisdiction):
            return place
        if self._redirects is not None and place.kind in _SITES:
            return None
        located = self._locator.locate_cached(place, now_ms)
        if located is None or (located.state == "hidden" and self._origins is not None):
            return None
        made = self._jurisdiction(located)
        return None if self._deadline_ms is not None and is_uncertain(made) else made

    def _place_at(self, location: Location | None) -> Place | Jurisdiction | None:
        """What the locator is asked. It looks at scheme and host alone: read once for each."""
        if location is None or location.canonical is None or location.service is not None:
            return _place(location)
        origin = "/".join(location.canonical.split("/", 3)[:3])
        place = self._places.get(origin)
        if place is None:
            read = _place(location)
            if not isinstance(read, Place):
                return read
            if len(self._places) >= _MAX_MADE:
                self._places.clear()
            place = self._places[origin] = read
        return place

    def _jurisdiction(self, located: Located) -> Jurisdiction:
        """Translate a finding once: the locator gives the same object while nothing changed."""
        made = self._made.get(id(located))
        if made is None or made[0] is not located:
            if len(self._made) >= _MAX_MADE:
                self._made.clear()
            made = (located, jurisdiction(located))
            self._made[id(located)] = made
        return made[1]


def _place(location: Location | None) -> Place | Jurisdiction | None:
    """What the locator is asked; a verdict at once where another member sent what is no place."""
    if location is None or location.canonical is None:
        return None
    try:
        if location.service is not None and location.account is not None:
            return canonical_service(location.service, location.account)
        return canonical(location.canonical)
    except (UnlocatableError, ValueError):
        evidence = Evidence("location", "report", "1", "unreadable")
        return Jurisdiction(HostingState.NONE, None, Confidence.LOW, (evidence,))


def stands_at(found: Jurisdiction | None) -> tuple[str, ...]:
    """Return the addresses that the evidence of a place names, at most `MAX_STANDING` of them.

    Not those of a proxy beside others: who hosts there serves what stands elsewhere.
    """
    named: dict[str, None] = {}
    lines = () if found is None else speaking(found)
    proxies = {line.input for line in lines if line.source == BESIDE}
    for line in lines:
        words = line.input.split()
        if line.source == "refused" or not words:
            continue
        word = words[-1] if line.source.startswith("origin:") else words[0]
        if word in proxies:
            continue
        try:
            named[str(ip_address(word))] = None
        except ValueError:
            continue
    return tuple(named)[:MAX_STANDING]


def _nowhere() -> Jurisdiction:
    evidence = Evidence("location", "report", "1", "absent")
    return Jurisdiction(HostingState.NONE, None, Confidence.HIGH, (evidence,))


def jurisdiction(located: Located) -> Jurisdiction:
    """Return a finding as it travels."""
    rows = sorted(located.evidence, key=lambda row: _ORDER.get(str(row[0]), len(_ORDER)))
    inside = any(row[0] == "refused" for row in rows)
    told = [_evidence(row) for row in rows if not (inside and row[0] == "cname")]
    evidence = tuple(dict.fromkeys(told))
    if len(evidence) > MAX_EVIDENCE:
        rest = len(evidence) - MAX_EVIDENCE + 1
        evidence = (_line(f"{rest} more lines", LEFT_OUT, "1", None), *evidence[: MAX_EVIDENCE - 1])
    return Jurisdiction(
        HostingState(located.state), located.country, Confidence(located.confidence), evidence
    )


_ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            "override",
            "origin",
            "led",
            "beside",
            LEFT_OUT,
            CANDIDATE,
            "proxy",
            "ballot",
            "watched",
            "refused",
            "kind",
            "cname",
            "names",
            "address",
        )
    )
}
_PARTS: dict[str, Callable[[Row], Row]] = {
    "refused": lambda row: row[2:],
    LEFT_OUT: lambda row: (row[-1], "more addresses"),
}
"""What of a plain row travels where it is not all of it."""
_WATCHED = 6
_NETWORK = 7
_BALLOT = 7
_PROXY = 6


def _evidence(row: Row) -> Evidence:
    kind = str(row[0])
    if kind == "ballot" and len(row) >= _BALLOT:
        _, address, database, built, prefix, answer, read_as = row[:_BALLOT]
        return _line(f"{address} in {prefix}", database, _day(built), read_as or answer)
    if kind == "proxy" and len(row) >= _PROXY:
        _, what, source, built, entry, provider = row[:_PROXY]
        return _line(f"{what} in {entry}", source, _day(built), provider)
    if kind in {"origin", "override", "beside"}:
        return _told(row)
    if kind == "watched" and len(row) == _WATCHED:
        _, what, source, built, entry, _ = row
        return _line(f"{what} in {entry}", f"watch:{source}", _day(built), "watched")
    if kind == "network" and len(row) == _NETWORK:
        _, what, source, built, prefix, number, _ = row
        return _line(f"{what} in {prefix}", source, _day(built), f"AS{number}")
    pick = _PARTS.get(kind)
    parts = row[1:] if pick is None else pick(row)
    told = " ".join(str(part) for part in parts if part is not None)
    return _line(told or kind, kind, "1", None)


def _told(row: Row) -> Evidence:
    """What people of this hotline know, or a proxy told it; or that an address is a proxy's.

    Author and reason are people's and free text: they stay here.
    """
    if row[0] == "beside":
        return _line(str(row[1]), BESIDE, "1", row[2])
    if row[0] == "origin":
        _, what, provider, address, told, _ = row
        return _line(f"{what} at {address}", f"origin:{provider}", _day(told), "told")
    _, what, how, number, entry, country, _, _, expires = row
    return _line(f"{what} in {entry}", f"{how}:{number}", f"until {_day(expires)}", country)


def _line(told: str, source: object, version: str, answer: object) -> Evidence:
    """One line of evidence; together the parts stay within what a line may have."""
    said = None if answer is None else _plain(str(answer), 96)
    return Evidence(_plain(told, 160), _plain(str(source), 64), _plain(version, 32), said)


def _plain(text: str, at_most: int) -> str:
    """Printable ASCII, whatever a name server or a database said; never empty."""
    if not (text.isascii() and text.isprintable()):
        text = ascii(text)[1:-1]
    return text[:at_most] or "-"


def _day(built_ms: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(built_ms)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "unknown"
