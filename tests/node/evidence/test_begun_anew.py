"""A member that lost all its keys: what it signed before convinces under its new document, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keys.keyring import MemberKeys
from keys.member import MemberDocument
from keys.succession import begun_anew
from node.evidence.errors import BrokenBundleError
from node.registry import repository
from tests.builders.network import NOW_MS, make_document, member_files
from tests.node.evidence.test_stolen import EOKM, IWF, Governed, hand_over


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Governed]:
    """Give two members that have just started."""
    made = Governed(tmp_path, (IWF, EOKM))
    await made.start()
    yield made
    await made.close()


def admit_anew(world: Governed, member: str, *, listing: bool) -> MemberDocument:
    """Admit a member under keys that nobody knows; `listing`: its lost ones with them."""
    before, fresh = world.registry, MemberKeys.generate(member, NOW_MS)
    assert fresh.member is not None
    document = make_document(before.network_id, member, keys=fresh, sequence=2)
    if listing:
        there = MemberDocument.from_bytes(before.member(member).to_bytes())
        document = begun_anew(document, there, world.now)
    files = member_files(document, 2, key=fresh.member)
    keys = {**before.member_keys, member: fresh.member.public.ed25519}
    proposal = repository.propose_targets(world.umbrella.state, before.network, keys, NOW_MS, files)
    world.umbrella = world.umbrella.accept(proposal)
    world.registry, world.files = world.umbrella.registry, world.umbrella.files
    return document


@pytest.mark.parametrize("lost", [IWF, EOKM])
async def test_g7_what_lost_keys_signed_convinces_before_and_after_others_took_their_place(
    world: Governed, lost: str
) -> None:
    """A bundle made before, one made after by whoever holds the entries, and both verifiers."""
    item = await hand_over(world, 1)
    holder = EOKM if lost == IWF else IWF
    before = world.bundle(holder, item)
    world.both_take(before)
    admit_anew(world, lost, listing=True)
    world.both_take(before)
    after = world.bundle(holder, item)
    assert after != before
    world.both_take(after)
    assert world[holder].verify().found == []


@pytest.mark.parametrize("lost", [IWF, EOKM])
async def test_g7_what_lost_keys_signed_is_shown_no_more_where_they_were_left_out(
    world: Governed, lost: str
) -> None:
    """As the umbrella is told before it lets them be left out."""
    item = await hand_over(world, 1)
    holder = EOKM if lost == IWF else IWF
    admit_anew(world, lost, listing=False)
    with pytest.raises(BrokenBundleError):
        world.both_take(world.bundle(holder, item))
