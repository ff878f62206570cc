"""Questions to proxies: one for each host, asked less and less often, answered for a time."""

from __future__ import annotations

from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.origins import (
    FIRST_PAUSE_MS,
    FORGET_MS,
    FULL_PAUSE_MS,
    GIVE_UP_MS,
    GIVE_UP_TRIES,
    LAST_PAUSE_MS,
    LOOK_AFTER_MS,
    PRUNE_EVERY_MS,
    SELDOM_MS,
    Origins,
    Question,
    answered,
    failed,
)

NOW = 1_800_000_000_000
DAY_MS = 86_400_000
POLICY = AddressPolicy(allow_documentation_ranges=True)
HOST = "shop.site7.example"


def asked(origins: Origins, now_ms: int = NOW) -> Question:
    """Need the host, and return its question."""
    origins.need(HOST, ["veil"], now_ms)
    (question,) = origins.due(now_ms, 9)
    return question


class TestNeed:
    """Whoever needs an origin has it asked for."""

    def test_a_proxy_that_may_be_asked_is_asked_before_others(self) -> None:
        """The first of those that stand before the host."""
        origins = Origins(["veil"])
        assert origins.need(HOST, [], NOW) is None
        assert origins.due(NOW, 9) == []
        assert origins.need(HOST, ["other", "veil"], NOW) == NOW + LOOK_AFTER_MS
        assert [one.provider for one in origins.due(NOW, 9)] == ["veil"]

    def test_a_host_has_one_question_whose_age_runs_on(self) -> None:
        """However many items need it, whenever."""
        origins = Origins(["veil"])
        first = asked(origins)
        origins.keep(failed(first, "no_origin", NOW))
        due = origins.need(HOST, ["veil"], NOW + 5)
        assert due == NOW + FIRST_PAUSE_MS + LOOK_AFTER_MS
        assert origins.due(NOW + 5, 9) == []
        (again,) = origins.due(NOW + FIRST_PAUSE_MS, 9)
        assert (again.asked_ms, again.attempts) == (NOW, 1)

    def test_its_age_runs_on_where_proxies_hide_it_in_turn(self) -> None:
        """Of many sites two deliver by turns: nobody would ever be told that it is overdue."""
        origins = Origins(["veil"])
        for number, proxy in enumerate(("veil", "mask", "veil", "mask")):
            origins.need(HOST, [proxy], NOW + number * DAY_MS)
        question = origins.question(HOST)
        assert question is not None
        assert (question.provider, question.asked_ms, question.by_hand) == ("mask", NOW, True)
        assert origins.is_overdue(question, NOW + 3 * DAY_MS)

    def test_an_answer_that_is_over_is_asked_for_again(self) -> None:
        """When somebody needs it, not before."""
        origins = Origins(["veil"])
        origins.keep(answered(asked(origins), ["192.0.2.7"], POLICY, NOW, DAY_MS))
        after = NOW + DAY_MS
        assert origins.answer(HOST, after - 1) is not None
        assert origins.answer(HOST, after) is None
        assert origins.due(after, 9) == []
        origins.need(HOST, ["veil"], after)
        (again,) = origins.due(after, 9)
        assert (again.asked_ms, again.addresses) == (after, ())

    def test_an_answer_of_the_future_does_not_hold(self) -> None:
        """The clock was put back since."""
        question = answered(Question(HOST, "veil", NOW, NOW), ["192.0.2.7"], POLICY, NOW, DAY_MS)
        assert Origins(["veil"], [question]).answer(HOST, NOW - 1) is None

    def test_what_a_wrong_clock_put_off_is_due(self) -> None:
        """No question waits longer than the longest pause."""
        far = Question(HOST, "veil", NOW, NOW + 3 * LAST_PAUSE_MS)
        assert Origins(["veil"], [far]).due(NOW, 9) == [far]


class TestByHand:
    """A proxy without an interface is asked by people; its questions have an age, too."""

    def needed(self, now_ms: int = NOW, providers: tuple[str, ...] = ()) -> Origins:
        """Return the questions after a host behind `mask` was needed."""
        origins = Origins(providers, deadline_ms=DAY_MS)
        origins.need(HOST, ["mask"], now_ms)
        return origins

    def test_it_is_kept_and_never_asked_by_the_node(self) -> None:
        """It would have no way to."""
        origins = self.needed(providers=("veil",))
        question = origins.question(HOST)
        assert question is not None
        assert (question.provider, question.asked_ms, question.by_hand) == ("mask", NOW, True)
        assert origins.take_fresh() == [question]
        assert origins.due(NOW + 9 * DAY_MS, 9) == []

    def test_people_and_the_node_have_counts_of_their_own(self) -> None:
        """A proxy that nobody need ask any more has none: its task is closed."""
        origins = self.needed(providers=("veil",))
        assert (origins.waiting(), origins.by_hand()) == ({"veil": 0}, {"mask": 1})
        question = origins.question(HOST)
        assert question is not None
        origins.keep(answered(question, ["192.0.2.7"], POLICY, NOW, DAY_MS))
        assert origins.by_hand() == {"mask": 0}

    def test_its_items_are_located_seldom_and_at_the_deadline(self) -> None:
        """An answer has them located at once anyway."""
        origins = self.needed()
        assert origins.need(HOST, ["mask"], NOW) == NOW + SELDOM_MS
        late = NOW + DAY_MS - 1000
        assert origins.need(HOST, ["mask"], late) == NOW + DAY_MS
        assert origins.need(HOST, ["mask"], NOW + DAY_MS) == NOW + DAY_MS + SELDOM_MS

    def test_past_the_deadline_it_is_overdue_until_it_is_answered(self) -> None:
        """However it is asked."""
        question = self.needed().question(HOST)
        assert question is not None
        for providers in ((), ("mask",)):
            origins = Origins(providers, [question], deadline_ms=DAY_MS)
            assert not origins.is_overdue(question, NOW + DAY_MS - 1)
            assert origins.is_overdue(question, NOW + DAY_MS)
            told = answered(question, ["192.0.2.7"], POLICY, NOW, DAY_MS)
            assert not origins.is_overdue(told, NOW + DAY_MS)

    def test_after_a_month_it_is_given_up(self) -> None:
        """It makes room, and a person has it."""
        origins = self.needed()
        assert origins.need(HOST, ["mask"], NOW + GIVE_UP_MS - 1) is not None
        assert origins.need(HOST, ["mask"], NOW + GIVE_UP_MS) is None
        question = origins.question(HOST)
        assert question is not None
        assert (question.waits, question.given_up_ms) == (False, NOW + GIVE_UP_MS)
        assert origins.is_overdue(question, NOW + GIVE_UP_MS)

    def test_answer_that_comes_after_all_counts(self) -> None:
        """Given up is not forgotten."""
        left = failed(Question(HOST, "mask", NOW - GIVE_UP_MS, NOW, GIVE_UP_TRIES), "x", NOW)
        assert left.given_up_ms is not None
        told = answered(left, ["192.0.2.7"], POLICY, NOW, DAY_MS)
        assert (told.given_up_ms, told.holds(NOW)) == (None, True)

    def test_interface_that_is_configured_later_is_asked_with_the_age_that_it_has(self) -> None:
        """And people ask again where it is taken out."""
        question = self.needed().question(HOST)
        assert question is not None
        origins = Origins(["mask"], [question])
        assert origins.need(HOST, ["mask"], NOW + 5) == NOW + 5 + LOOK_AFTER_MS
        (due,) = origins.due(NOW + 5, 9)
        assert (due.by_hand, due.asked_ms) == (False, NOW)
        back = Origins([], [due])
        back.need(HOST, ["mask"], NOW + 6)
        assert back.due(NOW + 6, 9) == []

    def test_answer_that_leads_to_a_proxy_again_is_looked_at_seldom(self) -> None:
        """Once shortly after it came, in case a look missed it."""
        told = answered(Question(HOST, "veil", NOW, NOW), ["192.0.2.7"], POLICY, NOW, 9 * DAY_MS)
        origins = Origins(["veil"], [told])
        assert origins.need(HOST, ["veil"], NOW + 5) == NOW + 5 + LOOK_AFTER_MS
        later = NOW + 2 * LOOK_AFTER_MS
        assert origins.need(HOST, ["veil"], later) == later + SELDOM_MS


class TestAnswers:
    """What a proxy may say."""

    def test_addresses_are_taken_as_traffic_reaches_them(self) -> None:
        """Each once, sorted; what is none is passed over."""
        told = ["::ffff:192.0.2.7", "192.0.2.7", "2001:db8::1", "shop", ""]
        found = answered(Question(HOST, "veil", NOW, NOW), told, POLICY, NOW, DAY_MS)
        assert found.addresses == ("192.0.2.7", "2001:db8::1")
        assert (found.waits, found.answered_ms, found.expires_ms) == (False, NOW, NOW + DAY_MS)

    def test_a_zone_is_no_part_of_an_address(self) -> None:
        """It says on which interface of the proxy; one address is not told twice."""
        told = ["2001:db8::1%eth0", "2001:db8::1", "2001:db8::1%1", "fe80::1%eth0"]
        found = answered(Question(HOST, "veil", NOW, NOW), told, POLICY, NOW, DAY_MS)
        assert found.addresses == ("2001:db8::1",)

    def test_an_answer_without_a_public_address_is_none(self) -> None:
        """A proxy cannot make us look into our own network."""
        told = ["10.0.0.1", "127.0.0.1", "64:ff9b::a00:1"]
        found = answered(Question(HOST, "veil", NOW, NOW), told, POLICY, NOW, DAY_MS)
        assert (found.waits, found.problem, found.attempts) == (True, "no_origin", 1)

    def test_pauses_double_up_to_half_a_day(self) -> None:
        """Or longer, if the proxy says so."""
        question = Question(HOST, "veil", NOW, NOW)
        pauses = []
        for _ in range(13):
            question = failed(question, "no_origin", NOW)
            pauses.append(question.next_ms - NOW)
        assert pauses[:3] == [FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]
        assert pauses[-1] == LAST_PAUSE_MS
        assert failed(question, "put_off", NOW, NOW + DAY_MS).next_ms == NOW + DAY_MS


def test_what_changed_is_kept_once_and_what_waits_is_counted() -> None:
    """By provider, those with nothing too: their task is closed."""
    origins = Origins(["veil", "mask"])
    question = asked(origins)
    assert origins.take_fresh() == [question]
    assert origins.take_fresh() == []
    assert origins.waiting() == {"veil": 1, "mask": 0}
    origins.keep(answered(question, ["192.0.2.7"], POLICY, NOW, DAY_MS))
    assert origins.waiting() == {"veil": 0, "mask": 0}
    assert HOST not in repr(question)


class TestFull:
    """The number of hosts is bounded, and what is long over makes room."""

    def full(self) -> Origins:
        """Return one that has room for one host, which was answered for a day."""
        origins = Origins(["veil"], capacity=1)
        origins.keep(answered(asked(origins), ["192.0.2.7"], POLICY, NOW, DAY_MS))
        return origins

    def test_a_host_that_is_there_is_asked_for_again(self) -> None:
        """It needs no room that it does not have already."""
        origins = self.full()
        after = NOW + DAY_MS
        assert origins.need(HOST, ["veil"], after) == after + LOOK_AFTER_MS
        assert [one.host for one in origins.due(after, 9)] == [HOST]

    def test_a_new_host_waits_until_an_old_one_may_be_forgotten(self) -> None:
        """Its items look again; otherwise nothing would be asked any more until a restart."""
        origins = self.full()
        origins.take_fresh()
        forgotten = NOW + DAY_MS + FORGET_MS
        wait = forgotten + FULL_PAUSE_MS
        assert origins.need("new.site7.example", ["veil"], forgotten) == wait
        assert origins.due(forgotten, 9) == []
        later = forgotten + PRUNE_EVERY_MS
        assert origins.need("new.site7.example", ["veil"], later) == later + LOOK_AFTER_MS
        assert [one.host for one in origins.take_fresh()] == ["new.site7.example"]

    def test_a_question_that_waits_is_not_forgotten(self) -> None:
        """However old it is: its items stand with us until it is answered."""
        origins = Origins(["veil"], capacity=1)
        asked(origins)
        later = NOW + 2 * FORGET_MS
        assert origins.need("new.site7.example", ["veil"], later) == later + FULL_PAUSE_MS
        assert [one.host for one in origins.due(later, 9)] == [HOST]

    def test_a_question_that_was_given_up_makes_room_once_it_is_kept(self) -> None:
        """A table full of hosts about which no proxy ever says a word does not stay full."""
        origins = Origins(["veil"], capacity=1)
        origins.keep(left(asked(origins)))
        later = NOW + 2 * GIVE_UP_MS
        assert origins.need("new.site7.example", ["veil"], later) == later + FULL_PAUSE_MS
        assert [one.host for one in origins.take_fresh()] == [HOST]
        later += PRUNE_EVERY_MS
        assert origins.need("new.site7.example", ["veil"], later) == later + LOOK_AFTER_MS
        assert [one.host for one in origins.due(later, 9)] == ["new.site7.example"]


def left(question: Question) -> Question:
    """Return a question after it was asked in vain for all of its time."""
    while question.waits:
        question = failed(question, "no_origin", max(question.next_ms, NOW))
    return question


class TestGivenUp:
    """What no proxy answers becomes a person's."""

    def test_it_is_given_up_after_its_time_and_waits_no_more(self) -> None:
        """It is not asked, and its items are not located again and again for it."""
        origins = Origins(["veil"])
        over = left(asked(origins))
        assert over.given_up_ms is not None
        assert GIVE_UP_MS <= over.given_up_ms - NOW < GIVE_UP_MS + LAST_PAUSE_MS
        origins.keep(over)
        assert origins.due(over.given_up_ms + DAY_MS, 9) == []
        assert origins.need(HOST, ["veil"], over.given_up_ms + 1) is None
        assert origins.waiting() == {"veil": 0}
        assert origins.answer(HOST, over.given_up_ms) is None
        assert HOST not in repr(over)

    def test_a_node_that_was_away_asks_before_it_gives_up(self) -> None:
        """Its age alone says nothing of what was tried."""
        question = asked(Origins(["veil"]))
        assert failed(question, "no_origin", NOW + 2 * GIVE_UP_MS).waits

    def test_an_item_that_comes_long_after_asks_anew(self) -> None:
        """So does one whose host another proxy hides now."""
        origins = Origins(["veil", "mask"])
        over = left(asked(origins))
        assert over.given_up_ms is not None
        origins.keep(over)
        other = over.given_up_ms + 1
        assert origins.need(HOST, ["mask"], other) == other + LOOK_AFTER_MS
        origins.keep(over)
        later = over.given_up_ms + FORGET_MS
        assert origins.need(HOST, ["veil"], later) == later + LOOK_AFTER_MS


def test_what_could_not_be_kept_is_given_back() -> None:
    """It counts as changed again, as it stands by then."""
    origins = Origins(["veil"])
    asked(origins)
    (taken,) = origins.take_fresh()
    origins.give_back([taken])
    assert origins.take_fresh() == [taken]
