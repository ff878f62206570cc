"""What a proxy hides: whom it is asked of, and that the proxy is notified once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node.casework.casebook import Casebook
from node.casework.errors import (
    AlreadyNotifiedError,
    DraftRejectedError,
    ItemClosedError,
    NotHiddenError,
    NotResponsibleError,
    UnknownItemError,
)
from node.casework.item import ItemState, Review
from node.casework.passing_on.routing import Forwarding, route
from node.casework.places.hidden import (
    BESIDE,
    asked,
    host_asked,
    is_overdue,
    notice_is_due,
    proxy_of,
    record_proxy_notice,
    watch_hidden,
)
from node.casework.places.placing import stands_at
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    ProxyNoticeDraft,
    RetractionDraft,
)
from node.casework.working import (
    record_action,
    record_assessment,
    record_retraction,
    withdraw_verdict,
)
from protocol.facts import Evidence, Jurisdiction
from protocol.fields import MAX_EVIDENCE
from protocol.vocabulary import Action, Confidence, HostingState, Verdict
from tests.builders.cases import (
    POSTBOX,
    US,
    book,
    closed,
    country,
    handed_on,
    happened,
    ids,
    item,
    network,
    said,
    verdict,
)
from tests.builders.network import NOW_MS

HOST = "shop.site7.example"


def hidden(*, overdue: bool = False, proxy: str = "veil") -> Jurisdiction:
    """Return a place behind a proxy, and that it is asked."""
    line = Evidence("203.0.113.5 in 203.0.113.0/24", "proxies", "2026-11-01", proxy)
    found = Jurisdiction(HostingState.HIDDEN, None, Confidence.HIGH, (line,))
    return asked(found, HOST, proxy, NOW_MS, overdue=overdue)


def behind(**changes: Any) -> ItemState:
    """Return an item behind a proxy, which we hold illegal."""
    ours = verdict(member=US)
    return msgspec.structs.replace(item(jurisdiction=hidden(), assessments=(ours,)), **changes)


def notified(made: Casebook) -> ItemState:
    """Record a notice to the proxy; return the item."""
    return record_proxy_notice(made, item().id, ProxyNoticeDraft(), ids())


def served_beside(state: HostingState = HostingState.COUNTRY) -> Jurisdiction:
    """Return a place of which one address is a proxy's, and others are not."""
    line = Evidence("203.0.113.5", BESIDE, "1", "veil")
    found = country() if state is HostingState.COUNTRY else hidden()
    return msgspec.structs.replace(found, state=state, evidence=(line,))


class TestBesideOthers:
    """One address of a host is a proxy's: the host is known, the proxy is notified all the same."""

    @pytest.mark.parametrize("state", [HostingState.COUNTRY, HostingState.DISPUTED])
    def test_the_proxy_is_notified_too(self, state: HostingState) -> None:
        """In parallel, once."""
        made = book(behind(jurisdiction=served_beside(state)))
        watch_hidden(made, item().id)
        assert made.loaded.items[item().id].reviews == (Review.PROXY_TO_NOTIFY,)
        told = notified(made)
        assert [one.proxy for one in told.proxy_notices] == ["veil"]
        assert told.reviews == ()

    def test_nobody_is_asked_for_the_origin(self) -> None:
        """The other addresses say where it stands; what waited for an answer is settled."""
        waits = behind(jurisdiction=served_beside(), reviews=(Review.ORIGIN_UNKNOWN,))
        made = book(msgspec.structs.replace(waits, assessments=()))
        watch_hidden(made, item().id)
        assert made.loaded.items[item().id].reviews == ()
        assert host_asked(served_beside()) is None

    def test_the_hoster_is_looked_for_at_the_other_addresses(self) -> None:
        """The proxy's network is not the site's."""
        ballot = Evidence("192.0.2.1 in 192.0.2.0/24", "one", "2026-11-01", "NL")
        proxy = Evidence("203.0.113.5 in 203.0.113.0/24", "proxies", "2026-11-01", "veil")
        found = served_beside()
        found = msgspec.structs.replace(found, evidence=(*found.evidence, proxy, ballot))
        assert stands_at(found) == ("192.0.2.1",)


class TestTheQuestion:
    """What the evidence of a hidden place says."""

    def test_it_names_host_proxy_and_since_when(self) -> None:
        """In one line, before all others."""
        line = hidden().evidence[0]
        assert line.input.startswith(f"{HOST} since 20")
        assert line.answer == "veil"
        assert host_asked(hidden()) == HOST

    def test_it_fits_into_what_a_message_may_carry(self) -> None:
        """However much evidence there is."""
        many = tuple(Evidence(f"192.0.2.{n}", "x", "1", None) for n in range(MAX_EVIDENCE))
        found = Jurisdiction(HostingState.HIDDEN, None, Confidence.HIGH, many)
        made = asked(found, "h" * 250, "p" * 200, NOW_MS, overdue=True)
        assert len(made.evidence) == MAX_EVIDENCE
        assert is_overdue(made)

    @pytest.mark.parametrize("found", [None, country()])
    def test_place_that_is_not_hidden_has_none(self, found: Jurisdiction | None) -> None:
        """Whatever a member wrote into its evidence."""
        if found is not None:
            lied = hidden(overdue=True).evidence
            found = msgspec.structs.replace(found, evidence=lied)
        assert (is_overdue(found), host_asked(found)) == (False, None)
        assert proxy_of(item(jurisdiction=found)) is None

    def test_overdue_question_puts_the_item_before_a_person_once(self) -> None:
        """When that is new."""
        made = book(behind(assessments=()))
        state = route(
            made, item().id, hidden(overdue=True), NOW_MS + 5, Forwarding(network(), ids(), POSTBOX)
        )
        assert state.reviews == (Review.ORIGIN_UNKNOWN,)
        seen = book(msgspec.structs.replace(state, reviews=()))
        again = route(
            seen, item().id, hidden(overdue=True), NOW_MS + 5, Forwarding(network(), ids(), POSTBOX)
        )
        assert again.reviews == ()

    def test_origin_that_is_known_answers_it(self) -> None:
        """Here, or elsewhere: then the item goes."""
        both = (Review.ORIGIN_UNKNOWN, Review.PROXY_TO_NOTIFY)
        for where in ("NL", "FR"):
            made = book(behind(jurisdiction=hidden(overdue=True), reviews=both))
            found = country(where)
            assert (
                route(made, item().id, found, None, Forwarding(network(), ids(), POSTBOX)).reviews
                == ()
            )


class TestTheNotice:
    """The proxy is notified in parallel, once, by a person."""

    def test_it_is_due_when_we_hold_the_item_illegal(self) -> None:
        """And stands before a person at once."""
        made = book(behind(assessments=()))
        draft = AssessmentDraft(verdict=Verdict.BASELINE)
        state = record_assessment(made, item().id, draft, ids(), POSTBOX)
        assert state.reviews == (Review.PROXY_TO_NOTIFY,)

    def test_it_is_due_when_what_is_known_turns_out_to_be_hidden(self) -> None:
        """A verdict may come before the place."""
        made = book(behind(jurisdiction=None))
        state = route(made, item().id, hidden(), NOW_MS + 5, Forwarding(network(), ids(), POSTBOX))
        assert state.reviews == (Review.PROXY_TO_NOTIFY,)

    @pytest.mark.parametrize(
        ("state", "due"),
        [
            (behind(), True),
            (behind(assessments=()), False),
            (behind(assessments=(verdict(Verdict.NOT_ILLEGAL, US),)), False),
            (behind(assessments=(verdict(),)), True),
            (behind(assessments=(verdict(Verdict.NATIONAL),)), False),
            (behind(assessments=(verdict(), verdict(Verdict.NOT_ILLEGAL, US, 7))), False),
            (behind(jurisdiction=country()), False),
            (behind(sightings=()), False),
            (closed(behind()), False),
            (handed_on(behind()), False),
        ],
    )
    def test_when_it_is_due(self, state: ItemState, due: bool) -> None:  # noqa: FBT001 - a table
        """Ours to act on, open, hidden, and illegal by us, or everywhere."""
        assert notice_is_due(state, US) is due

    def test_recorded_it_is_due_no_more(self) -> None:
        """It has an id, and the proxy's name; nobody else hears of it."""
        made = book(behind(reviews=(Review.PROXY_TO_NOTIFY,)))
        state = notified(made)
        (notice,) = state.proxy_notices
        assert (notice.proxy, notice.at_ms, state.reviews) == ("veil", NOW_MS, ())
        assert said(made) == []

    def test_it_is_not_done_twice(self) -> None:
        """The second analyst hears that the first was quicker."""
        made = book(behind())
        notified(made)
        with pytest.raises(AlreadyNotifiedError):
            notified(made)

    def test_another_proxy_is_notified_as_well(self) -> None:
        """The site went behind another one."""
        made = book(behind())
        notified(made)
        state = route(
            made, item().id, hidden(proxy="mask"), NOW_MS + 5, Forwarding(network(), ids(), POSTBOX)
        )
        assert state.reviews == (Review.PROXY_TO_NOTIFY,)
        assert [one.proxy for one in notified(made).proxy_notices] == ["veil", "mask"]

    def test_other_work_does_not_answer_it(self) -> None:
        """Telling the police is not telling the proxy; taking it down is the end."""
        made = book(behind(reviews=(Review.PROXY_TO_NOTIFY, Review.ORIGIN_UNKNOWN)))

        def act(action: Action) -> ItemState:
            draft = ActionDraft(action=action)
            return record_action(made, item().id, draft, Forwarding(network(), ids(), POSTBOX))

        waits = (Review.PROXY_TO_NOTIFY, Review.ORIGIN_UNKNOWN)
        assert act(Action.LEA_NOTIFIED).reviews == waits
        assert "raised" not in happened(made)  # it stood there all the time
        assert act(Action.REMOVED).reviews == ()

    def test_verdict_that_is_withdrawn_has_the_notice_retracted(self) -> None:
        """As notices to hosters are."""
        made = book(behind())
        (notice,) = notified(made).proxy_notices
        (given,) = made.loaded.items[item().id].assessments
        state = withdraw_verdict(made, item().id, given.event_id, ids(), POSTBOX)
        assert state.to_retract == (notice.notice_id,)
        assert Review.NOTICE_TO_RETRACT in state.reviews
        after = record_retraction(made, item().id, RetractionDraft(action=notice.notice_id))
        assert (after.to_retract, after.retracted) == ((), (notice.notice_id,))

    def test_verdict_that_is_withdrawn_before_it_was_sent_ends_it(self) -> None:
        """There is nothing to notify of."""
        made = book(behind(reviews=(Review.PROXY_TO_NOTIFY,)))
        (given,) = made.loaded.items[item().id].assessments
        state = withdraw_verdict(made, item().id, given.event_id, ids(), POSTBOX)
        assert Review.PROXY_TO_NOTIFY not in state.reviews

    def test_after_a_retraction_it_can_be_due_again(self) -> None:
        """Somebody judges it illegal after all."""
        made = book(behind())
        (notice,) = notified(made).proxy_notices
        state = made.loaded.items[item().id]
        made.loaded.items[item().id] = msgspec.structs.replace(state, retracted=(notice.notice_id,))
        watch_hidden(made, item().id)
        assert made.loaded.items[item().id].reviews == (Review.PROXY_TO_NOTIFY,)

    @pytest.mark.parametrize(
        ("state", "error"),
        [
            (behind(jurisdiction=country()), NotHiddenError),
            (closed(behind()), ItemClosedError),
            (handed_on(behind()), NotResponsibleError),
        ],
    )
    def test_notice_that_cannot_be_is_refused(
        self, state: ItemState, error: type[Exception]
    ) -> None:
        """Clearly, and without an event."""
        made = book(state)
        with pytest.raises(error):
            notified(made)
        assert made.events == []

    def test_unknown_item_and_time_that_makes_no_sense_are_refused(self) -> None:
        """With the field."""
        with pytest.raises(UnknownItemError):
            notified(book())
        with pytest.raises(DraftRejectedError, match="at"):
            record_proxy_notice(book(behind()), item().id, ProxyNoticeDraft(at="soon"), ids())
