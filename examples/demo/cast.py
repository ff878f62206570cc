"""Who takes part in the synthetic world, and what the generator's things look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from examples.demo.sites import Site

MEMBERS = {"gb-iwf": "GB", "nl-eokm": "NL", "de-eco": "DE", "fr-pdc": "FR"}
NAMES = {
    "gb-iwf": "Hotline of Great Britain (synthetic)",
    "nl-eokm": "Hotline of the Netherlands (synthetic)",
    "de-eco": "Hotline of Germany (synthetic)",
    "fr-pdc": "Hotline of France (synthetic)",
}
BY_COUNTRY = {country: member for member, country in MEMBERS.items()}
FALLBACK = "nl-eokm"
"""Who takes what is hosted in a country that has no member."""
AWAY = "fr-pdc"
"""Who is away for the first half: its reports all come in the second."""

Hashes = dict[str, Any]


@dataclass
class Item:
    """One piece of content at one location, as the network must come to see it.

    `closes` says that the holder closes it between the halves; `stays_open` that it must not;
    `verdict_by` who assessed it in its own file, `hashes_added_by` who adds hashes by the API;
    `free` that no scenario has used it yet.
    """

    key: str
    site: Site | None
    location: str | None
    kind: str
    content: Hashes | None = None
    matter: str = "csam"
    replaces: Item | None = None
    known_as: Item | None = None
    known_at: str | None = None
    verdict_by: str | None = None
    scenario: str = ""
    free: bool = True
    closes: str = ""
    stays_open: bool = False
    assessed_first_half: bool = False
    hashes_added_by: str | None = None
    hand_ins: list[HandIn] = field(default_factory=list)

    @property
    def finders(self) -> list[str]:
        """The members that hand it in, each once."""
        return list(dict.fromkeys(hand_in.report.member for hand_in in self.hand_ins))

    @property
    def holder(self) -> str:
        """The member responsible in the end."""
        finder = self.finders[0]
        if self.site is None or self.matter != "csam" or self.site.sort == "uncertain":
            return finder
        if self.site.sort == "moving":
            return BY_COUNTRY["DE"]
        country = self.site.hosting.country
        return finder if country is None else BY_COUNTRY.get(country, FALLBACK)

    def chain(self, finder: str) -> list[str]:
        """The custody chain that begins at `finder`."""
        before = [finder]
        if self.site is not None and self.site.sort == "moving" and self.moves:
            first_half = any(
                h.report.member == finder and h.report.half == 1 for h in self.hand_ins
            )
            before = [finder, BY_COUNTRY["NL"]] if first_half else [finder]
        return list(dict.fromkeys([*before, self.holder]))

    @property
    def moves(self) -> bool:
        """Whether it was already in somebody's hands when its site moved."""
        on_it = self.site is not None and self.site.sort == "moving"
        return on_it and any(hand_in.report.half == 1 for hand_in in self.hand_ins)


@dataclass
class HandIn:
    """An item as one line hands it in. `outcome`: first, again, revised, repeated.

    `location` is the canonical location of this very line: an alias has its own.
    """

    item: Item
    report: Report
    outcome: str
    location: str | None
    spelled: str | None
    hashes: Hashes | None = None
    access: dict[str, str] | None = None
    found_ms: int | None = None
    assessed: bool = False


@dataclass
class Report:
    """What a source handed in to one member in one half; `form` is csv or ndjson."""

    member: str
    half: int
    form: str
    source: str
    reference: str | None
    hand_ins: list[HandIn] = field(default_factory=list)
    child_at_risk: bool = False
    note: str | None = None
    workuser: str | None = None


def make_hashes(random: Random, kind: str) -> Hashes:
    """Return random hashes of a file that never was; not all holders compute all of them."""
    length = random.randrange(10_000, 9_000_000)
    full = {
        "sha256": random.randbytes(32).hex(),
        "sha1": random.randbytes(20).hex(),
        "md5": random.randbytes(16).hex(),
        "length": length,
    }
    style = random.randrange(10)
    if style == 0:
        return {name: full[name] for name in ("md5", "sha1", "length")}
    if style in {1, 2}:
        return {name: full[name] for name in ("sha256", "length")}
    if kind == "image":
        full |= {"pdq": random.randbytes(32).hex(), "pdq_quality": random.randrange(50, 101)}
    return full
