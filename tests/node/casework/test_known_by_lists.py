"""What a member hands over and a list knows is answered as known: nobody need view it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.casework.item import Review
from node.matching.lists import Listed, Trust
from protocol.facts import Content
from protocol.vocabulary import Disposition, Matter, Verdict
from tests.builders.cases import OTHER_PLACE, file, item, verdict
from tests.node.casework.arriving import Receiver, item_from
from tests.node.casework.contents.listed_items import FILE, listed, load, said_by

MD5 = file(md5=1)


def shared(given: Verdict, content: Content = FILE) -> Listed:
    """Return what another hotline said of a file, followed without a look."""
    return said_by(verdict(given, "fr-pdc", 7), content)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ((), Disposition.NEW),
        ((shared(Verdict.BASELINE),), Disposition.NEW_KNOWN),
        ((listed(),), Disposition.NEW_KNOWN),
        ((shared(Verdict.NOT_ILLEGAL),), Disposition.NEW),
        ((listed(trust=Trust.SUGGESTION),), Disposition.NEW),
        ((listed(trust=Trust.AUTO_2),), Disposition.NEW),
        ((listed(content=MD5),), Disposition.NEW),
        ((listed(), listed(9, Trust.BENIGN, name="stock")), Disposition.NEW),
    ],
    ids=["nobody", "member", "list", "acquitted", "suggested", "quorum", "weak", "benign"],
)
def test_what_lists_hold_illegal_unseen_is_answered_as_known(
    said: tuple[Listed, ...], answer: Disposition
) -> None:
    """And nothing that a person here must view first."""
    receiver = Receiver()
    load(receiver.book, *said)
    sent = item_from("gb-iwf", 1, replace(FILE, md5=bytes(15) + b"\1"))
    assert receiver("gb-iwf", sent).disposition is answer
    held_illegal = receiver.state(sent.item_id).known and answer is not Disposition.NEW
    assert held_illegal is (answer is Disposition.NEW_KNOWN)


def test_other_content_at_a_known_address_is_known_and_replaces_what_was_there() -> None:
    """As where another item has it."""
    before = item(2, file(5))
    receiver = Receiver(before)
    load(receiver.book, shared(Verdict.BASELINE))
    answer = receiver("gb-iwf", item_from("gb-iwf", 1, FILE))
    assert answer.disposition is Disposition.NEW_KNOWN
    assert receiver.state(before.id).reviews == (Review.REPLACED,)


def test_what_looks_like_it_is_compared_by_a_person_all_the_same() -> None:
    """Another verdict is suggested, and waits."""
    near = item(2, file(5, pdq=0), url=OTHER_PLACE, assessments=(verdict(),))
    receiver = Receiver(near)
    content = replace(file(pdq=1), sha256=FILE.sha256)
    load(receiver.book, shared(Verdict.BASELINE))
    receiver.book.loaded.near = {content.pdq or b"": (near.content[0].pdq or b"",)}
    receiver.book.loaded.by_picture = {near.content[0].pdq or b"": {near.id}}
    answer = receiver("gb-iwf", item_from("gb-iwf", 1, content))
    assert answer.disposition is Disposition.NEW_SUGGESTED


def test_another_matter_is_not_known_by_lists() -> None:
    """They speak of CSAM."""
    receiver = Receiver()
    load(receiver.book, shared(Verdict.BASELINE))
    sent = item_from("gb-iwf", 1, FILE, matter=next(m for m in Matter if m is not Matter.CSAM))
    assert receiver("gb-iwf", sent).disposition is not Disposition.NEW_KNOWN


def test_verdict_that_comes_with_an_item_is_no_word_of_a_list() -> None:
    """However far its member's list is followed: it is part of the item, and goes with the file."""
    given = verdict(member="fr-pdc", number=7)
    receiver = Receiver(item(7, FILE, url=OTHER_PLACE, assessments=(given,)))
    word = shared(Verdict.BASELINE)
    load(receiver.book, replace(word, terms=replace(word.terms, may_use=False)))
    sent = item_from("gb-iwf", 1, FILE)
    assert receiver("gb-iwf", sent).disposition is Disposition.NEW_KNOWN
    assert receiver.state(sent.item_id).in_force == (given,)
