"""The doctor's judgements: each wrong fact gives one finding with a mend, right facts none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keys.member import Capabilities
from node.doctor import checks
from node.doctor.checks import ChannelFacts, RegistryFacts
from node.doctor.findings import Finding, Severity, in_order, worst
from node.jurisdiction.status import DataAge
from protocol.versions import spoken

NOW = 1_790_000_000_000
HOUR = checks.HOUR_MS
FRESH = RegistryFacts(
    verified_ms=NOW - 60_000,
    issued_ms=NOW - 120_000,
    expires_ms=NOW + 200 * HOUR,
    status="active",
    sealing_not_after_ms=NOW + 5000 * HOUR,
    keys_match=True,
)
QUIET = ChannelFacts("nl-eokm", "reports", 0, None, None, None)


def codes(findings: list[Finding]) -> list[str]:
    """Give the codes of findings."""
    return [finding.code for finding in findings]


class TestClock:
    """Nobody accepts signatures from a wrong clock."""

    def test_agreement_is_fine(self) -> None:
        """A second of difference is nothing."""
        finding = checks.check_clock({"nl-eokm": 900, "de-eco": -200}, NOW - 5, NOW)
        assert finding.severity is Severity.OK

    @pytest.mark.parametrize(
        ("offset", "code", "word"),
        [
            (20_000, "clock_drifts", "behind"),
            (-20_000, "clock_drifts", "ahead"),
            (90_000, "clock_wrong", "behind"),
            (-90_000, "clock_wrong", "ahead"),
        ],
    )
    def test_difference_is_named_with_its_direction(
        self, offset: int, code: str, word: str
    ) -> None:
        """Others ahead of us means that we are behind."""
        finding = checks.check_clock({"nl-eokm": offset}, None, NOW)
        assert finding.code == code
        assert word in finding.what
        assert "timedatectl" in finding.mend

    def test_one_wrong_peer_does_not_accuse_us(self) -> None:
        """The middle of all answers counts."""
        offsets = {"a": 0, "b": 3_600_000, "c": 100}
        assert checks.check_clock(offsets, None, NOW).severity is Severity.OK

    def test_records_from_the_future_mean_the_clock_was_set_back(self) -> None:
        """Our own history is a clock that only goes forward."""
        assert checks.check_clock({}, NOW + 2 * HOUR, NOW).code == "clock_back"

    def test_nobody_to_ask_is_a_note(self) -> None:
        """No answer is no accusation."""
        assert checks.check_clock({}, None, NOW).severity is Severity.NOTE


class TestRegistry:
    """What this node believes of the network, and the network of it."""

    def test_fresh_and_active_is_fine(self) -> None:
        """One line that all is well."""
        assert worst(checks.check_registry(FRESH, NOW)) is Severity.OK

    def test_never_joined(self) -> None:
        """The mend is the command to join."""
        (finding,) = checks.check_registry(None, NOW)
        assert finding.code == "registry_none"
        assert "hotline join" in finding.mend

    @pytest.mark.parametrize(
        ("facts", "code", "severity"),
        [
            (replace(FRESH, status="unknown"), "not_admitted", Severity.CRITICAL),
            (replace(FRESH, status="suspended"), "not_active", Severity.CRITICAL),
            (replace(FRESH, keys_match=False), "keys_differ", Severity.CRITICAL),
            (replace(FRESH, endpoint_matches=False), "endpoint_differs", Severity.WARNING),
            (replace(FRESH, verified_ms=NOW - 7 * HOUR), "registry_old", Severity.WARNING),
            (replace(FRESH, issued_ms=NOW - 7 * HOUR), "registry_old", Severity.WARNING),
            (replace(FRESH, verified_ms=NOW - 73 * HOUR), "registry_stale", Severity.CRITICAL),
            (replace(FRESH, expires_ms=NOW - 1), "registry_expired", Severity.WARNING),
            (replace(FRESH, sealing_not_after_ms=NOW + HOUR), "sealing_expires", Severity.WARNING),
            (replace(FRESH, sealing_not_after_ms=NOW), "sealing_expired", Severity.CRITICAL),
            (replace(FRESH, sealing_not_after_ms=None), "sealing_missing", Severity.CRITICAL),
        ],
    )
    def test_each_wrong_fact_is_one_finding(
        self, facts: RegistryFacts, code: str, severity: Severity
    ) -> None:
        """Severity and code are what scripts branch on."""
        (finding,) = checks.check_registry(facts, NOW)
        assert (finding.code, finding.severity) == (code, severity)
        assert finding.mend

    @pytest.mark.parametrize(
        ("age_ms", "expected"),
        [
            (6 * HOUR - 1, "registry_fine"),
            (6 * HOUR, "registry_old"),
            (72 * HOUR - 1, "registry_old"),
            (72 * HOUR, "registry_stale"),
        ],
    )
    def test_alarm_after_six_hours_and_distrust_after_seventy_two(
        self, age_ms: int, expected: str
    ) -> None:
        """On the millisecond; traffic between known members goes on in each case."""
        aged = replace(FRESH, verified_ms=NOW, issued_ms=NOW - age_ms)
        fine = codes(checks.check_registry(replace(FRESH, verified_ms=NOW, issued_ms=NOW), NOW))
        found = codes(checks.check_registry(aged, NOW))
        assert found == (fine if expected == "registry_fine" else [expected])

    def test_news_of_a_member_that_are_held_back_are_shown(self) -> None:
        """For all of the seven days, with the time that is left."""
        alarm = ("nl-eokm", "member_key_replaced", NOW + 48 * HOUR)
        (finding,) = checks.check_registry(replace(FRESH, alarms=(alarm,)), NOW)
        assert (finding.code, finding.severity) == ("registry_alarm", Severity.WARNING)
        assert "nl-eokm: member_key_replaced" in finding.what
        assert "2 days" in finding.what

    def test_a_fresh_copy_of_an_old_timestamp_is_old(self) -> None:
        """A mirror that freezes the registry does not look fresh."""
        frozen = replace(FRESH, verified_ms=NOW, issued_ms=NOW - 100 * HOUR)
        assert codes(checks.check_registry(frozen, NOW)) == ["registry_stale"]


class TestOutbox:
    """What waits is shown with its age."""

    def test_young_backlog_is_fine(self) -> None:
        """Entries wait all the time for a moment."""
        young = replace(QUIET, waiting=4, oldest_ms=NOW - 1000)
        assert worst(checks.check_outbox([young], NOW)) is Severity.OK

    @pytest.mark.parametrize(
        ("hours", "severity"), [(2, Severity.WARNING), (25, Severity.CRITICAL)]
    )
    def test_old_backlog_names_the_peer(self, hours: int, severity: Severity) -> None:
        """Somebody has to call somebody."""
        old = replace(QUIET, waiting=4, oldest_ms=NOW - hours * HOUR, problem="timeout")
        (finding,) = checks.check_outbox([old], NOW)
        assert finding.severity is severity
        assert "nl-eokm/reports" in finding.what
        assert "timeout" in finding.what

    def test_what_was_sent_and_never_receipted_names_the_peer_that_lacks_something(self) -> None:
        """Nothing waits, and yet nobody has it: the peer may receipt with a key of before."""
        unheard = replace(QUIET, unreceipted=3, attempts=8, problem="registry_behind")
        (finding,) = checks.check_outbox([unheard], NOW)
        assert (finding.severity, finding.code) == (Severity.WARNING, "outbox_unreceipted")
        assert "nl-eokm/reports" in finding.what
        assert "registry_behind" in finding.what
        soon = replace(unheard, attempts=7)
        assert worst(checks.check_outbox([soon], NOW)) is Severity.OK

    @pytest.mark.parametrize("problem", ["peer_unreachable", "member_suspended"])
    def test_a_peer_that_is_down_or_suspended_lacks_no_key(self, problem: str) -> None:
        """Its node restarts, or nobody may send to it: nothing was heard that could not count."""
        down = replace(QUIET, unreceipted=3, attempts=8, problem=problem)
        assert worst(checks.check_outbox([down], NOW)) is Severity.OK

    def test_stopped_channel_is_critical_even_when_empty(self) -> None:
        """A fork or a stolen key waits for a person."""
        stopped = replace(QUIET, stopped="unknown_history")
        assert codes(checks.check_outbox([stopped], NOW)) == ["channel_stopped"]


class TestTheRest:
    """Tasks, disk, data, peers."""

    def test_tasks_are_grouped_by_code(self) -> None:
        """Ten of one kind are one line, with the first subjects and the number."""
        tasks = [("fork", f"xx-{n}", NOW - HOUR * 3) for n in range(7)]
        (finding,) = checks.check_tasks(tasks, NOW)
        assert "7 open since up to 3 hours" in finding.what
        assert "xx-0" in finding.what
        assert "and 2 more" in finding.what

    def test_no_tasks_is_fine(self) -> None:
        """An empty list is good news."""
        assert worst(checks.check_tasks([], NOW)) is Severity.OK

    @pytest.mark.parametrize(
        ("free", "code"), [(1 << 40, "ok"), (1 << 30, "disk_low"), (1 << 20, "disk_full")]
    )
    def test_free_space(self, free: int, code: str) -> None:
        """Before the disk is full there is a warning."""
        assert checks.check_disk(free, "the database").code == code

    def test_below_the_floor_it_says_that_nothing_of_others_is_taken(self) -> None:
        """Whoever sends hears `busy`, and nothing else here would tell a person why."""
        free, floor = 400 << 20, 512 << 20
        assert checks.check_disk(free, "the database").severity is Severity.WARNING
        found = checks.check_disk(free, "the database", floor)
        assert (found.severity, found.code) == (Severity.CRITICAL, "disk_full")
        assert "[peer] disk_floor_mib: nothing of other members is taken" in found.what
        assert "taken" not in checks.check_disk(floor, "the database", floor).what

    def test_data_ages(self) -> None:
        """Old data is used all the same, and shown."""
        fresh = DataAge("one", "00", NOW, 3, "fresh")
        old = DataAge("two", "00", NOW, 99, "old")
        odd = DataAge("three", "00", NOW, -9, "from_future")
        found = checks.check_data([fresh, old, odd], [], documentation_ranges=False)
        assert codes(found) == ["data_old", "data_future"]
        assert codes(checks.check_data([fresh], [], documentation_ranges=False)) == ["ok"]

    def test_a_damaged_database_is_named(self) -> None:
        """It is silent where it cannot be read, and nobody would notice."""
        fresh = DataAge("one", "00", NOW, 3, "fresh")
        (found,) = checks.check_data([fresh], ["one"], documentation_ranges=False)
        assert (found.severity, found.code) == (Severity.CRITICAL, "data_damaged")
        assert "one" in found.what

    def test_a_voters_file_under_two_names_and_idle_entries_are_named(self) -> None:
        """Both look like more than they are."""
        fresh = DataAge("one", "00", NOW, 3, "fresh")
        found = checks.check_data(
            [fresh], [], documentation_ranges=False, copies=[("two", "one")], idle=[("veils", 3)]
        )
        assert codes(found) == ["data_twice", "data_no_networks"]
        assert "two is the same file as one" in found[0].what
        assert "veils: 3 asn entries" in found[1].what

    def test_no_data_is_critical_and_trial_ranges_are_noted(self) -> None:
        """A trial setting left over in production is seen."""
        found = checks.check_data([], [], documentation_ranges=True)
        assert codes(found) == ["documentation_ranges", "data_none"]

    def test_unreachable_peers_are_named_with_a_code(self) -> None:
        """Who, and why."""
        (finding,) = checks.check_peers({"nl-eokm": "tls_pin"}, 3)
        assert "nl-eokm" in finding.what
        assert "tls_pin" in finding.what
        assert worst(checks.check_peers({}, 3)) is Severity.OK


class TestPulling:
    """Who cannot be called comes by itself; two such members have no way to each other."""

    def test_two_members_that_cannot_be_called_are_critical(self) -> None:
        """The registry refuses it; a node that sees it says so."""
        (finding,) = checks.check_pulling("gb-iwf", ["gb-iwf", "nl-eokm"])
        assert (finding.code, finding.severity) == ("both_unreachable", Severity.CRITICAL)
        assert "nl-eokm" in finding.what

    def test_one_that_pulls_is_named_and_fine(self) -> None:
        """At its own node and at those that it pulls from."""
        for us in ("gb-iwf", "nl-eokm"):
            (finding,) = checks.check_pulling(us, ["nl-eokm"])
            assert finding.severity is Severity.OK
            assert "pulls" in finding.what

    def test_nobody_pulls_nothing_is_said(self) -> None:
        """The usual network."""
        assert checks.check_pulling("gb-iwf", []) == []


class TestRecovery:
    """G9: a member comes back, here or elsewhere."""

    def test_member_that_says_that_it_lost_its_node_is_named(self) -> None:
        """Before it asks: a person hears of it and can telephone."""
        (finding,) = checks.check_recovering("gb-iwf", ["nl-eokm", "gb-iwf"], here=False)
        assert (finding.code, finding.severity) == ("member_recovers", Severity.NOTE)
        assert "nl-eokm" in finding.what
        assert "telephone" in finding.mend

    def test_own_recovery_is_not_forgotten(self) -> None:
        """It takes nothing in meanwhile."""
        (finding,) = checks.check_recovering("gb-iwf", ["gb-iwf"], here=True)
        assert (finding.code, finding.severity) == ("recovering", Severity.WARNING)

    def test_nobody_recovers_nothing_is_said(self) -> None:
        """The usual day."""
        assert checks.check_recovering("gb-iwf", [], here=False) == []


def test_findings_are_shown_worst_first() -> None:
    """The reader may stop early."""
    ok = Finding(Severity.OK, "a", "ok", "")
    bad = Finding(Severity.CRITICAL, "b", "x", "", "")
    assert in_order([ok, bad]) == [bad, ok]


class TestVersions:
    """G10: what is not read here, and what others think that is read here."""

    def test_entries_of_an_unknown_form_are_named(self) -> None:
        """They wait for an upgrade."""
        assert checks.check_unknown(0).severity is Severity.OK
        finding = checks.check_unknown(3)
        assert (finding.code, finding.severity) == ("entries_unknown", Severity.WARNING)

    def test_a_document_from_before_the_upgrade_is_named(self) -> None:
        """Until it is published anew, peers write in the older form."""
        assert checks.check_spoken(spoken()).severity is Severity.OK
        finding = checks.check_spoken(Capabilities((1,), (16, 17)))
        assert (finding.code, finding.mend[:15]) == ("capabilities_differ", "hotline publish")


class TestParked:
    """What speaks of an unknown item is kept, and named when it waits too long."""

    @pytest.mark.parametrize("found", [(0, None), (3, NOW - 23 * HOUR)])
    def test_lanes_that_overtake_each_other_are_fine(self, found: tuple[int, int | None]) -> None:
        """Minutes or hours mean nothing."""
        assert checks.check_parked(*found, NOW).severity is Severity.OK

    def test_entry_whose_item_never_came_is_named_with_its_age(self) -> None:
        """Its sender must be asked."""
        finding = checks.check_parked(2, NOW - 30 * HOUR, NOW)
        assert (finding.code, finding.severity) == ("parked_old", Severity.WARNING)
        assert "30 hours" in finding.what


@pytest.mark.parametrize(
    ("roles", "words"), [(("root",), "signs root of"), (("root", "targets"), "root and targets of")]
)
def test_a_network_that_one_person_signs_is_named(roles: tuple[str, ...], words: str) -> None:
    """Every member sees that one stolen key would be the network."""
    [finding] = checks.check_registry(replace(FRESH, signed_by_one=roles), NOW)
    assert (finding.code, finding.severity) == ("network_of_one", Severity.WARNING)
    assert words in finding.what
