"""A log key is revoked: what it signs is taken by nobody; what is under way waits, not lost."""

from __future__ import annotations

from protocol.answers import AnswerCode
from protocol.revocation import apply
from tests.simulation.world import World

PLACE = "https://nl1.example/album/"


async def test_g7_a_push_under_a_revoked_log_key_is_refused_and_waits(world: World) -> None:
    """A thief gets no receipt; and the owner loses nothing, once its document lists a good key."""
    listed = world.registry
    log = listed.member("gb-iwf").log_keys[0].key_id
    world.registry = apply(listed, {"gb-iwf": frozenset({log})}, "nl-eokm")
    result = await world["gb-iwf"].submit(f"{PLACE}1.jpg")
    await world["gb-iwf"].work()
    (figures,) = await world["gb-iwf"].store.queries.channels()
    assert figures.problem == str(AnswerCode.REGISTRY_BEHIND)
    assert await world["nl-eokm"].store.queries.channels() == []
    world.registry = listed
    await world.settle()
    state = await world["nl-eokm"].state(result.items[0].item_id)
    assert state.responsible == "nl-eokm"
