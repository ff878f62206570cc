"""§10.4: a crowd that gets the same answer gets it with one message; all others as ever."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from keys.member import Capabilities
from node.casework.casebook import Casebook
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.casework.incoming.receiving import Judge
from node.casework.passing_on.permits import Permits
from node.casework.postbox import Postbox
from protocol import entry as entries
from protocol.dispositions import Cited, Dispositions
from protocol.entry import entry_id, leaf
from protocol.messages import (
    DispositionNote,
    Item,
    Message,
    Sighted,
    Withdrawal,
    form_of,
    read,
    to_body,
)
from protocol.vocabulary import Disposition, Kind, Lane
from tests.builders.cases import POSTBOX, US, book, event_id, ids, network, said
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import SECRET, item_from

if TYPE_CHECKING:
    from keys.registry import Registry

EPOCH = b"\x11" * 8


def found(number: int, member: str = "gb-iwf", **changes: Any) -> Item:
    """An item of its own at a place of its own."""
    return item_from(member, number, url=f"https://nl1.example/{number}", **changes)


def reading(*kinds: int) -> Registry:
    """Return the network, in which gb-iwf lists just these kinds."""
    registry = network()
    document = registry.members["gb-iwf"]
    changed = replace(document, capabilities=Capabilities((1, 2), kinds))
    return replace(registry, members={**registry.members, "gb-iwf": changed})


def raw(message: Message, member: str) -> bytes:
    """Give the bytes of an entry of `member`."""
    version, kind = form_of(message)
    subject = getattr(message, "item_id", "nothing")
    return entries.encode(
        entries.compose(SECRET, kind, subject, 0, member, to_body(message), version)
    )


def judged(
    *messages: Message,
    member: str = "gb-iwf",
    registry: Registry | None = None,
    made: Casebook | None = None,
    places: list[int] | None = None,
) -> Casebook:
    """Judge messages that came together, from place 2 on, and say what is to be answered."""
    casebook = made or book()
    postbox = POSTBOX.under(Permits(US, registry or network()))
    judge = Judge(casebook, registry or network(), ids(), postbox)
    for index, message in zip(places or range(2, 2 + len(messages)), messages, strict=True):
        entry = raw(message, member)
        judge.judge(parse(Arrived(member, Lane.REPORTS, EPOCH, index, leaf(entry), entry)))
    judge.finish()
    return casebook


def answers(made: Casebook) -> list[Message]:
    """The answers that were said, in order."""
    return [m for _, m in said(made) if isinstance(m, DispositionNote | Dispositions)]


def test_one_message_answers_all_that_are_new() -> None:
    """By place and leaf, and with nothing else of them."""
    made = judged(found(1), found(2), found(3))
    (answer,) = answers(made)
    assert isinstance(answer, Dispositions)
    assert (answer.origin_lane, answer.origin_epoch) == (Lane.REPORTS, EPOCH)
    assert (answer.disposition, answer.responsible) == (Disposition.NEW, US)
    leaves = [leaf(raw(found(n), "gb-iwf")) for n in (1, 2, 3)]
    assert [(one.index, one.leaf) for one in answer.cited] == list(enumerate(leaves, start=2))
    (post,) = [p for p in made.posts if p.kind == Kind.DISPOSITIONS]
    assert (post.item, post.lane, post.urgency) == (None, Lane.STATUS, 1)
    assert not any(found(n).item_id.encode() in post.entry for n in (1, 2, 3))


def test_its_id_is_made_of_the_leaves() -> None:
    """So that another crowd's answer is another, and the same one is the same."""
    made = judged(found(1), found(2))
    (post,) = made.posts
    leaves = b"".join(leaf(raw(found(n), "gb-iwf")) for n in (1, 2))
    subject = hashlib.sha256(leaves).digest()
    assert post.entry_id == entry_id(bytes(32), Kind.DISPOSITIONS, subject, 0, "gb-iwf")


def test_an_item_that_comes_alone_is_answered_by_its_id() -> None:
    """There is no crowd to hide in, and nothing to save."""
    (answer,) = answers(judged(found(1)))
    assert isinstance(answer, DispositionNote)
    assert (answer.item_id, answer.origin_index) == (found(1).item_id, 2)


def test_each_word_has_its_own_answer() -> None:
    """What is known is not called new because it came beside new ones."""
    again = item_from("gb-iwf", 9, url="https://nl1.example/1")
    other = item_from("gb-iwf", 8, url="https://nl1.example/2")
    made = judged(found(1), found(2), again, other, found(3))
    told = {a.disposition: a for a in answers(made) if isinstance(a, Dispositions)}
    assert {word: [c.index for c in a.cited] for word, a in told.items()} == {
        Disposition.NEW: [2, 3, 6],
        Disposition.DUPLICATE: [4, 5],
    }


def test_a_child_at_risk_waits_for_no_crowd() -> None:
    """Its answer goes with its own urgency."""
    made = judged(found(1), found(2, child_at_risk=True), found(3))
    assert {(p.kind, p.urgency) for p in made.posts} == {
        (Kind.DISPOSITIONS, 1),
        (Kind.DISPOSITION, 0),
    }


def test_each_member_and_epoch_has_its_own_answer() -> None:
    """A citation says nothing of another log."""
    made = judged(found(1), found(2))
    judged(found(4, "fr-pdc"), found(5, "fr-pdc"), member="fr-pdc", made=made)
    assert [p.peer for p in made.posts if p.kind == Kind.DISPOSITIONS] == ["gb-iwf", "fr-pdc"]


def test_places_are_in_the_order_of_the_log_however_they_were_judged() -> None:
    """A rebuilt node judges in another order."""
    made = judged(found(1), found(2), found(3), places=[9, 4, 7])
    (answer,) = answers(made)
    assert isinstance(answer, Dispositions)
    assert [one.index for one in answer.cited] == [4, 7, 9]


def test_who_does_not_list_the_kind_is_answered_one_by_one() -> None:
    """N-1 is served in its own words."""
    old = [int(kind) for kind in Kind if kind is not Kind.DISPOSITIONS]
    made = judged(found(1), found(2), registry=reading(*old))
    assert [a.item_id for a in answers(made) if isinstance(a, DispositionNote)] == [
        found(1).item_id,
        found(2).item_id,
    ]
    assert len(made.posts) == len(answers(made)) == 2


def test_a_node_that_was_rebuilt_answers_one_by_one() -> None:
    """It must tell what it had said before it was lost, leaf by leaf."""
    rebuilt = book()
    rebuilt.loaded.was_lost = True
    made = judged(found(1), found(2), made=rebuilt)
    assert [type(a) for a in answers(made)] == [DispositionNote, DispositionNote]


def test_what_is_not_an_item_or_waits_is_answered_alone_or_not_yet() -> None:
    """Later sightings have answers of their own, and what is parked has none."""
    (seen,) = found(3).sightings
    sighted = Sighted(found(3).item_id, seen, None, None, child_at_risk=False)
    elsewhere = Sighted(event_id(70, "gb-iwf"), seen, None, None, child_at_risk=False)
    made = judged(found(3), found(4), sighted, elsewhere)
    assert sorted(form_of(a).kind for a in answers(made)) == [Kind.DISPOSITION, Kind.DISPOSITIONS]


@pytest.mark.parametrize(("entry_bytes", "sizes"), [(65_536, [5]), (55 + 128 + 44 * 2, [2, 2, 1])])
def test_an_answer_fits_into_what_the_network_permits_an_entry(
    entry_bytes: int, sizes: list[int]
) -> None:
    """A network with smaller entries gets several answers."""
    registry = network()
    limits = replace(registry.network.limits, entry_bytes=entry_bytes)
    registry = replace(registry, network=replace(registry.network, limits=limits))
    made = judged(*(found(n) for n in range(1, 6)), registry=registry)
    assert all(len(post.entry) <= entry_bytes for post in made.posts if post.kind == 36)
    said_of = [len(a.cited) if isinstance(a, Dispositions) else 1 for a in answers(made)]
    assert said_of == sizes


def test_a_thousand_are_answered_with_one_entry_of_the_usual_size() -> None:
    """The bound of the message is within the bound of an entry (§5.2)."""
    most = Dispositions(
        Lane.REPORTS,
        EPOCH,
        Disposition.NEW,
        "nl-" + "e" * 16,
        NOW_MS,
        tuple(Cited((1 << 53) - 1000 + n, bytes(32)) for n in range(1000)),
    )
    entry = Postbox(bytes(32)).post("gb-iwf", Kind.DISPOSITIONS, most, subject=b"s").entry
    assert read(entry)[1] == most


def test_answer_to_an_item_goes_before_that_to_what_came_after_it() -> None:
    """The first answer that its sender has is the item's: a refusal would bring it back."""
    mine = found(1)
    other = Withdrawal(mine.item_id, event_id(9, "fr-pdc"), NOW_MS)
    answers = [m for _, m in said(judged(mine, other)) if isinstance(m, DispositionNote)]
    assert [one.disposition for one in answers] == [Disposition.NEW, Disposition.NOT_PERMITTED]
