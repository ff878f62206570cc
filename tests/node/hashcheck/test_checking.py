"""`POST /hashcheck/v1/check`: what hosting companies are told, and what they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from node.api.problems import ApiError
from node.hashcheck.checking import TICK_S, until_tick
from node.hashcheck.contract import DAY_MS, NETWORK, OWN
from node.hashcheck.judging import BLURRED, Answer
from node.matching.contents import PDQ_NEAR
from node.matching.lists import Trust
from node.store.contents.shared import keep_shared
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import ItemKind, Verdict
from tests.builders.cases import US, file, item, verdict
from tests.node.hashcheck.asking import KNOWN, PICTURE, Client, ask, words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.builders.hashcheck import Service

READ_ENTRY = "SELECT number, version, state, category FROM list_entries"


async def test_known_files_are_hits_with_a_reference(service: Service, hoster: Client) -> None:
    """In the order in which they were asked; nothing else is told."""
    await service.knows(1, KNOWN)
    found = await ask(hoster, file(2), file(1), file(3, md5=3), file(md5=1, length=50_000))
    assert [one["answer"] for one in found] == ["none", "hit", "none", "hit"]
    assert [set(one) for one in found] == [{"answer"}, {"answer", "reference"}] * 2


async def test_one_weak_hash_is_for_a_person(service: Service, hoster: Client) -> None:
    """Files with the MD5 of another can be made."""
    await service.knows(1, KNOWN)
    answers = await words(hoster, file(md5=1), file(sha1=1), file(2, md5=1), file(md5=1, length=9))
    assert answers == ["review", "review", "none", "none"]


async def test_pictures_that_look_alike_are_for_a_person(service: Service, hoster: Client) -> None:
    """Up to a distance that is another for each; PDQ hashes of poor quality say nothing."""
    await service.knows(1, KNOWN)
    sure, beyond = PDQ_NEAR - BLURRED + 1, PDQ_NEAR + 1
    near, far = (file(pdq=PICTURE ^ ((1 << bits) - 1)) for bits in (sure, beyond))
    poor = file(pdq=PICTURE, quality=49)
    assert await words(hoster, file(pdq=PICTURE), near, far, poor) == [
        *("review", "review", "none", "none")
    ]


async def test_a_video_has_no_picture(service: Service, hoster: Client) -> None:
    """PDQ says nothing of it."""
    await service.knows(1, KNOWN, kind=ItemKind.VIDEO)
    assert await words(hoster, file(pdq=PICTURE), file(1)) == ["none", "hit"]


async def test_without_a_quota_for_pictures_nobody_looks_at_them(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """As contracts are unless pictures were agreed."""
    await service.knows(1, KNOWN)
    client = await aiohttp_client(service.app(), headers=await service.key(near_per_day=0))
    assert await words(client, file(pdq=PICTURE)) == ["none"]


async def test_what_is_no_longer_so_is_not_told_at_once(service: Service, hoster: Client) -> None:
    """Corrected by its author: memory only points, the item is read."""
    await service.knows(1, KNOWN)
    await service.judged(1, Verdict.NOT_ILLEGAL)
    assert await words(hoster, KNOWN) == ["none"]


async def test_a_disputed_verdict_is_for_a_person(service: Service, hoster: Client) -> None:
    """Another member says otherwise."""
    await service.knows(1, KNOWN)
    await service.judged(1, Verdict.NOT_ILLEGAL, member="fr-pdc")
    assert await words(hoster, file(1)) == ["review"]


async def test_a_file_that_waits_for_a_comparison_is_for_a_person(
    service: Service, hoster: Client
) -> None:
    """A report may have named it for an item that was judged without it."""
    await service.knows(1, KNOWN)
    await service.waits(1)
    assert await words(hoster, file(1)) == ["review"]


async def test_verdicts_of_one_law_are_not_told(service: Service, hoster: Client) -> None:
    """Only what is illegal everywhere; what becomes so is found once it was followed."""
    await service.knows(1, KNOWN)
    await service.judged(1, Verdict.NATIONAL)
    assert await words(hoster, file(1)) == ["none"]
    await service.judged(1, Verdict.BASELINE, member="fr-pdc")
    await service.follow()
    assert await words(hoster, file(1)) == ["hit"]


async def test_the_contract_says_whose_word_counts(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """Ours, or other members' too."""
    await service.knows(1, file(1))
    await service.knows(2, file(2), by="fr-pdc")
    for sources, told in (((OWN,), ["hit", "none"]), ((NETWORK,), ["none", "hit"])):
        client = await aiohttp_client(service.app(), headers=await service.key(sources=sources))
        assert await words(client, file(1), file(2)) == told


async def test_lists_that_may_be_shared_are_told(service: Service, hoster: Client) -> None:
    """As far as they are followed."""
    await service.lists(file(1, md5=1))
    assert await words(hoster, file(1), file(md5=1), file(2)) == ["hit", "review", "none"]


@pytest.mark.parametrize(
    ("trust", "terms", "told"),
    [
        (Trust.AUTO, {"may_share": False}, "none"),
        (Trust.AUTO, {"may_use": False}, "none"),
        (Trust.NONE, {}, "none"),
        (Trust.SUGGESTION, {}, "review"),
    ],
)
async def test_other_lists_are_not(
    service: Service, hoster: Client, trust: Trust, terms: dict[str, Any], told: str
) -> None:
    """Police lists must not reach commercial hosters; not by the verdict that they give either."""
    await service.lists(file(1), trust=trust, **terms)
    await service.meets_lists(item(1, file(1)))
    assert await words(hoster, file(1)) == [told]


async def test_what_police_and_a_person_know_is_a_hit(service: Service, hoster: Client) -> None:
    """The person's word is ours to tell."""
    await service.lists(file(1), name="icse", may_share=False)
    await service.meets_lists(item(1, file(1)))
    await service.judged(1, Verdict.BASELINE)
    assert await words(hoster, file(1)) == ["hit"]


async def test_what_police_and_a_shared_list_know_is_a_hit(
    service: Service, hoster: Client
) -> None:
    """By the word of the list that may be shared, whichever gave the verdict."""
    await service.lists(file(1), name="icse", may_share=False)
    await service.lists(file(1))
    await service.meets_lists(item(1, file(1)))
    assert await words(hoster, file(1)) == ["hit"]


async def test_a_list_answers_under_its_own_name_alone(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """A contract that does not name it is not answered by the verdict that it gave here."""
    await service.lists(file(1))
    await service.meets_lists(item(1, file(1)))
    client = await aiohttp_client(service.app(), headers=await service.key(sources=(OWN,)))
    assert await words(client, file(1)) == ["none"]


async def test_a_verdict_of_police_that_came_with_the_content_is_not_told(
    service: Service, hoster: Client
) -> None:
    """The other item does not say by which list it was given; the first one does."""
    await service.lists(file(1), name="icse", may_share=False)
    other = item(2, file(1, md5=1, length=5000), url="https://other.example/")
    await service.meets_lists(item(1, file(1)), other)
    carried = {one.id: one.carried for one in await service.store.judged.page("", 9)}
    assert carried[other.id]
    assert await words(hoster, file(1), file(md5=1, length=5000)) == ["none", "none"]


async def test_a_persons_verdict_that_came_with_the_content_is_told(
    service: Service, hoster: Client
) -> None:
    """By every hash of the other item too."""
    given = verdict(member=US)
    await service.record(item(1, file(1), assessments=(given,)))
    more = file(1, md5=1, length=5000)
    await service.record(item(2, more, assessments=(given,), carried=(given.event_id,)))
    assert await words(hoster, file(1), file(md5=1, length=5000)) == ["hit", "hit"]


@pytest.mark.parametrize(("shared", "word"), [(True, "hit"), (False, "none")])
async def test_a_persons_verdict_is_told_though_the_item_that_was_judged_is_erased(
    service: Service, hoster: Client, *, shared: bool, word: str
) -> None:
    """What all are told a person said; of what nobody is told, a list may have said it."""
    given = verdict(member=US)
    if shared:
        said = [ContentVerdict(given, 0, file(1))]
        await service.store.writer.run(lambda c: keep_shared(c, said))
    left = item(2, file(1), assessments=(given,), carried=(given.event_id,))
    await service.record(left)
    assert await words(hoster, file(1)) == [word]
    gone = [ContentVerdictWithdrawn(given.event_id, given.at_ms)]
    await service.store.writer.run(lambda c: keep_shared(c, gone))
    assert await words(hoster, file(1)) == ["none"]


async def test_other_file_of_a_page_that_one_file_made_known_is_no_hit(
    service: Service, hoster: Client
) -> None:
    """It may be a harmless one beside it; the illegal one is known by where the verdict is from."""
    given = verdict(member=US)
    await service.record(item(1, file(1), assessments=(given,)))
    page = item(2, file(1), file(2), assessments=(given,), carried=(given.event_id,))
    await service.record(page)
    assert await words(hoster, file(1), file(2)) == ["hit", "none"]


async def test_what_police_list_as_well_changes_no_answer(service: Service, hoster: Client) -> None:
    """The day on which a shared list's answer changed would tell that they have the file."""
    await service.lists(file(1), trust=Trust.AUTO_2)
    assert await words(hoster, file(1)) == ["review"]
    await service.lists(file(1), name="police", may_share=False)
    assert await words(hoster, file(1)) == ["review"]


async def test_of_a_list_that_may_not_be_shared_no_entry_is_read(service: Service) -> None:
    """How long an answer takes would tell what it does not say."""
    await service.lists(file(1), name="police", may_share=False)
    await service.lists(file(2))
    read: list[str] = []
    service.store.readers.look_up(lambda c: c.set_trace_callback(read.append))  # type: ignore[attr-defined]
    await service.listed.find([file(1)], near=None)
    assert not [one for one in read if READ_ENTRY in one]
    await service.listed.find([file(2)], near=None)
    assert [one for one in read if READ_ENTRY in one]


async def test_a_list_that_acquits_a_file_makes_it_no_hit(service: Service, hoster: Client) -> None:
    """A member's list that is followed and shared holds both kinds of verdicts."""
    await service.lists(file(1), given=verdict(Verdict.NOT_ILLEGAL))
    await service.lists(file(2), given=verdict(Verdict.BASELINE))
    assert await words(hoster, file(1), file(2)) == ["none", "hit"]


async def test_beyond_the_blurred_end_nothing_is_read(service: Service) -> None:
    """Neither of items nor of lists: the end would be sharp again for who takes the time."""
    await service.knows(1, file(1, pdq=PICTURE))
    await service.lists(file(2, pdq=PICTURE))
    await service.follow()
    read: list[str] = []
    service.store.readers.look_up(lambda c: c.set_trace_callback(read.append))  # type: ignore[attr-defined]
    asked = [file(pdq=PICTURE ^ 0b111)]
    for contents in (service.verdicts, service.listed):
        read.clear()
        await contents.find(asked, near=lambda _: 2)
        assert not [one for one in read if READ_ENTRY in one or "FROM items" in one]
        assert await contents.find(asked, near=lambda _: 3)


async def test_whatever_is_known_an_answer_waits_for_a_tick(service: Service) -> None:
    """The longer it took, the shorter it waits, refused or not."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    service.checking = replace(service.checking, pause=pause)
    await service.key(near_reviews_per_day=0)
    await service.knows(1, KNOWN)
    key = await service.only_key()
    await service.checking.check(key, [file(1), file(7)])
    with pytest.raises(ApiError):
        await service.checking.check(key, [file(pdq=PICTURE)])
    assert [0 < one <= TICK_S for one in waited] == [True, True]
    waits = [until_tick(took * TICK_S) / TICK_S for took in (0, 0.25, 1.75)]
    assert waits == pytest.approx([1, 0.75, 0.25])


async def test_a_list_that_trusts_weak_hashes_hits_by_one(service: Service, hoster: Client) -> None:
    """Its operator said so."""
    await service.lists(file(md5=1), trusts_weak=True)
    assert await words(hoster, file(md5=1)) == ["hit"]


async def test_allowed_and_small_files_are_no_hits(service: Service, hoster: Client) -> None:
    """What made hosting companies switch such a check off."""
    await service.knows(1, file(1))
    await service.knows(2, file(2))
    service.allowed.add(file(1).sha256 or b"")
    assert await words(hoster, file(1), file(2, length=43)) == ["none", "review"]


async def test_what_is_known_alone_is_kept_for_a_month(service: Service, hoster: Client) -> None:
    """Hits and reviews; of misses not a trace, in whatever form."""
    await service.knows(1, file(1, md5=1))
    await ask(hoster, file(1), file(2, md5=2, pdq=3), file(md5=1))
    rows = service.store.readers.look_up(
        lambda c: c.execute("SELECT state FROM hashcheck_hits").fetchall()
    )
    assert len(rows) == 2
    assert await service.desk.forget() == 0
    service.now += 30 * DAY_MS + 1
    assert await service.desk.forget() == 2


async def test_the_reference_of_one_file_stays(service: Service, hoster: Client) -> None:
    """However often it is uploaded."""
    await service.knows(1, file(1))
    assert await ask(hoster, file(1), file(1)) == await ask(hoster, file(1), file(1))


async def test_counts_are_all_that_is_told_of_questions(service: Service, hoster: Client) -> None:
    """For quotas, metrics and the year's report."""
    await service.knows(1, KNOWN)
    await ask(hoster, file(1), file(md5=1), file(pdq=PICTURE), file(9))
    assert service.answers == {Answer.HIT: 1, Answer.REVIEW: 2, Answer.NONE: 1}
    _, fresh = service.quotas.fresh()
    assert list(map(tuple, fresh.values())) == [(4, 1, 1, 2, 1)]
