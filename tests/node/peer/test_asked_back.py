"""§8.16.7: a member that nobody can call is asked about doubts when it calls itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.peer.errors import BadLineageError
from node.peer.ledgers.doubting import EVADED, LONG_MS
from node.peer.ledgers.lineage import SPLIT
from protocol.ledger import read_ledger_head
from protocol.lineage import NOTHING_SHOWN, Lineage, Link, SeenHead, from_bytes, to_bytes
from tests.node.peer.owning import OWNER, SPEAKER, Asking, Epochs


def seen_of(link: Link) -> SeenHead:
    """How a reader says that it remembers this head."""
    head = read_ledger_head(link.note)
    return SeenHead(head.origin.epoch, head.size)


class Calling:
    """An owner that cannot be called, as every version calls: it leads from what it is told.

    `evades`: it always leads from its newest head. `grows`: a ledger that grows with each request.
    """

    def __init__(self, asking: Asking, *ledgers: Epochs) -> None:
        self.asking, self.ledgers = asking, ledgers or (asking.true,)
        self.told: SeenHead | None = None
        self.evades = False
        self.grows: Epochs | None = None

    @property
    def newest(self) -> Link:
        """The newest head that everybody is shown."""
        return Link(self.ledgers[0].links[-1].note, ())

    def shown(self) -> Lineage:
        """What it shows next."""
        if self.grows is not None:
            self.grows.grow(1)
        if self.told is None:
            return NOTHING_SHOWN
        told = seen_of(self.newest) if self.evades else self.told
        found = [one.after(told) for one in self.ledgers]
        led = next((one for one in found if one is not None), None)
        return led or Lineage(1, None, None, (), (self.newest,), ())

    async def call(self) -> None:
        """Exchange: three rounds at most, until what was shown is remembered."""
        for _ in range(3):
            shown = self.shown()
            raw = await self.asking.lineages.answer(OWNER, to_bytes(shown))
            self.told = from_bytes(raw).seen
            if shown.links and self.told == seen_of(shown.links[-1]):
                return


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    """Give a member that was shown the newest head of a ledger, whose owner cannot be called."""
    made = Asking(tmp_path / "node.db")
    await made.lineages.exchange(OWNER)
    made.owner.is_up = False
    yield made
    await made.store.close()


async def test_g5_a_doubt_ends_where_the_caller_leads_from_it(asking: Asking) -> None:
    """One epoch at a time, each from where the last came to; nobody is accused."""
    await asking.told(asking.true.links[0].note)
    owner = Calling(asking)
    await owner.call()
    assert asking.waiting() == [(SPEAKER, asking.true.links[1].note)]
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_a_caller_that_does_not_know_its_other_ledger_stands_before_a_person(
    asking: Asking,
) -> None:
    """It shows the same newest head, and none that goes on from there."""
    await asking.told(asking.false.links[0].note)
    await Calling(asking).call()
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_attack_caller_leads_in_whichever_ledger_it_is_asked_about(asking: Asking) -> None:
    """The chain ends in the other one."""
    await asking.told(asking.false.links[1].note)
    owner = Calling(asking, asking.true, asking.false)
    await owner.call()
    assert asking.accused() == set(), "it may have grown meanwhile"
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_a_caller_whose_ledger_grew_meanwhile_is_asked_again(asking: Asking) -> None:
    """Whoever was restored has forgotten a head, and a new one came: this says nothing yet."""
    note = asking.false.links[0].note
    await asking.told(note)
    owner = Calling(asking)
    await asking.lineages.answer(OWNER, to_bytes(NOTHING_SHOWN))
    owner.told = seen_of(owner.newest)
    owner.grows = asking.true
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([(SPEAKER, note)], set())
    owner.grows = None
    await owner.call()
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_attack_caller_never_shows_what_it_is_asked_for(asking: Asking) -> None:
    """An answer of ours may be lost on the way; not for a month, and again and again."""
    await asking.told(asking.false.links[0].note)
    owner = Calling(asking)
    owner.evades = True
    for _ in range(EVADED):
        await owner.call()
    assert asking.accused() == set()
    asking.now_ms += LONG_MS + 1
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_after_a_month_one_lost_answer_accuses_nobody(asking: Asking) -> None:
    """The caller was away for long, and goes on from what it heard before."""
    note = asking.true.links[1].note
    await asking.told(note)
    asking.now_ms += LONG_MS + 1
    owner = Calling(asking)
    owner.evades = True
    await owner.call()
    assert asking.accused() == set()
    owner.evades = False
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([], set())


async def test_g5_attack_caller_whose_chain_goes_on_for_ever_is_found(asking: Asking) -> None:
    """Each leads on, and none to the head that we are shown; after a month people look."""
    await asking.told(asking.false.links[0].note)
    owner = Calling(asking, asking.true, asking.false)
    owner.grows = asking.false
    for _ in range(3):
        await owner.call()
    assert asking.accused() == set()
    asking.now_ms += LONG_MS + 1
    await owner.call()
    assert asking.accused() == {(SPLIT, OWNER)}


async def test_g5_attack_caller_whose_ledger_grows_with_each_question_is_found(
    asking: Asking,
) -> None:
    """It never shows twice the head that it does not lead to; so it is for a month."""
    await asking.told(asking.false.links[0].note)
    owner = Calling(asking)
    owner.grows = asking.true
    for _ in range(EVADED):
        await owner.call()
    assert asking.accused() == set()
    asking.now_ms += LONG_MS + 1
    await owner.call()
    assert (asking.waiting(), asking.accused()) == ([], {(SPLIT, OWNER)})


async def test_g5_answer_that_does_not_verify_is_refused_and_ends_no_doubt(asking: Asking) -> None:
    """A chain between two ledgers of which one does not begin with the other's head."""
    note = asking.false.links[0].note
    await asking.told(note)
    owner = Calling(asking)
    owner.told = seen_of(owner.newest)
    raw = await asking.lineages.answer(OWNER, to_bytes(owner.shown()))
    asked = from_bytes(raw).seen
    grafted = (Link(note, ()), asking.true.links[-1])
    with pytest.raises(BadLineageError):
        await asking.lineages.answer(OWNER, to_bytes(Lineage(1, None, asked, (), grafted, ())))
    assert asking.waiting() == [(SPEAKER, note)]
