"""Items are asked again after a change of trust: they are as if that had been so from the start."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.listing import match_anew
from node.casework.item import Informant, Review, Suggestion
from node.casework.mistakes.reconsidering import reconsider
from node.matching.contents import Closeness
from node.matching.lists import Listed, Provenance, Trust
from protocol.messages import Sighted
from tests.builders.cases import OTHER_PLACE, POSTBOX, file, item
from tests.node.casework.arriving import Receiver
from tests.node.casework.contents.listed_items import FILE, HELD, later, listed, load, matched

OTHER = item(2, FILE, url=OTHER_PLACE)


def entries(one: Trust, other: Trust) -> tuple[Listed, Listed]:
    """Return what two lists say of one file, one of them of police, as far as they are followed."""
    return listed(1, one), listed(2, other, name="icse", provenance=Provenance.POLICE)


def asked(standing: tuple[Listed, Listed]) -> Casebook:
    """Return two items of one file about which lists were asked as they are followed."""
    made = matched(HELD, *standing, more=(OTHER,))
    match_anew(made, later(50), POSTBOX, [OTHER.id])
    return made


def states(made: Casebook) -> list[tuple[object, ...]]:
    """Return what matters of both items: verdicts, why a person looks, and what lists count as."""
    found: list[tuple[object, ...]] = []
    for state in (made.loaded.items[one.id] for one in (HELD, OTHER)):
        said = sorted((one.list, str(one.trust), one.police) for one in state.listed)
        verdicts = [one.verdict for one in state.in_force]
        found.append((state.known, verdicts, state.reviews, said))
    return found


@pytest.mark.parametrize("after", list(product(Trust, repeat=2)))
def test_items_end_as_if_lists_had_always_been_followed_as_they_are_now(
    after: tuple[Trust, Trust],
) -> None:
    """From every trust in two lists to this one: verdict, suggestions, all of it."""
    fresh = asked(entries(*after))
    for before in product(Trust, repeat=2):
        made = asked(entries(*before))
        load(made, *entries(*after))
        match_anew(made, later(90), POSTBOX, [HELD.id, OTHER.id])
        reconsider(made, later(130), POSTBOX)
        assert states(made) == states(fresh), before


def test_asked_again_nothing_happens() -> None:
    """A piece that is asked twice after a crash leaves the history as it is."""
    made = matched(HELD, *entries(Trust.AUTO, Trust.SUGGESTION))
    load(made, *entries(Trust.NONE, Trust.AUTO_2))
    match_anew(made, later(50), POSTBOX, [HELD.id])
    before = len(made.events)
    match_anew(made, later(90), POSTBOX, [HELD.id])
    assert len(made.events) == before


def test_an_item_that_was_erased_meanwhile_is_passed_over() -> None:
    """It was found in another transaction."""
    made = matched(HELD, *entries(Trust.AUTO, Trust.NONE))
    before = len(made.events)
    match_anew(made, later(50), POSTBOX, [OTHER.id])
    assert len(made.events) == before


def test_facts_from_another_member_that_make_a_file_harmless_take_its_suggestions_with_them() -> (
    None
):
    """A benign list knows the file by hashes that nobody here had."""
    reported = replace(HELD, informants=(Informant("gb-iwf", HELD.id),))
    suggested = (Suggestion(HELD.id, Closeness.NEAR_10),)
    near = item(3, file(3), reviews=(Review.SUGGESTED_VERDICT,), suggestions=suggested)
    receiver = Receiver()
    receiver.book = matched(reported, listed(), more=(near,))
    stock = listed(9, Trust.BENIGN, file(sha1=1, md5=1), name="stock")
    load(receiver.book, listed(), stock)
    (seen,) = HELD.sightings
    facts = Sighted(HELD.id, seen, file(1, sha1=1, md5=1), None, child_at_risk=False)
    assert receiver.state(HELD.id).known
    receiver("gb-iwf", facts)
    assert not receiver.state(HELD.id).known
    assert receiver.state(near.id).reviews == ()
