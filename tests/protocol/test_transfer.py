"""§11.4: what of a message may go to one member, by the terms of the pair."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest

from keys.transfers import TRANSFER_FIELDS
from protocol.facts import Location
from protocol.messages import Contents, Item, Message, Sighted, from_body, kind_of, to_body
from protocol.transfer import FIELDS, goes_without_basis, narrow, needs_basis
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Kind, OutcomeWhat
from tests.protocol.samples import (
    ACCESS,
    ACTION,
    ASSESSMENT,
    CONTENT,
    ITEM,
    ITEM_ID,
    MESSAGES,
    MOVED,
    OUTCOME,
    SIGHTING,
)

FULL: Item = msgspec.structs.replace(
    ITEM,
    content=(CONTENT,),
    access=ACCESS,
    found_via="search",
    campaign="spring",
    assessments=(ASSESSMENT,),
    actions=(ACTION,),
    sightings=(SIGHTING,),
)
"""An item in which every field that terms can leave out holds something."""


def held(item: Item) -> set[str]:
    """Which of those fields hold something."""
    values = {name: getattr(item, name) for name in FIELDS - {"evidence"}}
    values["evidence"] = item.jurisdiction.evidence
    return {name for name, value in values.items() if value not in (None, ())}


def test_11_4_the_registry_and_the_protocol_know_the_same_fields() -> None:
    """What the holders can write down is what is enforced."""
    assert frozenset(TRANSFER_FIELDS) == FIELDS
    assert held(FULL) == FIELDS


@pytest.mark.parametrize("size", range(len(FIELDS) + 1))
def test_11_4_an_item_holds_exactly_what_is_permitted(size: int) -> None:
    """For every choice of fields; it stays a valid message."""
    for permitted in combinations(sorted(FIELDS), size):
        left = narrow(FULL, set(permitted))
        assert isinstance(left, Item)
        assert held(left) == set(permitted)
        assert from_body(Kind.ITEM, to_body(left)) == left
        assert (left.item_id, left.location, left.custody) == (
            FULL.item_id,
            FULL.location,
            FULL.custody,
        )


PLACE = "http://nl1.example/a"
SPELLED = [
    "http://member:s3cret@nl1.example/a",
    "http://:s3cret@nl1.example/a",
    "\thTtP:\\\t/\n/member:s3cret@nl1.example/a",
    "http:member:s3@cret@nl1.example/a",
    "ipfs://member:s3\\cret@nl1.example/a",
    "member:s3cret@nl1.example/a",
    "//member:s3cret@nl1.example/a",
    "http://member@nl1.example:8080/a",
    "//member@nl1.example/a",
]


@pytest.mark.parametrize("raw", SPELLED)
def test_11_4_attack_a_password_in_the_address_does_not_go_where_access_is_withheld(
    raw: str,
) -> None:
    """However the address is spelled; who may have access data has it as it was reported."""
    told = msgspec.structs.replace(FULL, location=Location(PLACE, 1, raw))
    left = narrow(told, FIELDS - {"access"})
    assert isinstance(left, Item)
    assert left.location == Location(PLACE, 1, PLACE)
    kept = narrow(told, FIELDS - {"content"})
    assert isinstance(kept, Item)
    assert kept.location == told.location


@pytest.mark.parametrize(
    "raw",
    [
        "http://nl1.example/@member#2",
        "HTTP://nl1.example?to=a@b.example",
        "http://XX/@member",
        None,
    ],
)
def test_11_4_an_address_without_a_password_goes_as_it_was_reported(raw: str | None) -> None:
    """An `@` further on is part of the place."""
    told = msgspec.structs.replace(FULL, location=Location(PLACE, 1, raw))
    left = narrow(told, FIELDS - {"access"})
    assert isinstance(left, Item)
    assert left.location == told.location


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_11_4_all_permitted_changes_nothing(message: Message) -> None:
    """The very same object: nothing is encoded twice."""
    assert narrow(message, FIELDS) is message


def test_11_4_an_item_of_hashes_alone_does_not_go_without_them() -> None:
    """Nothing would be left of it."""
    alone = msgspec.structs.replace(FULL, location=Location(None, 1, None))
    assert narrow(alone, FIELDS - {"content"}) is None


def test_11_4_that_a_child_is_at_risk_always_goes() -> None:
    """Even where no other field may."""
    urgent = Sighted(ITEM_ID, SIGHTING, CONTENT, ACCESS, child_at_risk=True)
    assert narrow(urgent, frozenset()) == Sighted(ITEM_ID, None, None, None, child_at_risk=True)


def test_11_4_later_facts_of_which_none_is_permitted_do_not_go() -> None:
    """An empty message says nothing."""
    later = Sighted(ITEM_ID, None, None, ACCESS, child_at_risk=False)
    assert narrow(later, FIELDS - {"access"}) is None
    assert narrow(later, FIELDS - {"content"}) is later


def test_11_4_verdicts_and_actions_go_by_their_own_fields() -> None:
    """Each alone."""
    judged, what = OUTCOME, OutcomeWhat.ACTED
    acted = msgspec.structs.replace(OUTCOME, what=what, assessment=None, action=ACTION)
    assert narrow(judged, FIELDS - {"assessments"}) is None
    assert narrow(judged, FIELDS - {"actions"}) is judged
    assert narrow(acted, FIELDS - {"actions"}) is None
    assert narrow(acted, FIELDS - {"assessments"}) is acted
    assert narrow(judged, FIELDS - {"evidence"}) is judged


def test_11_4_that_an_item_moved_goes_without_its_evidence() -> None:
    """Who is responsible now is nobody's secret along the chain."""
    left = narrow(MOVED, FIELDS - {"evidence"})
    assert left is not None
    assert left.moved.evidence == ()  # type: ignore[union-attr]


def test_11_4_each_later_fact_goes_by_its_own_field() -> None:
    """What one field withholds leaves the others as they were."""
    later = Sighted(ITEM_ID, SIGHTING, CONTENT, ACCESS, child_at_risk=False)
    left = {
        "sightings": Sighted(ITEM_ID, None, CONTENT, ACCESS, child_at_risk=False),
        "content": Sighted(ITEM_ID, SIGHTING, None, ACCESS, child_at_risk=False),
        "access": Sighted(ITEM_ID, SIGHTING, CONTENT, None, child_at_risk=False),
    }
    for withheld, expected in left.items():
        assert narrow(later, FIELDS - {withheld}) == expected


@pytest.mark.parametrize("withheld", sorted(FIELDS))
def test_11_4_shared_contents_go_only_with_hashes_and_verdicts(withheld: str) -> None:
    """They are nothing else; fields that they do not hold do not keep them back."""
    shared = [one for one in MESSAGES if isinstance(one, Contents | ContentVerdict)]
    assert len(shared) == 2
    for one in shared:
        expected = None if withheld in {"content", "assessments"} else one
        assert narrow(one, FIELDS - {withheld}) is expected


@pytest.mark.parametrize("what", list(OutcomeWhat))
def test_11_4_verdict_is_taken_back_without_any_basis(what: OutcomeWhat) -> None:
    """It could stand for ever where it was heard; no other news goes."""
    payloads: dict[OutcomeWhat, dict[str, object]] = {
        OutcomeWhat.ASSESSED: {"assessment": ASSESSMENT},
        OutcomeWhat.ACTED: {"action": ACTION},
        OutcomeWhat.MOVED: {"moved": MOVED.moved},
    }
    bare = {"assessment": None, "action": None, "moved": None}
    news = msgspec.structs.replace(OUTCOME, what=what, **(bare | payloads.get(what, {})))
    assert goes_without_basis(news) is (what is OutcomeWhat.WITHDRAWN)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_11_4_answers_and_withdrawals_go_without_any_basis(message: Message) -> None:
    """Custody is answered and what was said is taken back, whatever the terms."""
    free = {Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN, Kind.TOMBSTONE, Kind.DISAVOW}
    free |= {Kind.DISPOSITION, Kind.DISPOSITIONS, Kind.WITHDRAWAL}
    free.add(Kind.CONTENT_VERDICT_WITHDRAWN)
    assert goes_without_basis(message) == (kind_of(message) in free)
    if kind_of(message) in free:
        assert narrow(message, frozenset()) is message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_11_4_a_kind_of_which_nothing_may_go_without_basis_is_told_by_its_number(
    message: Message,
) -> None:
    """Before it is read; what becomes of an item is told by what it says."""
    needs = needs_basis(kind_of(message))
    assert needs is not (goes_without_basis(message) or kind_of(message) is Kind.OUTCOME)
