"""From the locator's finding to the words that travel."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.item import Again, Cause, Custody, ItemState, Review
from node.casework.passing_on.routing import DEADLINE, by_deadline
from node.casework.places.beside import AGAIN, beside
from node.casework.places.placing import (
    MAX_STANDING,
    Places,
    jurisdiction,
    stands_at,
)
from node.jurisdiction.locate import Located
from node.jurisdiction.locations import Location as Place
from protocol.facts import Evidence, Jurisdiction, Location
from protocol.fields import MAX_EVIDENCE
from protocol.messages import Item, to_body
from protocol.vocabulary import Confidence, HostingState
from tests.builders.cases import at, item
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import item_from

BALLOT = ("ballot", "203.0.113.7", "alpha", 1_780_000_000_000, "203.0.113.0/24", "UK", "GB")
FOUND = Located("country", "GB", "high", (("rule", "v1"), BALLOT))


class Answers:
    """A locator that knows some hosts, and is asked for others."""

    def __init__(self, cached: Located | None = None, asked: Located | None = None) -> None:
        self.cached = cached
        self.asked = asked
        self.attempts: list[int] = []

    def locate_cached(self, location: Place, now_ms: int) -> Located | None:
        """Return what is known."""
        del location, now_ms
        return self.cached

    async def locate(self, location: Place, now_ms: int, *, attempts: int = 0) -> Located:
        """Ask somebody."""
        del location, now_ms
        assert self.asked is not None
        self.attempts.append(attempts)
        return self.asked


async def placed(locator: Answers, state: ItemState) -> tuple[Jurisdiction, int | None]:
    """Place an item now."""
    return await Places(locator).locate(state, NOW_MS)


async def test_known_host_is_placed_without_asking() -> None:
    """At once, and for good."""
    found, retry = await placed(Answers(cached=FOUND), item())
    assert (found.state, found.country, retry) == (HostingState.COUNTRY, "GB", None)


async def test_unknown_host_is_asked_for() -> None:
    """And again, if it could not be told."""
    unresolved = Located("unresolved", None, "low", (), retry_ms=NOW_MS + 5)
    found, retry = await placed(Answers(asked=unresolved), item(1, revision=3))
    assert (found.state, retry) == (HostingState.UNRESOLVED, NOW_MS + 5)


async def test_pauses_grow_with_each_failure_in_a_row() -> None:
    """Sightings and other events of the item do not count as tries."""
    locator = Answers(asked=Located("unresolved", None, "low", (), retry_ms=NOW_MS + 5))
    places, state = Places(locator), item(1, revision=3)
    for _ in range(3):
        await places.locate(state, NOW_MS)
    assert locator.attempts == [0, 1, 2]


async def test_place_that_was_found_begins_anew() -> None:
    """An item that moves is not made to wait for what failed long ago."""
    locator = Answers(asked=Located("unresolved", None, "low", (), retry_ms=NOW_MS + 5))
    places, state = Places(locator), item(1)
    await places.locate(state, NOW_MS)
    locator.asked = FOUND
    await places.locate(state, NOW_MS)
    await places.locate(state, NOW_MS)
    assert locator.attempts == [0, 1, 0]


@pytest.mark.parametrize("where", [None, Location()])
async def test_item_without_a_place_is_nowhere(where: Location | None) -> None:
    """It has exactly one responsible member all the same."""
    found, retry = await placed(Answers(), item(1, location=where))
    assert (found.state, found.confidence, retry) == (HostingState.NONE, Confidence.HIGH, None)


@pytest.mark.parametrize("canonical", ["no place at all", "https://", "https://[::1", "x" * 8192])
async def test_address_that_another_member_made_up_is_put_in_front_of_a_person(
    canonical: str,
) -> None:
    """It holds up nothing: low confidence is looked at."""
    odd = item(1, location=Location(canonical, 1, canonical))
    found, retry = await placed(Answers(), odd)
    assert (found.state, found.confidence, retry) == (HostingState.NONE, Confidence.LOW, None)


def test_ballot_is_told_with_its_database_and_build_day() -> None:
    """So that the next member can compare, and the odd code is read as what it means."""
    (_, evidence) = reversed(jurisdiction(FOUND).evidence)
    assert (evidence.input, evidence.source) == ("203.0.113.7 in 203.0.113.0/24", "alpha")
    assert (evidence.version, evidence.answer) == ("2026-05-28", "GB")


def test_ballots_go_before_everything_that_does_not_fit() -> None:
    """They are what the next member will want."""
    rows = (*[("address", f"203.0.113.{n}", 60) for n in range(MAX_EVIDENCE)], BALLOT)
    told = jurisdiction(Located("country", "GB", "high", rows)).evidence
    assert len(told) == MAX_EVIDENCE
    assert [one.source for one in told[:2]] == ["left_out", "alpha"]


def test_service_and_account_are_placed_as_such() -> None:
    """They have no host to ask for."""
    account = Location("service:chat/somebody", 1, None, "chat", "somebody")
    assert Places(Answers(cached=FOUND)).known(account, NOW_MS) is not None


odd_texts = st.text(max_size=400) | st.integers() | st.none()
rows = st.tuples(
    st.sampled_from(["ballot", "proxy", "refused", "kind", "cname", "names", "address", "new"]),
    odd_texts, odd_texts, odd_texts, odd_texts, odd_texts, odd_texts,
)  # fmt: skip


@given(st.lists(rows, max_size=40))
def test_whatever_was_evidence_can_be_said(evidence: list[tuple[str, ...]]) -> None:
    """Long, odd or missing: no finding stops an item from being sent."""
    found = jurisdiction(Located("country", "GB", "high", tuple(evidence)))
    message = item_from(hosted=found)
    assert isinstance(message, Item)
    assert to_body(message)


def test_places_of_one_host_are_read_once_and_placed_alike() -> None:
    """Whatever their paths."""
    places = Places(Answers(cached=FOUND))
    one = places.known(at("https://nl1.example/a"), NOW_MS)
    assert places.known(at("https://nl1.example/b?c"), NOW_MS) is one


OVERRIDE = (
    "override", "shop.example", "origin", "origin-17", "shop.example", "GB", "analyst-7",
    "told by the proxy", 1_800_000_000_000,
)  # fmt: skip


def test_an_override_travels_without_its_author_and_reason() -> None:
    """Pseudonyms and free text stay at their node; entry, kind, id, end and country go, first."""
    found = jurisdiction(Located("country", "GB", "high", (BALLOT, OVERRIDE)))
    first = found.evidence[0]
    assert (first.source, first.version, first.answer) == (
        "origin:origin-17",
        "until 2027-01-15",
        "GB",
    )
    assert "analyst" not in repr(found)
    assert "told by" not in repr(found)


def test_a_sign_and_a_network_travel_by_number() -> None:
    """The operator's own word for a network does not."""
    rows = (
        ("network", "203.0.113.7", "networks", 1_780_000_000_000, "203.0.113.0/24", 64500, "Name"),
        ("watched", "203.0.113.7", "watch", 1_780_000_000_000, "asn 64500", "shady"),
    )
    found = jurisdiction(Located("country", "GB", "medium", rows))
    assert [(one.source, one.answer) for one in found.evidence] == [
        ("watch:watch", "watched"),
        ("networks", "AS64500"),
    ]
    assert "shady" not in repr(found)


def test_attack_what_a_resolver_inside_a_network_says_of_it_does_not_travel() -> None:
    """Internal addresses, and the names that led to them, stay; that they were refused goes."""
    rows = (
        ("names", "ok", NOW_MS),
        ("cname", "db7.intranet.example", 60),
        ("refused", "10.20.30.40", "private"),
        ("refused", "10.20.30.41", "private"),
        ("refused", "fd00::7", "not-global-unicast"),
    )
    found = jurisdiction(Located("none", None, "medium", rows))
    assert [one.input for one in found.evidence if one.source == "refused"] == [
        "private", "not-global-unicast",
    ]  # fmt: skip
    assert not any(word in repr(found) for word in ("10.20", "fd00", "intranet"))


def test_addresses_that_nobody_looked_at_are_told_before_the_ballots() -> None:
    """Whoever gets the item sees that the answer was cut."""
    found = jurisdiction(Located("country", "GB", "medium", (BALLOT, ("left_out", 6))))
    assert (found.evidence[0].source, found.evidence[0].input) == ("left_out", "6 more addresses")


def test_the_countries_of_a_dispute_are_told_whatever_else_does_not_fit() -> None:
    """Of many addresses in one country and one in another, the other must not be cut off."""
    ballots = [(*BALLOT[:1], f"203.0.113.{n}", *BALLOT[2:]) for n in range(64)]
    rows = (*ballots, ("candidate", "GB"), ("candidate", "NL"))
    found = jurisdiction(Located("disputed", None, "low", rows, ("GB", "NL")))
    assert [one.input for one in found.evidence if one.source == "candidate"] == ["GB", "NL"]


def test_lines_that_do_not_travel_are_counted() -> None:
    """Evidence that is cut says so."""
    rows = tuple(("address", f"192.0.2.{n}", 60) for n in range(1, 50))
    found = jurisdiction(Located("country", "NL", "high", rows))
    assert len(found.evidence) == MAX_EVIDENCE
    assert (found.evidence[0].source, found.evidence[0].input) == ("left_out", "26 more lines")


HOUR_MS = 3_600_000
UNRESOLVED = Jurisdiction(HostingState.UNRESOLVED, None, Confidence.LOW)


def ballots(*countries: str | None) -> Located:
    """A disputed place with these ballots."""
    rows = tuple(
        ("ballot", "203.0.113.7", f"db{n}", 1_780_000_000_000, "203.0.113.0/24", c, c)
        for n, c in enumerate(countries)
    )
    return Located("disputed", None, "low", rows, best=min(filter(None, countries), default=None))


LOW = Located("country", "GB", "low", (BALLOT,))
WAITED = item(
    custody=Custody.HERE, due_ms=NOW_MS, reviews=(Review.LOCATION_UNCERTAIN,), responsible="nl-eokm"
)


def test_where_it_stands_is_read_from_the_evidence() -> None:
    """Whoever looks for a hoster asks no name server again; what is refused is nobody's."""
    rows = (
        ("rule", "jurisdiction", 5),
        ("names", "ok", NOW_MS),
        ("cname", "192-0-2-1.edge.example", 60),
        ("address", "192.0.2.1", 60),
        ("refused", "10.0.0.1", "private"),
        ("proxy", "203.0.113.5", "list", NOW_MS, "203.0.113.0/24", "veil"),
        ("origin", "shop.example", "veil", "2001:db8::7", NOW_MS, NOW_MS + 1),
        ("ballot", "192.0.2.1", "one", NOW_MS, "192.0.2.0/24", "NL", "NL"),
    )
    found = stands_at(jurisdiction(Located("country", "NL", "high", rows)))
    assert sorted(found) == ["192.0.2.1", "2001:db8::7", "203.0.113.5"]
    assert stands_at(None) == ()


def test_of_a_place_with_many_addresses_some_are_enough() -> None:
    """One name must not make a node ask about all of the world."""
    rows = tuple(("address", f"192.0.2.{n}", 60) for n in range(1, 50))
    assert len(stands_at(jurisdiction(Located("country", "NL", "high", rows)))) == MAX_STANDING


class TestDeadline:
    """What is not sure waits for a person, and not for ever."""

    @pytest.mark.parametrize("located", [LOW, ballots("FR", "GB"), ballots("FR", None)])
    async def test_an_unsure_place_gets_a_deadline(self, located: Located) -> None:
        """Also where it is known without asking: whoever asks for what is known is sent to ask."""
        places = Places(Answers(cached=located), HOUR_MS)
        assert places.known(item().location, NOW_MS) is None
        found, due = await places.locate(item(), NOW_MS)
        assert (due, found.confidence) == (NOW_MS + HOUR_MS, Confidence.LOW)

    async def test_without_a_deadline_it_waits_for_ever(self) -> None:
        """As the operator says."""
        places = Places(Answers(cached=LOW))
        assert places.known(item().location, NOW_MS) is not None
        assert (await places.locate(item(), NOW_MS))[1] is None

    async def test_a_sure_place_has_none(self) -> None:
        """It goes at once."""
        places = Places(Answers(cached=FOUND), HOUR_MS)
        assert places.known(item().location, NOW_MS) is not None
        assert (await places.locate(item(), NOW_MS))[1] is None

    async def test_at_its_end_the_best_candidate_counts_and_says_so(self) -> None:
        """With its confidence as it is, and a line of evidence before all others."""
        places = Places(Answers(cached=ballots("GB", "FR")), HOUR_MS)
        found, due = await places.locate(WAITED, NOW_MS)
        assert (found.state, found.country, due) == (HostingState.COUNTRY, "FR", None)
        assert found.confidence is Confidence.LOW
        assert found.evidence[0].source == DEADLINE
        assert by_deadline(found)

    async def test_ballots_on_other_addresses_are_no_candidates(self) -> None:
        """As of the proxy before a site, or of the site that leads to it."""
        disputed = msgspec.structs.replace(ballots("US", "US"), candidates=("DE", "NL"), best="DE")
        found, _ = await Places(Answers(cached=disputed), HOUR_MS).locate(WAITED, NOW_MS)
        assert found.country == "DE"

    async def test_a_new_look_is_no_deadline(self) -> None:
        """It is due for another reason; nobody was given time to decide."""
        looked_at = msgspec.structs.replace(WAITED, again=Again(Cause.CHECK, NOW_MS))
        found, _ = await Places(Answers(cached=ballots("GB", "FR")), HOUR_MS).locate(
            looked_at, NOW_MS
        )
        assert not by_deadline(found)

    async def test_what_nobody_could_place_before_has_a_deadline_of_its_own(self) -> None:
        """It waited for a name server; nobody was given time to decide between countries."""
        unplaced = msgspec.structs.replace(WAITED, jurisdiction=UNRESOLVED)
        found, due = await Places(Answers(cached=ballots("GB", "FR")), HOUR_MS).locate(
            unplaced, NOW_MS
        )
        assert (by_deadline(found), due) == (False, NOW_MS + HOUR_MS)

    async def test_a_place_that_became_sure_meanwhile_is_that(self) -> None:
        """Databases are renewed while it waits."""
        found, due = await Places(Answers(cached=FOUND), HOUR_MS).locate(WAITED, NOW_MS)
        assert (found.country, found.confidence, due) == ("GB", Confidence.HIGH, None)
        assert not by_deadline(found)

    async def test_a_place_without_candidates_has_no_deadline(self) -> None:
        """There is nobody to hand it on to."""
        nobody = Located("none", None, "low", (("names", "nxdomain", NOW_MS),))
        for state in (item(), WAITED):
            found, due = await Places(Answers(cached=nobody), HOUR_MS).locate(state, NOW_MS)
            assert (found.state, due) == (HostingState.NONE, None)


def test_address_that_another_account_named_is_none_that_it_stands_at() -> None:
    """No hoster is sought, or told, for what was noted beside the place."""
    other = Evidence("198.51.100.9 in 198.51.100.0/24", "beta", "1", "DE")
    made = beside(jurisdiction(FOUND), (Evidence("located again by us", AGAIN, "1", "DE"), other))
    assert stands_at(made) == ("203.0.113.7",)
