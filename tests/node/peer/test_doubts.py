"""§8.16.7: a head that another was shown is asked about until its owner has led from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.recovering import Recovering
from node.peer.errors import CallError
from node.peer.ledgers.doubting import ASKED_AT_ONCE, EVADED, LONG_MS, REQUESTS
from node.peer.ledgers.lineage import REBUILT, SPLIT
from protocol.lineage import Lineage, to_bytes
from tests.builders.network import NOW_MS
from tests.node.peer.owning import OTHER, OWNER, SPEAKER, Asking, Epochs


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    """Give a member that was shown the newest head of gb-iwf's ledger."""
    made = Asking(tmp_path / "node.db")
    await made.lineages.exchange(OWNER)
    made.owner.asked.clear()
    yield made
    await made.store.close()


async def test_g5_a_doubt_outlives_the_process_that_heard_of_it(asking: Asking) -> None:
    """Else who keeps two ledgers waits for a restart, or brings one about."""
    await asking.told(asking.false.links[0].note)
    await asking.restart()
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}
    assert asking.waiting() == []


async def test_8_16_an_owner_that_lost_its_node_and_says_so_is_not_called_a_liar(
    asking: Asking,
) -> None:
    """It knows no head of before; a person is told which it says."""
    document = asking.network.member(OWNER)
    said = replace(document, recovering=Recovering(document.sealing[0].key.key_id, NOW_MS))
    members = {**asking.network.members, OWNER: said}
    asking.network = replace(asking.network, members=members)
    await asking.told(asking.false.links[0].note)
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(REBUILT, OWNER)}


async def test_g5_an_owner_that_does_not_answer_ends_no_doubt(asking: Asking) -> None:
    """It is asked again once it can be called."""
    note = asking.false.links[0].note
    await asking.told(note)
    asking.owner.is_up = False
    with pytest.raises(CallError):
        await asking.lineages.exchange(OWNER)
    assert asking.waiting() == [(SPEAKER, note)]


async def test_g5_a_doubt_ends_where_its_owner_leads_from_it(asking: Asking) -> None:
    """An earlier head of the one ledger: nobody is accused, also if two spoke of it."""
    for speaker in (SPEAKER, OTHER):
        await asking.told(asking.true.links[0].note, speaker)
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_attack_another_doubt_does_not_displace_the_first(asking: Asking) -> None:
    """A friend of the liar tells of a harmless head after an honest member told of the other."""
    await asking.told(asking.false.links[0].note)
    await asking.told(asking.true.links[0].note, OTHER)
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_a_ledger_that_grew_meanwhile_is_asked_about_again(asking: Asking) -> None:
    """Between the questions its newest head changed, so the answers say nothing."""
    note = asking.true.links[0].note
    await asking.told(note)
    asking.owner.grows = asking.true
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([(SPEAKER, note)], set())


async def test_g5_attack_owner_whose_ledger_grows_with_each_question_must_know_its_head(
    asking: Asking,
) -> None:
    """What was added meanwhile explains where a chain ends, not that it does not begin."""
    await asking.told(asking.false.links[0].note)
    asking.owner.grows = asking.true
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_attack_owner_whose_ledger_grows_with_each_question_is_found(
    asking: Asking,
) -> None:
    """It leads from both, and nobody ever sees its newest head twice: by chance that is once."""
    asking.owner.ledgers = (asking.true, asking.false)
    asking.owner.grows = asking.true
    await asking.told(asking.false.links[0].note)
    for _ in range(EVADED):
        assert asking.accused() == set()
        await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_attack_owner_is_found_also_if_another_shows_its_one_ledger_meanwhile(
    asking: Asking,
) -> None:
    """What an honest member answers acquits nobody else; it is asked as often."""
    beside = Epochs(asking.network.network_id, asking.other_key, 9_000_000, OTHER).grow(2)
    asking.owner.beside = beside
    await asking.lineages.exchange(OTHER)
    asking.owner.ledgers = (asking.true, asking.false)
    asking.owner.grows = asking.true
    await asking.told(asking.false.links[0].note)
    for _ in range(EVADED):
        assert asking.accused() == set()
        await asking.lineages.exchange(OWNER)
        await asking.told(beside.links[0].note)
        await asking.lineages.exchange(OTHER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_attack_owner_that_shows_nothing_of_its_other_ledger_is_found(
    asking: Asking,
) -> None:
    """Questions alone say what they ask about; those it answers with no head, and nothing else."""
    await asking.told(asking.false.links[0].note)
    asking.owner.is_silent = True
    for _ in range(EVADED):
        assert asking.accused() == set()
        await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_a_head_under_a_key_that_is_listed_no_more_accuses_nobody(asking: Asking) -> None:
    """A thief may have signed it, whose key was revoked after we heard of it."""
    await asking.told(asking.false.links[0].note)
    document = asking.network.member(OWNER)
    other = replace(document, log=asking.network.member(OTHER).log)
    members = {**asking.network.members, OWNER: other}
    asking.network = replace(asking.network, members=members)
    anew = Epochs(asking.network.network_id, asking.other_key, 9_000_000).grow(1)
    asking.owner.ledgers = (anew,)
    await asking.lineages.exchange(OWNER)
    assert asking.waiting() == []
    assert (SPLIT, OWNER) not in asking.accused()


async def test_8_16_a_chain_that_ends_early_is_followed_to_its_end(asking: Asking) -> None:
    """By so many requests, and the next time from where it came to: nobody honest is accused."""
    first = asking.true.links[0].note
    asking.true.grow(REQUESTS + 10)
    for _ in range(REQUESTS + 10):
        await asking.lineages.exchange(OWNER)
    await asking.told(first)
    asking.owner.asked.clear()
    await asking.lineages.exchange(OWNER)
    ((_, reached),) = asking.waiting()
    assert reached == asking.true.links[REQUESTS].note
    await asking.lineages.exchange(OWNER)
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_attack_who_makes_his_chain_longer_and_longer_is_found(asking: Asking) -> None:
    """Each answer leads on, and none to the head that we were shown; after a month people look."""
    asking.owner.ledgers = (asking.true, asking.false)
    asking.owner.grows = asking.false
    await asking.told(asking.false.links[0].note)
    for _ in range(3):
        await asking.lineages.exchange(OWNER)
        assert asking.accused() == set()
    asking.now_ms += LONG_MS + 1
    await asking.lineages.exchange(OWNER)
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g11_an_owner_is_asked_about_so_many_and_no_more(asking: Asking) -> None:
    """Sixty requests an hour are answered; what waits longest is asked about first."""
    for number, link in enumerate(asking.false.grow(9).links):
        await asking.store.lineages.doubt(f"m-{number:02}", {OWNER: link.note}, NOW_MS + number)
    await asking.lineages.exchange(OWNER)
    left = [f"m-{number:02}" for number in range(ASKED_AT_ONCE, 12)]
    assert [speaker for speaker, _ in asking.waiting()] == left


async def test_8_16_what_is_no_head_of_a_ledger_is_passed_over(asking: Asking) -> None:
    """It says nothing, and does not spoil what stands beside it."""
    note = asking.false.links[0].note
    raw = to_bytes(Lineage(1, None, None, (), (), (b"rubbish", note)))
    await asking.lineages.answer(SPEAKER, raw)
    assert asking.waiting() == [(SPEAKER, note)]
