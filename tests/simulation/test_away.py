"""A member that has never answered: what waits for it is seen, with its age and the reason."""

from __future__ import annotations

from tests.simulation.world import World

PLACE = "https://nl1.example/album/1.jpg"


class TestPeerThatNeverAnswered:
    """Nothing is dropped by age, and nothing waits unseen."""

    async def test_what_waits_for_it_shows_before_the_first_attempt(self, world: World) -> None:
        """The operator sees it as soon as it stands there."""
        await world["nl-eokm"].crash()
        await world["gb-iwf"].submit(PLACE)
        await world["gb-iwf"].desk.locate_due()
        (figures,) = await world["gb-iwf"].store.queries.channels()
        assert (figures.peer, figures.waiting, figures.unreceipted) == ("nl-eokm", 1, 0)
        assert figures.oldest_waiting_ms is not None

    async def test_the_reason_and_the_number_of_attempts_are_kept(self, world: World) -> None:
        """They outlive the process: a new one goes on backing off, and asks at once when called."""
        await world["nl-eokm"].crash()
        await world["gb-iwf"].submit(PLACE)
        await world["gb-iwf"].work()
        await world["gb-iwf"].crash()
        await world["gb-iwf"].restart()
        (figures,) = await world["gb-iwf"].store.queries.channels()
        assert (figures.problem, figures.attempts) == ("peer_unreachable", 1)

    async def test_it_gets_everything_when_it_comes(self, world: World) -> None:
        """However long it was away."""
        await world["nl-eokm"].crash()
        result = await world["gb-iwf"].submit(PLACE)
        await world["gb-iwf"].work()
        world.now += 30 * 86_400_000
        await world["nl-eokm"].restart()
        await world.settle()
        assert (await world["nl-eokm"].state(result.items[0].item_id)).responsible == "nl-eokm"


class TestAnswerLostForLong:
    """What is held but has no receipt is proof that is missing, though nothing is left to send."""

    async def test_8_5_a_told_state_does_not_stand_for_a_receipt(self, world: World) -> None:
        """The attempt after a day asks for the state, which agrees; the receipt is fetched too."""
        await world["gb-iwf"].submit(PLACE)
        await world.settle()
        world.faults.lose_answer = 1.0
        await world["gb-iwf"].submit("https://nl1.example/album/2.jpg")
        await world["gb-iwf"].work()
        world.faults.lose_answer = 0.0
        world.now += 25 * 3_600_000
        await world.settle()
        (figures,) = await world["gb-iwf"].store.queries.channels()
        assert (figures.waiting, figures.unreceipted, figures.problem) == (0, 0, None)
