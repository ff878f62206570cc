"""A finding of the locator told in full: what was asked, what each source said, what follows.

`explain` turns the flat rows of `locate.Located` into values with names, for `hotline locate` and
whoever else must show a person why an item goes where it goes. It decides nothing: the vote on an
address is counted again from its own ballots, so that what is shown is what was counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ada_url
import msgspec

from node.jurisdiction.addresses import Special, effective, special_range
from node.jurisdiction.countries import Ballot, Confidence, count
from node.jurisdiction.locate import State
from node.jurisdiction.redirects import is_cut_short
from node.jurisdiction.watching import ANYCAST

if TYPE_CHECKING:
    from node.jurisdiction.locate import Located
    from node.jurisdiction.locations import Location


class Said(msgspec.Struct, frozen=True):
    """What one database says of an address: its build (ms UTC), the prefix, its own word.

    `read_as` is the country that the word can only mean; None: no country, so no ballot.
    """

    database: str
    built_ms: int
    prefix: str
    answer: str | None
    read_as: str | None


class Address(msgspec.Struct, frozen=True):
    """One address. `reached` is what traffic to it reaches (IPv4 out of a wrapping).

    `refused` names the special-purpose range it is in, `range` and `source` say which that is and
    which document reserves it; then nobody voted on it.
    """

    address: str
    reached: str
    ttl_s: int | None = None
    refused: str | None = None
    range: str | None = None
    source: str | None = None
    country: str | None = None
    confidence: Confidence | None = None
    ballots: tuple[Said, ...] = ()
    network: Network | None = None


class Link(msgspec.Struct, frozen=True):
    """One step of the CNAME chain."""

    target: str
    ttl_s: int


class Veil(msgspec.Struct, frozen=True):
    """An entry of a proxy list that holds one of the names or addresses."""

    matched: str
    list: str
    built_ms: int
    entry: str
    provider: str


class Network(msgspec.Struct, frozen=True):
    """Which network announces an address, as one database says."""

    database: str
    built_ms: int
    prefix: str
    asn: int
    organisation: str | None


class Sign(msgspec.Struct, frozen=True):
    """An entry of the watch list that takes a step of confidence, or one of the anycast list."""

    address: str
    list: str
    built_ms: int
    entry: str
    reason: str


class Rule(msgspec.Struct, frozen=True):
    """An override in force: what people of this hotline know, whose it is, until when (ms UTC)."""

    matched: str
    kind: str
    id: str
    entry: str
    country: str
    author: str
    reason: str
    expires_ms: int


class Origin(msgspec.Struct, frozen=True):
    """What a proxy said of whom it hides, when, and until when that holds (ms UTC)."""

    host: str
    provider: str
    address: str
    answered_ms: int
    expires_ms: int


class Step(msgspec.Struct, frozen=True):
    """One site on the way through redirects; `problem`: why the way ends there."""

    number: int
    host: str
    address: str | None
    status: int | None
    problem: str | None


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one decision. Times are ms UTC; `because` is for people.

    `left_out`: how many more addresses the name has that nobody looked at.
    """

    given: str
    canonical: str
    form_version: int
    kind: str
    host: str
    state: State
    country: str | None
    confidence: Confidence
    candidates: tuple[str, ...]
    rule_version: int
    because: str
    names: str | None = None
    asked_ms: int | None = None
    cname_chain: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    left_out: int = 0
    proxies: tuple[Veil, ...] = ()
    watched: tuple[Sign, ...] = ()
    overrides: tuple[Rule, ...] = ()
    origins: tuple[Origin, ...] = ()
    hops: tuple[Step, ...] = ()
    retry_ms: int | None = None

    def __repr__(self) -> str:
        """Say the result without the place."""
        return f"<Explanation {self.state}>"


def explain(location: Location, located: Located) -> Explanation:
    """Return the finding for `location` with a name for each part of its evidence."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for kind, *parts in located.evidence:
        rows.setdefault(str(kind), []).append(tuple(parts))
    names = rows.get("names", [(None, None)])[0]
    return Explanation(
        given=location.raw,
        canonical=location.canonical,
        form_version=location.version,
        kind=location.kind,
        host=location.host,
        state=located.state,
        country=located.country,
        confidence=located.confidence,
        candidates=located.candidates,
        rule_version=rows["rule"][0][1],
        because=_because(location, located, names[0]),
        names=names[0],
        asked_ms=names[1],
        cname_chain=tuple(Link(*row) for row in rows.get("cname", ())),
        addresses=tuple(_addresses(rows)),
        left_out=rows.get("left_out", [(0,)])[0][0],
        proxies=tuple(Veil(*row) for row in rows.get("proxy", ())),
        watched=tuple(Sign(*row) for row in rows.get("watched", ())),
        overrides=tuple(Rule(*row) for row in rows.get("override", ())),
        origins=tuple(Origin(*row) for row in rows.get("origin", ())),
        hops=tuple(Step(*row) for row in rows.get("hop", ())),
        retry_ms=located.retry_ms,
    )


def special_address(raw: str) -> Address | None:
    """Return the address inside a URL that is refused for its special-purpose range, or None."""
    try:
        host = ada_url.URL(raw).hostname.strip("[]")
        found = special_range(host)
    except ValueError:
        return None
    return None if found is None else _refused(host, found)


def _refused(address: str, found: Special) -> Address:
    reached = str(effective(address))
    return Address(address, reached, refused=found.name, range=found.prefix, source=found.source)


def _addresses(rows: dict[str, list[tuple[Any, ...]]]) -> list[Address]:
    ballots: dict[str, list[Ballot]] = {}
    for address, *ballot in rows.get("ballot", ()):
        ballots.setdefault(address, []).append(Ballot(*ballot))
    networks = {address: Network(*rest) for address, *rest in rows.get("network", ())}
    return [
        *(
            _voted(address, ttl_s, ballots.get(address, []), networks.get(address))
            for address, ttl_s in rows.get("address", ())
        ),
        *(
            _refused(address, special_range(address) or Special(name, "", ""))
            for address, name in rows.get("refused", ())
        ),
    ]


def _voted(
    address: str, ttl_s: int | None, ballots: list[Ballot], network: Network | None
) -> Address:
    vote = count(tuple(ballots))
    said = tuple(Said(*ballot) for ballot in ballots)
    reached = str(effective(address))
    return Address(
        address,
        reached,
        ttl_s,
        country=vote.country,
        confidence=vote.confidence,
        ballots=said,
        network=network,
    )


_NOWHERE = {
    "onion": "an onion service is in no country that anybody can see",
    "i2p": "an I2P service is in no country that anybody can see",
    "ipfs": "content on IPFS is wherever somebody keeps it; a gateway is a place of its own",
    "service": "an account on a service is where the service says, which is not on the network",
}
_FAILED = {
    "not_asked": "the name was not looked up",
    "servfail": "the name servers failed: that says nothing about the site",
    "timeout": "the name servers did not answer: that says nothing about the site",
    "no_data": "the name exists and has no address",
    "nxdomain": "there is no such name",
}


_LED = {"none": "to what is in no country", "hidden": "to a place behind a proxy"}


def _because(location: Location, located: Located, names: str | None) -> str:
    """Say in one sentence what decided."""
    if located.state == "unresolved":
        failed = _FAILED.get(str(names), "one of two questions failed, the other had no address")
        return failed if names == "not_asked" else f"{failed}; it is asked again"
    if located.state in _LED and any(row[0] == "led" for row in located.evidence):
        return f"it redirects {_LED[located.state]}, as it tells this node; a person looks"
    if located.state == "none":
        return _nowhere(location, located, names)
    if located.state == "hidden":
        return "a proxy stands before it: where it is hosted, only the proxy knows"
    if located.state == "country":
        return _agreed(located)
    return _disputed(located)


def _disputed(located: Located) -> str:
    if any(row[0] == "watched" and row[-1] == ANYCAST for row in located.evidence):
        return "an address is announced from many places at once (anycast): it is in no one country"
    rules: dict[object, set[object]] = {}
    for row in located.evidence:
        if row[0] == "override":
            rules.setdefault(row[4], set()).add(row[5])
    if any(len(named) > 1 for named in rules.values()):
        return "overrides of this hotline for one place contradict each other: mend their file"
    if not located.candidates:
        return "no database names a country"
    named = ", ".join(located.candidates)
    if any(row[0] in {"override", "led"} for row in located.evidence):
        return f"the databases, its addresses or overrides do not agree; they name {named}"
    if None in _by_address(located):
        return f"the databases do not agree; they name {named}"
    return f"its addresses stand in different countries; the databases name {named}"


def _by_address(located: Located) -> set[str | None]:
    """Return which countries the databases give its addresses, None where they do not agree."""
    return {count(tuple(ballots)).country for ballots in _ballots(located).values()}


def _ballots(located: Located) -> dict[object, list[Ballot]]:
    found: dict[object, list[Ballot]] = {}
    for kind, *parts in located.evidence:
        if kind == "ballot":
            address, *ballot = parts
            found.setdefault(address, []).append(Ballot(*ballot))  # type: ignore[arg-type]
    return found


def _nowhere(location: Location, located: Located, names: str | None) -> str:
    if location.kind in _NOWHERE:
        return _NOWHERE[location.kind]
    if any(row[0] == "refused" for row in located.evidence):
        return "it has only addresses that nobody hosts at in public"
    return f"{_FAILED.get(str(names), 'no address was found')}, however often it was asked"


def _agreed(located: Located) -> str:
    kinds = {row[0] for row in located.evidence}
    if is_cut_short([row[-1] for row in located.evidence if row[0] == "hop"]):
        return (
            "that is where the last site is which is there: what it redirects to is not, and that "
            "takes a step of confidence"
        )
    decided = (why for kind, why in _DECIDED if kind in kinds)
    return next(decided, None) or _sure(located)


def _sure(located: Located) -> str:
    """Say how sure the databases are, where nothing else decided."""
    if located.confidence != "medium":
        return _SURE[located.confidence]
    if any(row[:2] == ("names", "partial") for row in located.evidence):
        return (
            "one of the two questions for its addresses failed, and the others stand there: that"
            " takes a step of confidence"
        )
    if all(len(ballots) == 1 for ballots in _ballots(located).values()):
        return "only one database is configured, and it says so"
    return _SURE["medium"]


_DECIDED = (
    ("led", "it redirects there from elsewhere, as it tells this node: less sure by a step"),
    ("override", "people of this hotline say so, until the time that stands with it"),
    ("beside", "its addresses beside a proxy's stand there; the proxy takes a step of confidence"),
    ("watched", "the databases say so, and a watched block or network takes a step of confidence"),
    ("left_out", "so its addresses say; it has more than are looked at, which takes a step"),
)
_SURE = {
    "high": "all databases that answered, two at least, agree on every address",
    "medium": "most databases that answered say so, not all",
    "low": "one database alone answers, the others are silent",
}
