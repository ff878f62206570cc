"""Who reports what: ordinary reports, and the scenarios that a network of hotlines must get right.

`Story(random, sites, total).reports` are all reports, `.items` all items. Each scenario marks its
items as used, so that two of them never meet on one item and the outcome stays certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.demo.cast import AWAY, BY_COUNTRY, MEMBERS, HandIn, Item, Report, make_hashes
from examples.demo.spellings import chance, make_alias, make_location, spell

if TYPE_CHECKING:
    from random import Random

    from examples.demo.cast import Hashes
    from examples.demo.sites import Site

SHARES = {
    ("gb-iwf", 1): 24,
    ("gb-iwf", 2): 18,
    ("nl-eokm", 1): 14,
    ("nl-eokm", 2): 11,
    ("de-eco", 1): 11,
    ("de-eco", 2): 9,
    ("fr-pdc", 2): 13,
}
COUNTRIES = {"NL": 40, "GB": 23, "DE": 22, "FR": 15}
KINDS = {"image": 50, "page": 25, "video": 17, "archive": 8}
SOURCES = {"public": 50, "proactive": 20, "crawler": 10, "partner": 8, "helpline": 6, "industry": 6}
CSV_SOURCES = {"public": 40, "webform": 25, "proactive": 20, "analyst": 10, "helpwanted": 5}
PLAIN_SOURCES = {"webform": "public", "analyst": "proactive", "helpwanted": "helpline"}
"""What the finer words of the CSV mean in the JSON."""
MATTERS = ("grooming", "sextortion", "spam", "query", "adult", "other")
MINUTE_MS = 60_000


def pick(random: Random, weights: dict[str, int]) -> str:
    """Return one of the keys, by weight."""
    return random.choices(list(weights), list(weights.values()))[0]


class TooFewReportsError(ValueError):
    """reports: too few for all scenarios with this seed; ask for more, 300 always suffice."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Story:
    """Builds reports and items. `now_ms` is when the newest of them was found."""

    def __init__(self, random: Random, sites: list[Site], total: int, now_ms: int) -> None:
        self.random = random
        self.sites = sites
        self.now_ms = now_ms
        self.items: list[Item] = []
        self.reports: list[Report] = []
        self.canaries: list[Item] = []
        self._references = dict.fromkeys(MEMBERS, 0)
        self._special = [s for s in sites if s.sort not in {"plain", "moving", "servfail"}]
        self._first = random.sample(self._special, len(self._special))
        for _ in range(total):
            self.ordinary()

    def ordinary(self) -> None:
        """One report of one to four new items, by anybody."""
        member, half = self.random.choices(list(SHARES), list(SHARES.values()))[0]
        form = "csv" if chance(self.random, 32) else "ndjson"
        report = self.open_report(member, half, form)
        count = self.random.choices((1, 2, 3, 4), (82, 12, 4, 2))[0]
        if form == "csv" and count == 1 and chance(self.random, 4):
            report.reference = None
        for _ in range(count):
            self.first(report, self.new_item(self.any_site(), form))

    def any_site(self) -> Site:
        """First one of each special site, then mostly plain ones."""
        if self._first:
            return self._first.pop()
        if chance(self.random, 25):
            return self.random.choice(self._special)
        return self.plain_site(pick(self.random, COUNTRIES))

    def any_site_in_country(self) -> Site:
        """Return a site that is in one country beyond doubt."""
        fitting = [s for s in self._special if s.sort in {"ipv6_only", "dual", "chain", "idn"}]
        if chance(self.random, 30):
            return self.random.choice(fitting)
        return self.plain_site(pick(self.random, COUNTRIES))

    def plain_site(self, country: str) -> Site:
        """Return an ordinary site in `country`."""
        fitting = [s for s in self.sites if s.sort == "plain" and s.hosting.country == country]
        return self.random.choice(fitting)

    def site_of(self, sort: str) -> Site:
        """Return a site of one sort."""
        return self.random.choice([site for site in self.sites if site.sort == sort])

    def open_report(self, member: str, half: int, form: str) -> Report:
        """Begin a report; it has a reference of its own."""
        self._references[member] += 1
        short = member.partition("-")[2].upper()
        reference = f"{short}-2026-{self._references[member]:06d}"
        source = pick(self.random, CSV_SOURCES if form == "csv" else SOURCES)
        report = Report(member, half, form, source, reference)
        report.workuser = f"analyst{self.random.randrange(1, 9)}@{member}.example"
        if form == "ndjson" and chance(self.random, 8):
            report.note = "Synthetic note that never leaves this hotline."
        self.reports.append(report)
        return report

    def new_item(
        self, site: Site | None, form: str, hashes: Hashes | None = None, kind: str | None = None
    ) -> Item:
        """Make an item; those in NDJSON mostly have hashes, those in CSV never."""
        kind = kind or pick(self.random, KINDS)
        number = len(self.items) + 1
        location = None if site is None else make_location(self.random, site, kind, number)
        item = Item(f"i{number:05d}", site, location, kind)
        wants = form == "ndjson" and kind != "page" and chance(self.random, 95)
        item.content = hashes or (make_hashes(self.random, kind) if wants else None)
        self.items.append(item)
        return item

    def first(self, report: Report, item: Item) -> HandIn:
        """Hand in an item that this member has not handed in before."""
        return self.hand_in(report, item, "first", item.content)

    def hand_in(
        self,
        report: Report,
        item: Item,
        outcome: str,
        hashes: Hashes | None,
        location: str | None = None,
    ) -> HandIn:
        """Add one line to a report."""
        place = location or item.location
        spelled = None if place is None else spell(self.random, item.site, place)
        made = HandIn(item, report, outcome, place, spelled, hashes)
        if chance(self.random, 25) and spelled is not None:
            made.access = {"referrer": f"http://links.example/{self.random.randrange(10**6)}"}
        if report.form == "ndjson":
            made.found_ms = self.now_ms - self.random.randrange(3 * 24 * 60) * MINUTE_MS
            if chance(self.random, 6) and spelled is not None:
                made.access = {"user_name": "guest", "password": "synthetic", "vantage": "NL"}
        report.hand_ins.append(made)
        item.hand_ins.append(made)
        return made

    def take(self, count: int, **wanted: object) -> list[Item]:
        """Return `count` unused items that fit, and mark them as used.

        Wanted may be: half, form, kind_not, holder_not, local, with_hashes, in_country.

        Raises:
            TooFewReportsError: the world is too small for all that is to happen in it.
        """
        fitting = [item for item in self.items if item.free and self._fits(item, wanted)]
        if len(fitting) < count:
            raise TooFewReportsError
        chosen = self.random.sample(fitting, count)
        for item in chosen:
            item.free = False
        return chosen

    def _fits(self, item: Item, wanted: dict[str, object]) -> bool:
        first = item.hand_ins[0].report
        local = item.holder == first.member
        return (
            item.matter == "csam"
            and item.site is not None
            and first.reference is not None
            and item.site.sort not in {"moving", "servfail", "uncertain"}
            and wanted.get("half", first.half) == first.half
            and wanted.get("form", first.form) == first.form
            and wanted.get("kind_not") != item.kind
            and wanted.get("holder_not") != item.holder
            and wanted.get("local", local) == local
            and wanted.get("with_hashes", item.content is not None) == (item.content is not None)
            and (not wanted.get("in_country") or item.site.hosting.state == "country")
        )

    def other_member(self, *not_these: str) -> tuple[str, int]:
        """Return another member and a half in which it reports."""
        member = self.random.choice([m for m in MEMBERS if m not in not_these])
        return member, 2 if member == AWAY else self.random.choice((1, 2))

    def alias_of(self, item: Item) -> str:
        """Return another address of the same thing: the same path with another query."""
        assert item.location is not None
        return make_alias(self.random, item.location)

    def site_for(self, holder: str) -> Site:
        """Return a plain site for which `holder` is responsible."""
        country = next(c for c, member in BY_COUNTRY.items() if member == holder)
        return self.plain_site(country)
