"""Bundles of a verdict on files (§6.6): who told whom, and who took it back, without any item."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.casework.reports.draft import AssessmentDraft
from node.evidence.check import check
from node.evidence.errors import BrokenBundleError, NothingToShowError
from protocol.messages import read
from protocol.verdicts import ContentVerdict
from protocol.vocabulary import Verdict
from tests.node.evidence.test_stolen import EOKM, IWF, Governed
from tests.node.evidence.test_void_entries import both_refuse, pin_of

PDC = "fr-pdc"
HOME = "https://gb1.example/album/{}.jpg"
"""At gb-iwf itself: nothing of it is handed to anybody."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give three hotlines that have just started."""
    made = Governed(tmp_path, (IWF, EOKM, PDC))
    await made.start()
    yield made
    await made.close()


async def judged(world: Governed, number: int) -> tuple[str, str]:
    """Let gb-iwf judge a file that it found at home; give its item and the verdict."""
    made = await world[IWF].submit(HOME.format(number), sha256=f"{number + 1:064x}")
    item = made.items[0].item_id
    await world.settle()
    await world[IWF].desk.assess(item, AssessmentDraft(verdict=Verdict.BASELINE), actor="a")
    await world.settle()
    return item, (await world[IWF].state(item)).assessments[-1].event_id


def said(world: Governed, raw: bytes) -> list[tuple[str, str, str]]:
    """What a bundle proves of whom, to both verifiers alike; all of it is bound and receipted."""
    checked = world.both_read(raw)
    assert checked.void == []
    assert all(one["binds"] == [one["from"], one["to"]] for one in checked.proofs)
    assert {one["item"] for one in checked.proofs} == {checked.item}
    return [(one["from"], one["to"], one["kind"]) for one in checked.proofs]


async def test_6_6_who_heard_a_verdict_proves_who_gave_it_on_which_file(world: Governed) -> None:
    """The item that it was given on stayed at home: of it there is nothing to show."""
    item, verdict = await judged(world, 1)
    raw = world.bundle(EOKM, verdict)
    assert said(world, raw) == [(IWF, EOKM, "content_verdict")]
    _, message = read(base64.b64decode(json.loads(raw)["proofs"][0]["entry"]))
    assert isinstance(message, ContentVerdict)
    assert message.assessment.verdict is Verdict.BASELINE
    assert message.content.sha256 == bytes.fromhex(f"{2:064x}")
    for member in (IWF, EOKM):
        with pytest.raises(NothingToShowError):
            world.bundle(member, item)


async def test_6_6_who_gave_a_verdict_proves_whom_it_told_and_that_it_took_it_back(
    world: Governed,
) -> None:
    """So does who heard it; a verdict on another file is in neither."""
    (item, verdict), (_, other) = await judged(world, 1), await judged(world, 2)
    await world[IWF].desk.correcting.withdraw(item, verdict, actor="a")
    await world.settle()
    told = [(IWF, peer, "content_verdict") for peer in (PDC, EOKM)]
    back = [(IWF, peer, "content_verdict_withdrawn") for peer in (PDC, EOKM)]
    assert sorted(said(world, world.bundle(IWF, verdict))) == sorted([*told, *back])
    assert said(world, world.bundle(EOKM, verdict)) == [told[1], back[1]]
    assert said(world, world.bundle(EOKM, other)) == [told[1]]


async def test_12_a_bundle_of_a_verdict_holds_that_verdict(world: Governed) -> None:
    """One that calls itself by another's id, or by an item's, is refused."""
    (item, verdict), (_, other) = await judged(world, 1), await judged(world, 2)
    bundle = json.loads(world.bundle(EOKM, verdict))
    for name in (other, item):
        refused = both_refuse(json.dumps(bundle | {"item": name}).encode(), pin_of(world))
        assert (refused.step, refused.place) == ("7", "item")


async def test_12_a_verdict_under_a_stolen_key_is_nobodys(world: Governed) -> None:
    """The owner may have said nothing of the file."""
    _, verdict = await judged(world, 1)
    world.theft(IWF, "log")
    raw = world.bundle(EOKM, verdict)
    with pytest.raises(BrokenBundleError, match="stolen"):
        check(raw, pin_of(world))
    both_refuse(raw, pin_of(world))
