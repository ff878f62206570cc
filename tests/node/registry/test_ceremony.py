"""Proposals and signatures that travel: what a holder, and what the umbrella, must not take."""

from __future__ import annotations

import json
import resource
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from keys.documents import serialise
from keys.errors import UntrustedDocumentError
from keys.network import Limits, MemberEntry
from keys.signing import SigningKey
from keys.transfers import NOTHING, Transfers, TransferTerms
from keys.unlock import Unlock
from node.registry import admit, build, ceremony, repository, showing, staging
from node.registry.changes import expel
from node.registry.create import HolderPlan, NetworkPlan, create_network, load_online
from node.registry.directory import RepositoryDirectory, write_file
from node.registry.errors import (
    ConflictError,
    NotSignedError,
    RefusedError,
    RepositoryStateError,
)
from node.registry.signers import Holders
from tests.builders.network import NOW_MS


@dataclass
class Five:
    """A network of five holders of root and five of targets; three of each must sign."""

    directory: RepositoryDirectory
    root: list[SigningKey]
    targets: list[SigningKey]
    unlock: Unlock

    @property
    def pin(self) -> bytes:
        """The network's fingerprint."""
        return self.directory.open().first_root_sha256

    def proposed(self, *, renew: bool = True) -> bytes:
        """What travels, of a proposal that waits."""
        online = load_online(self.directory, self.unlock)
        keepers = admit.Keepers((), online)
        if renew:
            assert not admit.renew(self.directory, keepers, NOW_MS).published
        return staging.staged_proposal(self.directory)

    def signed(self, raw: bytes, *signers: SigningKey, pin: bytes | None = None) -> bytes:
        """What a holder sends back."""
        return ceremony.countersign(ceremony.read(raw), pin, signers)

    def collect(self, *raws: bytes) -> admit.Decision | None:
        """What the umbrella does with what came back."""
        online = load_online(self.directory, self.unlock)
        return admit.collect_signatures(self.directory, raws, online, NOW_MS)


@pytest.fixture
def waiting(tmp_path: Path, unlock: Unlock) -> Five:
    """Give a network that waits for its first signatures."""
    root, targets = ([SigningKey.generate(hybrid=False) for _ in range(5)] for _ in range(2))
    directory = RepositoryDirectory(tmp_path / "umbrella")
    of_root, of_targets = (
        HolderPlan(here=0, elsewhere=tuple(k.public.ed25519 for k in keys), threshold=3)
        for keys in (root, targets)
    )
    plan = NetworkPlan("demo", of_root, of_targets)
    assert create_network(directory, plan, unlock, NOW_MS).waiting
    return Five(directory, root, targets, unlock)


@pytest.fixture
def five(waiting: Five) -> Five:
    """Give a network that three of five holders founded."""
    raw = waiting.proposed(renew=False)
    people = zip(waiting.root[:3], waiting.targets[:3], strict=True)
    decision = waiting.collect(*(waiting.signed(raw, *keys) for keys in people))
    assert decision is not None
    return waiting


def changed(raw: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Give a file that travels, altered on the way and canonical again."""
    record = json.loads(raw)
    change(record)
    return serialise(record)


@contextmanager
def no_room(size: int = 0) -> Iterator[None]:
    """Let the system refuse what makes a file larger than `size` bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestWhatBreaksOff:
    """Five people sat down to sign: no disk and no power cut makes them do it again."""

    def three(self, waiting: Five) -> list[bytes]:
        """What three holders sent back."""
        raw = waiting.proposed(renew=False)
        people = zip(waiting.root[:3], waiting.targets[:3], strict=True)
        return [waiting.signed(raw, *keys) for keys in people]

    def test_a_full_disk_loses_no_signature_that_was_kept(self, waiting: Five) -> None:
        """The next one is refused, and taken when there is room."""
        first, second, third = self.three(waiting)
        assert waiting.collect(first) is None
        with no_room(), pytest.raises(OSError, match="too large"):
            waiting.collect(second)
        decision = waiting.collect(second, third)
        assert decision is not None
        assert decision.published

    def test_a_full_disk_keeps_no_half_of_a_new_proposal(self, five: Five) -> None:
        """What was not kept whole does not wait; the decision can be typed again."""

        def decide() -> admit.Decision:
            online = load_online(five.directory, five.unlock)
            other = replace(five.directory.open().registry.network, policy={"a_number": 1})
            return admit.govern(five.directory, lambda _: other, admit.Keepers((), online), NOW_MS)

        network = five.directory.open().registry.network.to_bytes()
        with no_room(len(network) + 100), pytest.raises(OSError, match="too large"):
            decide()
        assert not decide().published
        assert ceremony.read(staging.staged_proposal(five.directory)).targets is not None

    def test_what_was_half_made_and_half_forgotten_counts_for_nothing(self, five: Five) -> None:
        """Whoever was killed then left a folder, which the next one throws away."""
        five.proposed()
        moving = five.directory.path / ".staged/metadata"
        moving.mkdir(parents=True)
        (moving / "9.root.json").write_bytes(b"half")
        staging.drop_staged(five.directory)
        assert "metadata/9.root.json" not in ceremony.read(five.proposed()).files

    def published_and_not_forgotten(self, waiting: Five) -> bytes:
        """Found the network, killed before the proposal was forgotten; give the third signature."""
        first, second, third = self.three(waiting)
        waiting.collect(first, second)
        staged = waiting.directory.path / "staged"
        shutil.copytree(staged, staged.with_name("kept"))
        waiting.collect(third)
        staged.with_name("kept").rename(staged)
        return third

    def test_what_was_published_does_not_wait(self, waiting: Five) -> None:
        """It kept every other decision out, and its own signatures were a conflict."""
        third = self.published_and_not_forgotten(waiting)
        with pytest.raises(RepositoryStateError, match="nothing waits"):
            staging.staged_proposal(waiting.directory)
        decision = waiting.collect(third)
        assert decision is not None
        assert decision.published
        assert not waiting.directory.staged

    def test_another_decision_takes_the_place_of_what_was_published(self, waiting: Five) -> None:
        """Nobody has to know that something was left over."""
        self.published_and_not_forgotten(waiting)
        assert ceremony.read(waiting.proposed()).root is not None

    def broken_off_before_its_timestamp(self, five: Five) -> list[bytes]:
        """Renew, killed when the root was there already; give what three holders sent back."""
        raw, pin = five.proposed(), five.pin
        people = list(zip(five.root[:3], five.targets[:3], strict=True))
        given = [five.signed(raw, *keys, pin=pin) for keys in people]
        five.collect(*given[:2])
        state, signed = five.directory.open(), dict(five.directory.staged)
        signed = ceremony.collect(signed, given[2], state.root())
        change = repository.accept(state, signed, load_online(five.directory, five.unlock), NOW_MS)
        for name, raw_file in change.writes[:-1]:
            write_file(five.directory.path, name, raw_file)
        return given

    def test_a_root_that_is_there_already_is_no_conflict_with_itself(self, five: Five) -> None:
        """The same signatures again are enough; three people do not meet a second time."""
        given = self.broken_off_before_its_timestamp(five)
        digest = ceremony.read(staging.staged_proposal(five.directory)).digest
        assert json.loads(given[0])["proposal"] == digest
        decision = five.collect(*given)
        assert decision is not None
        assert decision.published
        registry = five.directory.open().registry
        assert (registry.root_version, five.directory.open().role("targets")[0]) == (2, 2)
        assert not five.directory.staged

    def test_what_was_signed_meanwhile_by_itself_is_no_conflict_either(self, five: Five) -> None:
        """The umbrella was started again under that root, and signed its timestamp."""
        given = self.broken_off_before_its_timestamp(five)
        online = load_online(five.directory, five.unlock)
        change = repository.resign_due(five.directory.open(), online, NOW_MS + 2 * 3_600_000)
        assert change is not None
        five.directory.commit(change)
        decision = five.collect(*given)
        assert decision is not None
        assert decision.published
        assert five.directory.open().registry.timestamp_version == 3

    def test_another_root_of_that_number_is_a_conflict(self, five: Five) -> None:
        """What waits was made on a registry that is no more."""
        given = self.broken_off_before_its_timestamp(five)
        staged = five.directory.path / "staged"
        shutil.copytree(staged, staged.with_name("kept"))
        staging.drop_staged(five.directory)
        (five.directory.path / "metadata/2.root.json").unlink()
        online = load_online(five.directory, five.unlock)
        admit.renew(five.directory, admit.Keepers((), online), NOW_MS + 86_400_000)
        raw, people = staging.staged_proposal(five.directory), five.root[:3] + five.targets[:3]
        five.collect(five.signed(raw, *people, pin=five.pin))
        staged.with_name("kept").rename(staged)
        with pytest.raises(ConflictError, match="moved on"):
            five.collect(*given)

    def test_a_network_is_not_founded_again_over_its_history(self, waiting: Five) -> None:
        """Readers would see versions go back."""
        third = self.published_and_not_forgotten(waiting)
        online = load_online(waiting.directory, waiting.unlock)
        with waiting.directory.locked():
            state = waiting.directory.open()
            waiting.directory.commit(repository.accept(state, {}, online, NOW_MS))
        waiting.collect(third)
        assert waiting.directory.open().registry.timestamp_version == 2


class TestWhatAHolderIsShown:
    """It is read from what he signs, and what is in force is verified."""

    def test_the_digest_stays_while_signatures_come_in(self, five: Five) -> None:
        """So all holders can compare it, whenever each of them was asked."""
        raw = five.proposed()
        before = ceremony.read(raw).digest
        five.collect(five.signed(raw, five.root[0], five.targets[0], pin=five.pin))
        assert ceremony.read(staging.staged_proposal(five.directory)).digest == before

    def test_whoever_comes_and_goes_is_marked(self, five: Five) -> None:
        """Also a threshold that sinks, which is how a network would be taken."""
        online = load_online(five.directory, five.unlock)
        now = repository.holders_of(five.directory.open())
        new = SigningKey.generate(hybrid=False).public.ed25519
        wanted = Holders([*now.root[1:], new], 1, now.targets, now.targets_threshold)
        admit.renew(five.directory, admit.Keepers((), online), NOW_MS, wanted)
        proposal = ceremony.read(staging.staged_proposal(five.directory))
        shown = "\n".join(showing.lines(proposal, proposal.verified_present(five.pin)))
        assert "root is signed by 1 of 5 (was 3 of 5)" in shown
        assert f"+ {new.hex()}" in shown
        assert f"- {now.root[0].hex()}" in shown

    def test_who_comes_first_is_shown_by_name(self, five: Five) -> None:
        """Whoever is the fallback has all that nobody covers: a holder knows whom he names."""
        proposal = ceremony.read(five.proposed())
        present = proposal.verified_present(five.pin)
        assert proposal.targets is not None
        assert present is not None
        hotlines = {one: MemberEntry(one, ("hotline",), ("DE",)) for one in ("de-eco", "de-fsm")}
        before = replace(
            present.network,
            members=hotlines,
            choice_rules={"DE": ("de-eco", "de-fsm")},
            fallback_members=("de-eco",),
        )
        after = replace(
            before, choice_rules={"DE": ("de-fsm", "de-eco")}, fallback_members=("de-fsm", "de-eco")
        )
        in_force = replace(present, network=before)
        shown = list(showing._targets(proposal.targets, after, in_force))
        assert "  ~ choice DE  de-fsm, de-eco (was de-eco, de-fsm)" in shown
        assert "  ~ fallback  de-fsm, de-eco (was de-eco)" in shown

    def test_g6_attack_no_rule_is_changed_that_a_holder_does_not_see(self, five: Five) -> None:
        """What may go to whom, how much, and how much a thief may take back: each by name."""
        proposal = ceremony.read(five.proposed())
        present = proposal.verified_present(five.pin)
        assert proposal.targets is not None
        assert present is not None
        narrow, wide = TransferTerms("contract", ("content",)), TransferTerms("contract")
        pair = ("de-eco", "gb-iwf")
        before = replace(
            present.network,
            members={one: MemberEntry(one, ("hotline",)) for one in pair},
            policy={"peer_withdrawals": 50},
            transfers=Transfers(narrow, {pair: TransferTerms(NOTHING)}),
        )
        after = replace(
            before,
            limits=Limits(push_entries=500),
            policy={"peer_withdrawals": 10**6, "ledger_minutes": 30},
            transfers=Transfers(wide),
            extra={"later": 1},
        )
        shown = list(showing._targets(proposal.targets, after, replace(present, network=before)))
        assert [line for line in shown if line.startswith("  ~ ")] == [
            "  ~ limit push_entries  500 (was 1000)",
            "  ~ policy ledger_minutes  30 (was as programs have it)",
            "  ~ policy peer_withdrawals  1000000 (was 50)",
            "  ~ terms  contract: all (was contract: content)",
            "  ~ terms de-eco > gb-iwf  as for all (was nothing may go)",
            "  ~ rules change that this version does not know; upgrade before you sign",
        ]

    def test_a_country_whose_rule_goes_is_not_shown_as_nobodys(self, five: Five) -> None:
        """Who was left out of the rule on purpose has the country once it is gone."""
        proposal = ceremony.read(five.proposed())
        present = proposal.verified_present(five.pin)
        assert proposal.targets is not None
        assert present is not None
        hotlines = {one: MemberEntry(one, ("hotline",), ("DE",)) for one in ("de-eco", "de-fsm")}
        before = replace(present.network, members=hotlines, choice_rules={"DE": ("de-eco",)})
        after = expel(before, "de-eco", {})
        assert after.responsible_for("DE") == "de-fsm"
        shown = list(showing._targets(proposal.targets, after, replace(present, network=before)))
        assert "  ~ choice DE  no rule: the hotline that lists it (was de-eco)" in shown

    def test_another_network_in_force_is_found_out(self, five: Five) -> None:
        """The fingerprint is the holder's own, told by voice."""
        with pytest.raises(UntrustedDocumentError, match="another fingerprint"):
            five.signed(five.proposed(), five.root[0], pin=bytes(32))

    def test_without_a_fingerprint_only_a_new_network_is_signed(self, five: Five) -> None:
        """A proposal cannot pass itself off as the beginning."""
        with pytest.raises(RefusedError, match="needs the network's fingerprint"):
            five.signed(five.proposed(), five.root[0])

    def test_a_new_network_has_no_fingerprint_yet(self, waiting: Five) -> None:
        """Who was told one must not sign a first root for it."""
        with pytest.raises(RefusedError, match="is a new network's"):
            waiting.signed(waiting.proposed(renew=False), waiting.root[0], pin=bytes(32))

    def test_a_second_root_in_the_shadow_of_the_shown_one_is_refused(self, five: Five) -> None:
        """Both would be signed; one would be seen."""

        def smuggle(record: dict[str, Any]) -> None:
            record["files"]["metadata/3.root.json"] = record["files"]["metadata/2.root.json"]

        with pytest.raises(RefusedError, match="root: needs one file, named after its version"):
            ceremony.read(changed(five.proposed(), smuggle))

    def test_a_network_document_that_is_not_the_signed_one_is_refused(self, five: Five) -> None:
        """A holder would be shown other members than he signs."""

        def swap(record: dict[str, Any]) -> None:
            name = next(n for n in record["files"] if n.endswith(".network.json"))
            other = b64decode(record["files"][name]).replace(b'"demo"', b'"dem0"')
            record["files"][name] = b64encode(other).decode()

        with pytest.raises(RefusedError, match="not the one that the targets name"):
            ceremony.read(changed(five.proposed(), swap))

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{}",
            b"[" * 9000,
            b'{"_type":"hx1-proposal","files":{},"present":{}}',
            b'{"_type":"hx1-proposal","files":{"metadata/1.root.json":"e30="},"present":{}}',
            b'{"_type":"hx1-proposal","files":{"metadata/1.root.json":1},"present":{}}',
        ],
    )
    def test_what_is_no_proposal_is_refused(self, raw: bytes) -> None:
        """It comes from a stick."""
        with pytest.raises(RefusedError, match=r"proposal|files|root|_type: is missing"):
            ceremony.read(raw)


class TestWhatAHolderSigns:
    """His own roles, and nothing that he is no holder of."""

    def test_a_holder_of_targets_alone_signs_targets_alone(self, five: Five) -> None:
        """One key, one role."""
        record = json.loads(five.signed(five.proposed(), five.targets[0], pin=five.pin))
        assert list(record["signatures"]) == ["metadata/2.targets.json"]

    def test_a_key_that_nobody_asks_is_refused(self, five: Five) -> None:
        """The wrong stick: say so before it travels back."""
        with pytest.raises(RefusedError, match="is no holder's of what this proposal changes"):
            five.signed(five.proposed(), SigningKey.generate(hybrid=False), pin=five.pin)


class TestWhatTheUmbrellaTakes:
    """Signatures of holders over exactly what waits; all that came, or nothing."""

    def test_two_of_three_do_not_publish_and_the_third_does(self, five: Five) -> None:
        """Whichever three they are, in two goes."""
        raw, pin = five.proposed(), five.pin
        both = zip(five.root[2:], five.targets[2:], strict=True)
        first, second, third = (five.signed(raw, *keys, pin=pin) for keys in both)
        early, late = five.collect(first, second), five.collect(third)
        assert early is not None
        assert late is not None
        assert (early.published, late.published) == (False, True)
        assert late.registry.root_version == 2

    def test_one_holder_twice_is_one_holder(self, five: Five) -> None:
        """Three files of one person are no threshold."""
        raw = five.signed(five.proposed(), five.root[0], five.targets[0], pin=five.pin)
        decision = five.collect(raw, raw, raw)
        assert decision is not None
        assert not decision.published

    def test_signatures_for_another_proposal_are_refused(self, five: Five) -> None:
        """The umbrella proposed anew meanwhile; the holder signs again."""
        raw = five.signed(five.proposed(), five.root[0], pin=five.pin)
        staging.drop_staged(five.directory)
        online = load_online(five.directory, five.unlock)
        admit.renew(five.directory, admit.Keepers((), online), NOW_MS + 86_400_000)
        with pytest.raises(ConflictError, match="is for another proposal"):
            five.collect(raw)

    def test_a_false_signature_is_refused_and_takes_the_good_ones_along(self, five: Five) -> None:
        """Nothing is kept of a delivery that somebody altered."""
        raw, pin = five.proposed(), five.pin
        good = five.signed(raw, five.root[0], pin=pin)

        def forge(record: dict[str, Any]) -> None:
            [by_key] = record["signatures"].values()
            by_key.update(dict.fromkeys(by_key, "00" * 64))

        with pytest.raises(NotSignedError, match="does not verify"):
            five.collect(good, changed(five.signed(raw, five.root[1], pin=pin), forge))
        assert not signatures(five)

    def test_a_key_of_no_holder_is_refused(self, five: Five) -> None:
        """It would swell the file that every node fetches."""
        raw = five.signed(five.proposed(), five.root[0], pin=five.pin)

        def add(record: dict[str, Any]) -> None:
            [by_key] = record["signatures"].values()
            by_key["ab" * 32] = "00" * 64

        with pytest.raises(RefusedError, match="names a key that is no holder's"):
            five.collect(changed(raw, add))

    def test_what_waits_for_nothing_takes_no_signature(self, five: Five) -> None:
        """It was published, or dropped."""
        raw = five.signed(five.proposed(), five.root[0], pin=five.pin)
        staging.drop_staged(five.directory)
        with pytest.raises(RepositoryStateError, match="nothing waits"):
            five.collect(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b'{"_type":"hx1-countersignature"}',
            b'{"_type":"hx1-countersignature","proposal":"","signatures":[]}',
        ],
    )
    def test_what_is_no_countersignature_is_refused(self, five: Five, raw: bytes) -> None:
        """It comes from a stick."""
        five.proposed()
        with pytest.raises(RefusedError):
            five.collect(raw)

    def test_a_signature_on_a_path_that_is_not_proposed_is_refused(self, five: Five) -> None:
        """A field that nobody reads would be a place to hide."""
        raw = five.signed(five.proposed(), five.root[0], pin=five.pin)
        with pytest.raises(RefusedError, match="unknown field"):
            five.collect(changed(raw, lambda r: r["signatures"].update({"other": {}})))

    def test_a_signature_that_is_no_text_is_refused(self, five: Five) -> None:
        """Numbers, lists and nothing are no signatures."""
        raw = five.signed(five.proposed(), five.root[0], pin=five.pin)

        def blank(record: dict[str, Any]) -> None:
            [by_key] = record["signatures"].values()
            by_key.update(dict.fromkeys(by_key, None))

        with pytest.raises(RefusedError, match="something else than signatures"):
            five.collect(changed(raw, blank))


def signatures(five: Five) -> Mapping[str, object]:
    """Give the signatures that what waits has so far, by key id."""
    staged = five.directory.staged
    return {
        keyid: signature
        for name, raw, _ in ceremony.signed_parts(staged)
        for keyid, signature in build.signatures_of(raw)[1].items()
    }
