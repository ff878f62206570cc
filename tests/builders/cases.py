"""Items, files and verdicts as values, for tests of what is decided about them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any, Final

import msgspec

from keys.registry import Registry
from node.casework.casebook import Casebook, Loaded
from node.casework.contents.crowds import near_choices
from node.casework.item import Custody, ItemState
from node.casework.postbox import Postbox
from node.ids import Ids
from node.matching.contents import PDQ_NEAR, pictures_of
from node.matching.fingerprints import Fingerprints
from node.registry.changes import expel
from protocol.facts import (
    ActionTaken,
    Assessment,
    Content,
    Evidence,
    Hop,
    Jurisdiction,
    Location,
    Sighting,
)
from protocol.messages import Message, read
from protocol.vocabulary import (
    Action,
    Confidence,
    HostingState,
    ItemKind,
    Matter,
    Source,
    Verdict,
)
from tests.builders.network import NOW_MS, make_network
from tests.builders.pictures import apart

US: Final = "nl-eokm"
HOUR_MS: Final = 3_600_000
PLACE: Final = "https://nl1.example/album/1.jpg"
OTHER_PLACE: Final = "https://nl2.example/copy.jpg"


def event_id(number: int, member: str = US) -> str:
    """Return the id that `member` minted as its `number`th."""
    return f"{member}.{number:026d}"


def at(url: str | None = PLACE) -> Location:
    """Return a location; None: nowhere."""
    return Location() if url is None else Location(url, 1, url)


def file(
    sha256: int | None = None,
    *,
    sha1: int | None = None,
    md5: int | None = None,
    length: int | None = None,
    pdq: int | None = None,
    quality: int = 100,
) -> Content:
    """Return the hashes of a file; equal numbers are equal hashes, PDQ in its bits."""
    return Content(
        None if sha256 is None else sha256.to_bytes(32, "big"),
        None if sha1 is None else sha1.to_bytes(20, "big"),
        None if md5 is None else md5.to_bytes(16, "big"),
        length,
        None if pdq is None else pdq.to_bytes(32, "big"),
        None if pdq is None else quality,
    )


def verdict(
    given: Verdict = Verdict.BASELINE,
    member: str = "gb-iwf",
    number: int = 900,
    at_ms: int = NOW_MS,
) -> Assessment:
    """Return an assessment."""
    law = "law-1" if given is Verdict.NATIONAL else None
    reason = None if given is not Verdict.UNASSESSABLE else "error"
    return msgspec.convert(
        (event_id(number, member), member, given, law, (), reason, at_ms), Assessment
    )


def item(number: int = 1, *content: Content, url: str | None = PLACE, **changes: Any) -> ItemState:
    """Return an open item that is held here, as its finder's `number`th."""
    finder = changes.get("finder", "gb-iwf")
    item_id = event_id(number, finder)
    state = ItemState(
        id=item_id,
        report_id=event_id(number + 500, "gb-iwf"),
        finder="gb-iwf",
        matter=Matter.CSAM,
        kind=ItemKind.IMAGE,
        location=at(url),
        content=content,
        access=None,
        source=Source.PUBLIC,
        found_via=None,
        campaign=None,
        found_ms=NOW_MS,
        received_ms=NOW_MS,
        child_at_risk=False,
        came_from="gb-iwf",
        hops=(Hop("gb-iwf", NOW_MS), Hop(US, NOW_MS)),
        sightings=(Sighting(item_id, finder, Source.PUBLIC, NOW_MS),),
        custody=Custody.HERE,
        responsible=US,
    )
    return msgspec.structs.replace(state, **changes)


def closed(
    state: ItemState, by: Action = Action.REMOVED, when_ms: int = NOW_MS + HOUR_MS
) -> ItemState:
    """Return the item closed by its holder."""
    action = ActionTaken(event_id(800), US, by, None, when_ms)
    return msgspec.structs.replace(
        state, closed_ms=when_ms, closed_by=by, actions=(*state.actions, action)
    )


def handed_on(state: ItemState, to: str = "fr-pdc") -> ItemState:
    """Return the item after we handed it to another member."""
    hops = (*state.hops, Hop(to, NOW_MS))
    return msgspec.structs.replace(state, custody=Custody.HANDED_ON, responsible=to, hops=hops)


FINGERPRINTS: Final = Fingerprints(bytes(32))
POSTBOX: Final = Postbox(bytes(32))
MEMBERS: Final = ("gb-iwf", US, "fr-pdc")


@cache
def network() -> Registry:
    """Return a registry of three hotlines; orphans go to the first."""
    return make_network(list(MEMBERS))[0]


def suspended(member: str) -> Registry:
    """Return the same registry after the umbrella suspended a member."""
    registry = network()
    members = dict(registry.network.members)
    members[member] = replace(members[member], status="suspended")
    return replace(registry, network=replace(registry.network, members=members))


def expelled(member: str) -> Registry:
    """Return the same registry after the umbrella expelled a member."""
    registry = network()
    return replace(registry, network=expel(registry.network, member, {}))


def ids(member: str = US) -> Ids:
    """Return a mint that counts."""
    numbers = count(1)
    return Ids(member, lambda size: next(numbers).to_bytes(size, "big"))


def book(*states: ItemState, us: str = US, now: int = NOW_MS) -> Casebook:
    """Return a casebook in which these items were found by all their keys."""
    made = Casebook(us, now, FINGERPRINTS, Loaded())
    for state in states:
        made.loaded.items[state.id] = state
        made._index_new(state)
        for alias in state.aliases:
            made._index_alias(state, alias)
    made.new_keys.clear()
    return made


def looked_up(made: Casebook, *content: Content) -> Casebook:
    """Let a casebook know which pictures look like those of these files, as the store does."""
    asked = set(pictures_of(content))
    for pdq in asked:
        alike = {
            other for other in {*asked, *made.loaded.by_picture} if apart(pdq, other) <= PDQ_NEAR
        }
        made.loaded.near[pdq] = tuple(sorted(alike))
    return made


def near_by(made: Casebook, pdq: bytes) -> list[str]:
    """Return the items that a casebook shows of what looks like a picture, oldest first."""
    found = near_choices(made, pdq)
    return sorted({one for each in found for one in each.known | each.unknown})


def country(code: str = "NL", confidence: Confidence = Confidence.HIGH) -> Jurisdiction:
    """Return a finding: hosted there."""
    evidence = Evidence("203.0.113.7", "world", "1", code)
    return Jurisdiction(HostingState.COUNTRY, code, confidence, (evidence,))


def said(made: Casebook) -> list[tuple[str, Message]]:
    """Return what a decision says to whom: (member, message), in order."""
    return [(post.peer, read(post.entry)[1]) for post in made.posts]


def happened(made: Casebook, item_id: str | None = None) -> list[str]:
    """Return what a decision recorded, by name."""
    return [e.kind.name.lower() for e in made.events if item_id in (None, e.item)]
