"""An action told in the name of another: what its author says itself takes its place."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.casework.item import Informant, ItemState
from protocol.facts import ActionTaken, Assessment, Hop
from protocol.messages import Outcome
from protocol.vocabulary import Action, OutcomeWhat, Verdict
from tests.builders.cases import US, event_id, handed_on, item, said
from tests.builders.network import NOW_MS
from tests.node.casework.arriving import Receiver, item_from, outcome

GB, FR, DE = "gb-iwf", "fr-pdc", "de-eco"
"""Who reported the item, and tells what it pleases; who has it; who reported it, too."""
ID = event_id(77, FR)
AWAY = handed_on(item(1, informants=(Informant(GB, item(1).id), Informant(DE, event_id(2, DE)))))
HERE = item(1, informants=AWAY.informants)
FURTHER = replace(AWAY, hops=(Hop(US, 1), Hop(GB, 2), Hop(FR, 3)), informants=AWAY.informants[1:])
"""It went from here to gb-iwf, and on to fr-pdc."""
GIVEN = Assessment(ID, FR, Verdict.BASELINE, None, (), None, NOW_MS)


def done(action: Action = Action.REMOVED) -> ActionTaken:
    """What the member that has the item did, under the one id."""
    return ActionTaken(ID, FR, action, None, NOW_MS)


def acted(action: Action = Action.REMOVED) -> Outcome:
    """The news of it."""
    return outcome(AWAY.id, OutcomeWhat.ACTED, event_id=ID, author=FR, action=done(action))


def judged() -> Outcome:
    """The news of a verdict under that id."""
    return outcome(AWAY.id, OutcomeWhat.ASSESSED, event_id=ID, author=FR, assessment=GIVEN)


def other(what: OutcomeWhat) -> Outcome:
    """News without words of its own under that id."""
    return outcome(AWAY.id, what, event_id=ID, author=FR)


def told(receiver: Receiver, to: str = DE) -> list[ActionTaken | Assessment | None]:
    """The verdicts and actions of which a member is told, in order."""
    news = [m for peer, m in said(receiver.book) if peer == to and isinstance(m, Outcome)]
    return [one.action or one.assessment for one in news]


def after(*words: tuple[str, Outcome], state: ItemState = AWAY) -> Receiver:
    """Hear these, each from a member."""
    receiver = Receiver(state)
    for number, (peer, message) in enumerate(words):
        receiver(peer, message, revision=number)
    return receiver


@pytest.mark.parametrize(
    "before",
    [acted(Action.HOST_NOTIFIED), judged(), other(OutcomeWhat.WITHDRAWN)],
    ids=["action", "verdict", "withdrawn"],
)
def test_what_its_author_did_counts_whatever_was_told_under_its_id(before: Outcome) -> None:
    """The item ends, and who reported it hears so."""
    receiver = after((GB, before), (FR, acted()))
    state = receiver.state(AWAY.id)
    assert (state.actions, state.assessments, state.hearsay) == ((done(),), (), ())
    assert state.closed_by is Action.REMOVED
    assert told(receiver)[-1] == done()


def test_verdict_of_its_author_counts_though_an_action_was_told_under_its_id() -> None:
    """And is told on."""
    receiver = after((GB, acted(Action.HOST_NOTIFIED)), (FR, judged()))
    state = receiver.state(AWAY.id)
    assert (state.actions, state.assessments, state.hearsay) == ((), (GIVEN,), ())
    assert told(receiver)[-1] == GIVEN


def test_end_of_a_verdict_counts_though_an_action_was_told_under_its_id() -> None:
    """It comes nowhere afterwards."""
    words = [(GB, acted(Action.HOST_NOTIFIED)), (FR, other(OutcomeWhat.WITHDRAWN)), (GB, judged())]
    state = after(*words).state(AWAY.id)
    assert (state.actions, state.assessments) == ((), ())


def test_item_opens_again_though_something_else_was_told_under_the_id() -> None:
    """By the word of who has it; once."""
    closed = replace(AWAY, closed_ms=NOW_MS, closed_by=Action.REMOVED)
    news = (FR, other(OutcomeWhat.REOPENED))
    receiver = after((GB, acted(Action.HOST_NOTIFIED)), news, news, state=closed)
    state = receiver.state(AWAY.id)
    assert (state.closed_ms, state.actions, state.hearsay) == (None, (), ())
    assert state.heard == (ID,)


def test_what_was_told_truly_is_told_on_once() -> None:
    """Its author says the same."""
    receiver = after((GB, acted(Action.HOST_NOTIFIED)), (FR, acted(Action.HOST_NOTIFIED)))
    assert told(receiver) == [done(Action.HOST_NOTIFIED)]
    assert receiver.state(AWAY.id).hearsay == ()


def test_author_that_said_it_is_contradicted_by_nobody() -> None:
    """Whoever tells otherwise afterwards, and however often."""
    receiver = after((FR, acted()), (GB, acted(Action.HOST_NOTIFIED)), (GB, judged()))
    state = receiver.state(AWAY.id)
    assert (state.actions, state.assessments, len(told(receiver))) == ((done(),), (), 1)


def test_what_comes_back_along_the_chain_counts_before_a_reporters_word() -> None:
    """Its author is further on, and cannot be heard here."""
    further = replace(acted(), author=DE, event_id=event_id(77, DE))
    theirs = replace(done(), member=DE, event_id=event_id(77, DE))
    lie = replace(theirs, action=Action.HOST_NOTIFIED)
    state = replace(AWAY, informants=AWAY.informants[:1])
    words = [(GB, replace(further, action=lie)), (FR, replace(further, action=theirs))]
    receiver = after(*words, *words, state=state)
    assert receiver.state(AWAY.id).actions == (theirs,)
    assert receiver.state(AWAY.id).closed_by is Action.REMOVED
    assert told(receiver, GB) == [theirs]


def test_end_that_another_invented_is_none_once_its_author_speaks() -> None:
    """The item is open again."""
    receiver = after((GB, acted()))
    assert receiver.state(AWAY.id).closed_ms is None
    receiver = after((GB, acted()), state=FURTHER)
    assert receiver.state(AWAY.id).closed_ms is not None
    receiver(FR, acted(Action.HOST_NOTIFIED))
    state = receiver.state(AWAY.id)
    assert (state.actions, state.closed_ms) == ((done(Action.HOST_NOTIFIED),), None)


def test_author_that_repeats_an_old_end_closes_nothing_that_was_seen_since() -> None:
    """It only says what was told for it."""
    seen = ActionTaken(event_id(78, FR), FR, Action.SEEN_ONLINE, None, NOW_MS + 1)
    state = replace(AWAY, actions=(done(), seen), hearsay=(ID,))
    assert after((FR, acted()), state=state).state(AWAY.id).closed_ms is None


def test_action_in_anothers_name_inside_an_item_is_hearsay() -> None:
    """Where the item is new here, and where it joins."""
    for here in ((), (HERE,)):
        receiver = Receiver(*here)
        receiver(GB, item_from(GB, 7, actions=(done(Action.HOST_NOTIFIED),)))
        assert receiver.state(event_id(7, GB)).hearsay == (ID,)


def test_what_its_author_did_counts_in_an_item_that_joins() -> None:
    """And is told on."""
    receiver = after((GB, acted(Action.HOST_NOTIFIED)), state=HERE)
    receiver(FR, item_from(FR, 7, actions=(done(Action.LEA_NOTIFIED),)))
    assert receiver.state(HERE.id).actions == (done(Action.LEA_NOTIFIED),)
    assert told(receiver)[-1] == done(Action.LEA_NOTIFIED)


def test_same_words_that_come_again_are_another_entry() -> None:
    """What they say beside themselves, as when it was learnt, is not the same."""
    words = [(GB, acted(one)) for one in (Action.REMOVED, Action.HOST_NOTIFIED) * 2]
    receiver = after(*words, state=FURTHER)
    posts = [post.entry_id for post in receiver.book.posts if post.peer == DE]
    assert len(set(posts)) == len(posts) == 4


def test_other_accounts_of_one_action_are_counted() -> None:
    """Who changes its word again and again comes to its bound."""
    said_much = Receiver(FURTHER)
    for number in range(600):
        account = (Action.HOST_NOTIFIED, Action.LEA_NOTIFIED)[number % 2]
        said_much(GB, acted(account), revision=number)
    assert len(said_much.book.events) == 500
