"""Contract of a store, hosters: what registers say, with its age; contacts, and who decided."""

from __future__ import annotations

from node.jurisdiction.contacts import Hoster
from node.jurisdiction.directory import Range, Told
from node.store.places.hosters import UNKNOWN, UNVERIFIED
from node.store.sqlite import Store
from tests.builders.network import NOW_MS
from tests.contract.stores import Place

KEY = "ORG-FH1-EXAMPLE"
ABUSE = "abuse@fast.example"
WEEK_MS = 7 * 86_400_000


def told(*contacts: str, name: str = "Fast Hosting") -> Told:
    """Return a hoster as a register names it."""
    return Told(KEY, name, contacts, "rdap", WEEK_MS)


def known(prefix: str, asked_ms: int = NOW_MS, expires_ms: int = NOW_MS + WEEK_MS) -> Range:
    """Return a range of that hoster."""
    return Range(prefix, "found", KEY, asked_ms, expires_ms, "NET-1", "NET-0")


def nobody(prefix: str, asked_ms: int) -> Range:
    """Return a block that nobody could be asked about, for a week."""
    return Range(prefix, "failed", None, asked_ms, asked_ms + WEEK_MS)


async def tasks(store: Store) -> list[tuple[str, str]]:
    """Return what waits for a person."""
    return [(code, subject) for code, subject, _ in await store.queries.tasks()]


class TestRanges:
    """What a register said holds for the addresses that it spoke of, for a time."""

    async def test_the_smallest_range_that_holds_wins(self, store: Store) -> None:
        """Of IPv4 and IPv6 alike."""
        for prefix in ("192.0.2.0/24", "192.0.2.64/26", "2001:db8::/32", "2001:db8:1::/48"):
            await store.hosters.keep(told(ABUSE), known(prefix), NOW_MS)
        cases = {
            "192.0.2.1": "192.0.2.0/24",
            "192.0.2.65": "192.0.2.64/26",
            "::ffff:192.0.2.65": "192.0.2.64/26",
            "2001:db8:1::7": "2001:db8:1::/48",
            "2001:db8:2::7": "2001:db8::/32",
        }
        for address, prefix in cases.items():
            found = await store.hosters.range_of(address, NOW_MS)
            assert found == known(prefix), address
        assert await store.hosters.range_of("198.51.100.1", NOW_MS) is None

    async def test_what_is_over_is_not_found_and_is_still_the_last_word(self, store: Store) -> None:
        """Whoever cannot ask anew may show it, with its age."""
        await store.hosters.keep(told(ABUSE), known("192.0.2.0/24"), NOW_MS)
        after = NOW_MS + WEEK_MS
        assert await store.hosters.range_of("192.0.2.1", after) is None
        assert await store.hosters.last_of("192.0.2.1") == known("192.0.2.0/24")

    async def test_an_answer_of_the_future_is_asked_again(self, store: Store) -> None:
        """The clock was put back since."""
        await store.hosters.keep(told(ABUSE), known("192.0.2.0/24", NOW_MS + 1), NOW_MS)
        assert await store.hosters.range_of("192.0.2.1", NOW_MS) is None

    async def test_a_failure_does_not_take_away_what_was_known(self, store: Store) -> None:
        """Of the very same range: the failure holds for a while, the hoster stays the last word."""
        await store.hosters.keep(told(ABUSE), known("192.0.2.0/24"), NOW_MS)
        later = NOW_MS + WEEK_MS
        await store.hosters.keep_range(nobody("192.0.2.0/24", later))
        found = await store.hosters.range_of("192.0.2.1", later)
        assert found is not None
        assert (found.outcome, found.hoster) == ("failed", None)
        assert await store.hosters.last_of("192.0.2.1") == known("192.0.2.0/24")

    async def test_failures_long_over_are_forgotten(self, store: Store) -> None:
        """Else each block that anybody ever asked about would stay for ever."""
        await store.hosters.keep_range(nobody("192.0.2.0/24", NOW_MS))
        await store.hosters.keep_range(nobody("198.51.100.0/24", NOW_MS + 6 * WEEK_MS))
        count = await store.readers.run(
            lambda c: c.execute("SELECT count(*) FROM hoster_ranges").fetchone()
        )
        assert count == (1,)


class TestContacts:
    """A contact waits for a person, visibly, and what he decided stays."""

    async def test_a_new_contact_is_unverified_and_a_task(self, store: Store) -> None:
        """Nothing may be sent to it."""
        hoster = await store.hosters.keep(told(ABUSE), None, NOW_MS)
        assert (hoster.standing, hoster.usable) == ("unverified", ())
        assert hoster.contacts[0].due_ms == NOW_MS + WEEK_MS
        assert await tasks(store) == [(UNVERIFIED, KEY)]

    async def test_no_contact_is_a_task_too(self, store: Store) -> None:
        """Unknown is a state that somebody must mend."""
        hoster = await store.hosters.keep(told(), None, NOW_MS)
        assert hoster.standing == "unknown_contact"
        assert await tasks(store) == [(UNKNOWN, KEY)]

    async def test_a_verified_contact_may_be_used_and_closes_the_task(self, store: Store) -> None:
        """Who decided it, and when, stands with it."""
        await store.hosters.keep(told(ABUSE), None, NOW_MS)
        hoster = await store.hosters.decide(KEY, ABUSE, "verified", "analyst-7", NOW_MS + 5)
        assert hoster is not None
        assert [one.address for one in hoster.usable] == [ABUSE]
        (contact,) = hoster.contacts
        assert (contact.decided_by, contact.decided_ms) == ("analyst-7", NOW_MS + 5)
        assert await tasks(store) == []
        assert await store.hosters.keep(told(ABUSE), None, NOW_MS + 9) == hoster

    async def test_a_refused_contact_leaves_the_hoster_without_one(self, store: Store) -> None:
        """It comes back with each answer of the register, and stays refused."""
        await store.hosters.keep(told(ABUSE), None, NOW_MS)
        await store.hosters.decide(KEY, ABUSE, "refused", "analyst-7", NOW_MS)
        hoster = await store.hosters.keep(told(ABUSE), None, NOW_MS + 9)
        assert (hoster.standing, hoster.usable) == ("unknown_contact", ())
        assert await tasks(store) == [(UNKNOWN, KEY)]

    async def test_nobody_decides_on_what_is_not_there(self, store: Store) -> None:
        """Neither on another hoster nor on another contact."""
        await store.hosters.keep(told(ABUSE), None, NOW_MS)
        other = "other@fast.example"
        assert await store.hosters.decide("X", ABUSE, "verified", "a", NOW_MS) is None
        assert await store.hosters.decide(KEY, other, "verified", "a", NOW_MS) is None
        assert await tasks(store) == [(UNVERIFIED, KEY)]

    async def test_hosters_outlive_the_process(self, place: Place) -> None:
        """Killed without a word; and all of them are listed by key."""
        store = place.open()
        await store.hosters.keep(told(ABUSE), None, NOW_MS)
        kept = await store.hosters.keep(Told("A", "Other", (), "operator", 1), None, NOW_MS)
        await store.close()
        again = place.open()
        found: list[Hoster] = await again.queries.hosters()
        assert [one.key for one in found] == ["A", KEY]
        assert await again.hosters.hoster("A") == kept
        assert await again.hosters.hoster("B") is None
        await again.close()


async def test_a_server_that_wants_a_pause_is_remembered(place: Place) -> None:
    """By the next process too."""
    store = place.open()
    await store.hosters.pause("https://rdap.example:443", NOW_MS)
    await store.hosters.pause("https://rdap.example:443", NOW_MS + 7)
    await store.close()
    again = place.open()
    assert await again.hosters.paused_until("https://rdap.example:443") == NOW_MS + 7
    assert await again.hosters.paused_until("https://other.example:443") == 0
    await again.close()
