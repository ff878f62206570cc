"""A file that others name for a judged item is not what was judged: whoever names it, wherever."""

from __future__ import annotations

from itertools import chain

import msgspec
import pytest

from node.casework.item import Informant, ItemState, Review
from node.casework.passing_on.custody import take_custody
from node.casework.reports.draft import (
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.reports.intake import take_reports
from node.casework.reports.prepare import prepare_report
from node.casework.working import record_assessment
from node.hashcheck.verdicts import findings
from protocol.facts import Content
from protocol.messages import Sighted
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Action, Disposition, Source, Verdict
from tests.builders.cases import (
    FINGERPRINTS,
    PLACE,
    POSTBOX,
    US,
    closed,
    file,
    handed_on,
    ids,
    item,
    verdict,
)
from tests.node.casework.arriving import Receiver, item_from, said_of

ELSEWHERE = "https://nl9.example/9.jpg"
FILES = [(), (file(1),)]


def judged(*files: Content, by: str = US) -> ItemState:
    """An item of which gb-iwf told us, and that somebody judged."""
    informant = Informant("gb-iwf", item().id)
    return item(1, *files, assessments=(verdict(member=by),), informants=(informant,))


def comes_elsewhere(receiver: Receiver, number: int, one: Content) -> Disposition | None:
    """What a file is taken for at another place."""
    return receiver("gb-iwf", item_from("gb-iwf", number, one, url=ELSEWHERE)).disposition


def shared(receiver: Receiver) -> list[Content]:
    """The files that all hotlines are told of in our name."""
    said = receiver.book.shared
    return [one.content for one in said if isinstance(one, ContentVerdict)]


def test_attack_file_beside_the_judged_one_is_known_by_no_verdict() -> None:
    """That the other file is the item's says nothing of this one: a person looks."""
    receiver = Receiver(judged(file(1)))
    receiver("fr-pdc", item_from("fr-pdc", 7, file(1), file(2)))
    assert receiver.state(item().id).unseen == (1,)
    assert Review.SUGGESTED_VERDICT in receiver.state(item().id).reviews
    assert comes_elsewhere(receiver, 3, file(2)) is Disposition.NEW_SUGGESTED
    assert not receiver.state(item_from("gb-iwf", 3).item_id).assessments


@pytest.mark.parametrize("by", [US, "fr-pdc"])
@pytest.mark.parametrize("files", FILES, ids=["page", "file"])
def test_attack_file_named_for_an_item_that_went_on_is_known_by_no_verdict(
    files: tuple[Content, ...], by: str
) -> None:
    """Who has it looks; from here the verdict goes where its own files are, and nowhere else."""
    receiver = Receiver(handed_on(judged(*files, by=by)))
    receiver("gb-iwf", item_from("gb-iwf", 7, *files, file(2)))
    assert receiver.state(item().id).reviews == ()
    assert comes_elsewhere(receiver, 3, file(2)) is Disposition.NEW_SUGGESTED
    for one in files:
        assert comes_elsewhere(receiver, 4, one) is Disposition.NEW_KNOWN
    assert not receiver.state(item_from("gb-iwf", 3).item_id).assessments


@pytest.mark.parametrize("away", [False, True], ids=["here", "went_on"])
@pytest.mark.parametrize("files", FILES, ids=["page", "file"])
def test_attack_file_that_is_handed_over_with_our_own_verdict_is_none_that_we_saw(
    files: tuple[Content, ...], *, away: bool
) -> None:
    """Whoever heard the verdict can send it back with any file."""
    known = judged(*files)
    receiver = Receiver(handed_on(known) if away else known)
    brought = item_from("gb-iwf", 7, *files, file(6), assessments=known.assessments)
    receiver("gb-iwf", brought)
    assert receiver.state(item().id).unseen == (len(files),)
    assert comes_elsewhere(receiver, 3, file(6)) is Disposition.NEW_SUGGESTED
    assert not receiver.state(item_from("gb-iwf", 3).item_id).assessments


def test_attack_file_that_is_handed_over_with_the_verdict_of_who_had_the_item_is_none_it_saw() -> (
    None
):
    """It had the item from here, as a page, and said itself what that is."""
    theirs = verdict(member="fr-pdc")
    page = item(1, assessments=(theirs,), named=(), informants=(Informant("gb-iwf", item(7).id),))
    receiver = Receiver(page)
    receiver("gb-iwf", item_from("gb-iwf", 7, file(6), assessments=(theirs,)))
    assert receiver.state(page.id).unseen == (0,)
    assert comes_elsewhere(receiver, 3, file(6)) is Disposition.NEW_SUGGESTED


def test_file_with_a_verdict_that_another_tells_of_waits_once_its_author_says_so_itself() -> None:
    """Hearsay goes nowhere with the file; what the author says is of what it told of: the page."""
    theirs = verdict(member="fr-pdc")
    receiver = Receiver(item(1, named=()))
    page = item_from("gb-iwf", 7, assessments=(theirs,))
    receiver("gb-iwf", page)
    receiver("gb-iwf", msgspec.structs.replace(page, revision=2, content=(file(6),)))
    assert (receiver.state(item(1).id).unseen, receiver.state(item(1).id).reviews) == ((), ())
    assert comes_elsewhere(receiver, 3, file(6)) is Disposition.NEW_SUGGESTED
    receiver("fr-pdc", item_from("fr-pdc", 8))
    receiver("fr-pdc", said_of(item_from("fr-pdc", 8).item_id, theirs))
    assert receiver.state(item(1).id).unseen == (0,)
    assert not receiver.state(item_from("gb-iwf", 3).item_id).known


@pytest.mark.parametrize("away", [False, True], ids=["here", "went_on"])
def test_attack_who_names_a_file_first_and_then_calls_it_the_judged_one_has_nobody_spared_a_look(
    *, away: bool
) -> None:
    """The judged one is known by a weak hash alone, which whoever names a file may name with it."""
    known = judged(file(sha1=1))
    receiver = Receiver(handed_on(known) if away else known)
    theirs = item_from("gb-iwf", 7, file(6))
    receiver("gb-iwf", theirs)
    assert receiver.state(item().id).unseen == (1,)
    both = file(6, sha1=1)
    receiver("gb-iwf", Sighted(theirs.item_id, None, both, None, child_at_risk=False))
    assert receiver.state(item().id).content == (file(6, sha1=1), file(6))
    assert receiver.state(item().id).unseen == (0, 1)
    assert comes_elsewhere(receiver, 3, file(6)) is Disposition.NEW_SUGGESTED
    assert not receiver.state(item_from("gb-iwf", 3).item_id).assessments


def test_attack_file_that_is_here_already_gets_no_verdict_of_an_item_that_went_on() -> None:
    """Whichever of the two was here first."""
    receiver = Receiver(handed_on(judged()))
    comes_elsewhere(receiver, 3, file(2))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(2)))
    assert not receiver.state(item_from("gb-iwf", 3).item_id).assessments


def report(receiver: Receiver, one: Content, source: Source = Source.PUBLIC) -> None:
    """Hand a report of the item's place in here, with the SHA-256 of a file."""
    assert one.sha256 is not None
    draft = ItemDraft(url=PLACE, hashes=HashesDraft(sha256=one.sha256.hex()))
    drafted = ReportDraft(items=(draft,), source=source)
    prepared = prepare_report(drafted, FINGERPRINTS, receiver.book.now, "file:1")
    take_reports(receiver.book, [prepared], ids(), POSTBOX)


def test_attack_report_of_an_item_that_went_on_is_not_told_to_all_in_our_name() -> None:
    """Nobody here saw the file that comes with it."""
    receiver = Receiver(handed_on(judged()))
    report(receiver, file(2))
    assert receiver.state(item().id).content == (file(2),)
    assert shared(receiver) == []


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (closed(judged()), Review.PERHAPS_BACK),
        (closed(judged(file(sha1=1))), Review.PERHAPS_BACK),
        (closed(judged(), Action.NOT_ILLEGAL), Review.NOT_ILLEGAL_DOUBTED),
    ],
    ids=["gone", "gone, a weak hash known", "not illegal"],
)
def test_attack_file_that_is_reported_for_a_closed_item_is_known_by_no_verdict(
    state: ItemState, why: Review
) -> None:
    """That a person is asked for another reason is no look at the file."""
    elsewhere = item(4, file(2), url=ELSEWHERE, named=())
    receiver = Receiver(state, elsewhere)
    report(receiver, file(2), Source.POLICE)
    assert receiver.state(state.id).unseen == (len(state.content),)
    assert receiver.state(state.id).reviews == (why, Review.SUGGESTED_VERDICT)
    assert not receiver.state(elsewhere.id).known
    assert shared(receiver) == []


def test_attack_upload_check_is_not_sure_of_a_file_that_nobody_saw() -> None:
    """An innocent file is not blocked by a verdict on another that stands beside it."""
    receiver = Receiver(handed_on(judged(file(1))))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(1), file(2)))
    state = receiver.state(item().id)
    asked = (findings(state, one, {"nobody"}, US, near=False) for one in (file(1), file(2)))
    own = msgspec.structs.replace(verdict(member="gb-iwf"))
    of_others = msgspec.structs.replace(state, assessments=(own,))
    others = (findings(of_others, one, (), US, near=False) for one in (file(1), file(2)))
    assert list(chain.from_iterable(asked)) == []
    assert [one.sure for one in chain.from_iterable(others)] == [True, False]


def test_person_is_asked_once_it_is_here_again() -> None:
    """Nobody was, while it was elsewhere."""
    receiver = Receiver(handed_on(judged()))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(2)))
    take_custody(receiver.book, POSTBOX, ids(), item().id)
    assert Review.SUGGESTED_VERDICT in receiver.state(item().id).reviews


def test_verdict_that_is_given_here_afterwards_is_of_the_file_too() -> None:
    """Whoever judges it has looked."""
    receiver = Receiver(handed_on(judged()))
    receiver("gb-iwf", item_from("gb-iwf", 7, file(2)))
    draft = AssessmentDraft(verdict=Verdict.BASELINE)
    record_assessment(receiver.book, item().id, draft, ids(), POSTBOX)
    assert (receiver.state(item().id).unseen, receiver.state(item().id).reviews) == ((), ())
    assert comes_elsewhere(receiver, 3, file(2)) is Disposition.NEW_KNOWN
