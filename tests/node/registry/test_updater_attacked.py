"""What mirrors, and thieves of online keys, cannot make a node believe of the registry."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tuf.api.metadata import Snapshot, Targets

from keys.member import Capabilities
from keys.registry import ISSUED_FIELD, NETWORK_PATH, TIMESTAMP_NAME, metadata_name
from keys.signing import SigningKey
from node.registry import build, repository
from node.registry.signers import OnlineSigners
from node.registry.source import Alarm, Freshness
from protocol.versions import spoken
from tests.builders.forge import forge, nothing, resigned, with_document
from tests.builders.mirrors import UMBRELLA
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    default_endpoint,
    make_document,
    member_files,
)
from tests.node.registry.nodes import EOKM, HOUR_MS, IWF, LATER, Node, moved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _saying(umbrella: Umbrella, reads: Capabilities, version: int) -> Umbrella:
    """Return the network after a member published what it reads."""
    network = umbrella.registry.network_id
    document = make_document(network, EOKM, sequence=version, capabilities=reads)
    return umbrella.accept(member_files(document, version, LATER), LATER)


def leapt(umbrella: Umbrella) -> dict[str, bytes]:
    """What a thief of the online keys signs: the largest versions there are."""

    def raise_it(signed: Any) -> None:
        signed.version = 2**53 - 1

    return forge(umbrella, now_ms=LATER, snapshot=raise_it, timestamp=raise_it)


def with_new_online_keys(umbrella: Umbrella) -> Umbrella:
    """The network after its holders have signed a root with other online keys."""
    keys = [SigningKey.generate(hybrid=False) for _ in range(2)]
    publics = (keys[0].public.ed25519, keys[1].public.ed25519)
    holders = repository.holders_of(umbrella.state)
    proposal = repository.propose_root(umbrella.state, holders, LATER, publics)
    renewed = dataclasses.replace(umbrella, online=OnlineSigners(keys[0], keys[1]))
    return renewed.accept(proposal, LATER)


class TestHostileMirrors:
    """What a mirror could try without keys. In each case the last verified registry stays."""

    @pytest.fixture
    def newer(self, umbrella: Umbrella) -> Umbrella:
        """The network after a publication."""
        return moved(umbrella)

    def test_rollback(self, node: Node, umbrella: Umbrella, newer: Umbrella) -> None:
        """The whole old state, every signature of it good."""
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        node.sees(umbrella.files)
        state = node.client.refresh_blocking(LATER + 1)
        assert state.problem == "rolled_back"
        assert node.client.current().seen == newer.registry.seen

    def test_attack_a_mirror_serves_the_document_from_before_the_upgrade(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """G10: nobody can make us speak an older version to a member than it reads."""
        before = _saying(umbrella, Capabilities((1,), (1, 2, 3, 16)), 2)
        after = _saying(before, spoken(), 3)
        node.sees(after.files)
        node.client.refresh_blocking(LATER)
        old_role = before.files[metadata_name(EOKM, 2)]
        for lie in (before.files, {**after.files, metadata_name(EOKM, 3): old_role}):
            node.sees(lie)
            node.client.refresh_blocking(LATER + 1)
            assert node.client.current().reads(EOKM) == spoken()

    def test_rollback_after_a_restart(
        self, node: Node, umbrella: Umbrella, newer: Umbrella
    ) -> None:
        """The memory is on disk."""
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        node.restart()
        node.sees(umbrella.files)
        assert node.client.refresh_blocking(LATER + 1).problem == "rolled_back"
        assert node.client.current().seen == newer.registry.seen

    def test_rollback_while_everything_is_expired(
        self, node: Node, umbrella: Umbrella, newer: Umbrella
    ) -> None:
        """An expired memory still remembers versions."""
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        late = NOW_MS + 20 * DAY_MS
        node.sees(forge(umbrella, now_ms=late))
        assert node.client.refresh_blocking(late).problem == "rolled_back"
        assert node.client.current().seen == newer.registry.seen

    def test_freeze(self, node: Node) -> None:
        """The same good timestamp for ever: alarm after six hours, expiry after a fortnight."""
        assert node.client.refresh_blocking(NOW_MS + 6 * HOUR_MS - 1).freshness is Freshness.FRESH
        stale = node.client.refresh_blocking(NOW_MS + 6 * HOUR_MS)
        assert (stale.freshness, stale.since_ms) == (Freshness.STALE, NOW_MS + 6 * HOUR_MS)
        expired = node.client.refresh_blocking(NOW_MS + 14 * DAY_MS)
        assert expired.freshness is Freshness.EXPIRED
        assert (expired.since_ms, expired.problem) == (NOW_MS + 14 * DAY_MS, "expired")

    def test_mix_and_match(self, node: Node, umbrella: Umbrella, newer: Umbrella) -> None:
        """A new timestamp and snapshot with a member's old role under the new name."""
        old_role = umbrella.files[metadata_name(EOKM, 1)]
        node.sees({**newer.files, metadata_name(EOKM, 2): old_role})
        assert node.client.refresh_blocking(LATER).problem == "untrusted"
        assert node.client.current().seen == umbrella.registry.seen

    def test_a_withheld_file(self, node: Node, umbrella: Umbrella, newer: Umbrella) -> None:
        """Half of a new state is no new state, and the other half is taken later."""
        files = {name: raw for name, raw in newer.files.items() if "2.nl-eokm" not in name}
        node.sees(files)
        assert node.client.refresh_blocking(LATER).problem == "unreachable"
        assert node.client.current().seen == umbrella.registry.seen
        node.sees(newer.files)
        assert node.client.refresh_blocking(LATER).problem is None

    @pytest.mark.parametrize(
        "name",
        [
            TIMESTAMP_NAME,
            "metadata/3.snapshot.json",
            "metadata/2.root.json",
            "metadata/2.nl-eokm.json",
        ],
    )
    @pytest.mark.parametrize("raw", [b"", b"{}", b"<html>", b"\xff" * 100, b"[" * 10_000])
    def test_garbage(self, node: Node, newer: Umbrella, name: str, raw: bytes) -> None:
        """An error page, an empty file, noise: a problem with a name, never an exception."""
        node.sees({**newer.files, name: raw})
        assert node.client.refresh_blocking(LATER).problem == "untrusted"

    def test_endless_data(self, node: Node, newer: Umbrella) -> None:
        """Nothing is read beyond what a file may have."""
        node.sees({**newer.files, TIMESTAMP_NAME: b" " * 1_000_000})
        assert node.client.refresh_blocking(LATER).problem == "untrusted"

    def test_the_other_mirrors_are_asked(self, node: Node, newer: Umbrella) -> None:
        """A member serves the registry when the umbrella is down; it is not we."""
        node.sees(None)
        node.mirrors.serving[default_endpoint(EOKM)] = newer.files
        state = node.client.refresh_blocking(LATER)
        assert state.problem is None
        assert node.client.current().seen == newer.registry.seen
        assert default_endpoint(IWF) not in node.mirrors.asked

    def test_a_lagging_member_is_no_alarm(self, node: Node, newer: Umbrella) -> None:
        """The umbrella is asked first, and one fresh answer is enough."""
        node.sees(newer.files)
        node.mirrors.serving[default_endpoint(EOKM)] = {}
        node.mirrors.asked.clear()
        assert node.client.refresh_blocking(LATER).problem is None
        assert node.mirrors.asked == [UMBRELLA]

    def test_a_frozen_umbrella_does_not_keep_news_away(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """An old answer is taken, and others are asked for a newer one."""
        late = NOW_MS + 10 * HOUR_MS
        newer = moved(umbrella, now_ms=late)
        node.mirrors.serving[default_endpoint(EOKM)] = newer.files
        state = node.client.refresh_blocking(late)
        assert (state.freshness, state.problem) == (Freshness.FRESH, None)
        assert node.client.current().seen == newer.registry.seen


class TestStolenOnlineKeys:
    """Snapshot and timestamp keys in the wrong hands."""

    def test_they_cannot_bring_back_a_members_old_keys(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """A new snapshot that names the old role is noticed by whoever saw the newer one."""
        newer = moved(umbrella)
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        meta = dict(newer.state.snapshot().meta)
        meta[f"{EOKM}.json"] = build.meta_of(1, umbrella.files[metadata_name(EOKM, 1)])
        version = newer.state.snapshot().version + 1
        raw = build.add_signatures(
            build.snapshot_metadata(meta, version, LATER), [newer.online.snapshot]
        )
        stamp = build.timestamp_metadata(build.meta_of(version, raw), 9, LATER)
        node.sees(
            {
                **umbrella.files,
                **newer.files,
                metadata_name(Snapshot.type, version): raw,
                TIMESTAMP_NAME: build.add_signatures(stamp, [newer.online.timestamp]),
            }
        )
        assert node.client.refresh_blocking(LATER + 1).problem == "rolled_back"
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    @pytest.mark.parametrize("raised", [(9, 2**53), (2**53, 9)])
    def test_g11_they_cannot_raise_a_version_beyond_what_can_be_told(
        self, node: Node, umbrella: Umbrella, raised: tuple[int, int]
    ) -> None:
        """Every channel says which registry its sender sees: all would stand still at once."""

        def to(version: int) -> Callable[[Any], None]:
            return lambda signed: setattr(signed, "version", version)

        snapshot, timestamp = map(to, raised)
        node.sees(forge(umbrella, now_ms=LATER, snapshot=snapshot, timestamp=timestamp))
        assert node.client.refresh_blocking(LATER).problem == "untrusted"
        node.restart()
        assert node.client.current().seen == umbrella.registry.seen

    def test_g8_new_online_keys_end_a_leap_of_versions(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """The next root makes a node forget which snapshot and timestamp it trusted."""
        node.sees(leapt(umbrella))
        assert node.client.refresh_blocking(LATER).problem is None
        node.sees(moved(umbrella).files)
        assert node.client.refresh_blocking(LATER).problem == "rolled_back"
        node.restart()
        renewed = with_new_online_keys(umbrella)
        node.sees(renewed.files)
        assert node.client.refresh_blocking(LATER + 1).problem is None
        assert node.client.current().seen == renewed.registry.seen

    def test_g8_what_was_signed_with_the_old_ones_counts_no_more(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """Not even from a mirror that has the new root as well."""
        renewed = with_new_online_keys(umbrella)
        node.sees(renewed.files)
        node.client.refresh_blocking(LATER)
        node.sees({**renewed.files, **leapt(umbrella)})
        assert node.client.refresh_blocking(LATER + 1).problem == "untrusted"
        node.restart()
        assert node.client.current().seen == renewed.registry.seen

    def test_they_cannot_date_ahead_what_they_sign(self, node: Node, umbrella: Umbrella) -> None:
        """It would raise no alarm for as long as it says, while newer ones are withheld."""

        def dated(ahead_ms: int) -> Mapping[str, bytes]:
            def change(signed: Any) -> None:
                signed.version = 9
                signed.unrecognized_fields[ISSUED_FIELD] = LATER + ahead_ms

            return forge(umbrella, now_ms=LATER, snapshot=newer, timestamp=change)

        def newer(signed: Any) -> None:
            signed.version = 9

        node.sees(dated(DAY_MS + 1))
        assert node.client.refresh_blocking(LATER).problem == "issued_ahead"
        assert node.client.current().seen == umbrella.registry.seen
        node.sees(dated(DAY_MS))
        assert node.client.refresh_blocking(LATER).problem is None

    def test_they_cannot_change_the_members(self, node: Node, umbrella: Umbrella) -> None:
        """Targets need their own holders."""
        thief = dataclasses.replace(umbrella, targets=(umbrella.online.snapshot,))  # type: ignore[arg-type]
        files = forge(thief, targets=nothing, now_ms=LATER)
        files[TIMESTAMP_NAME] = build.add_signatures(
            build.timestamp_metadata(
                build.meta_of(1, files[metadata_name(Snapshot.type, 1)]), 9, LATER
            ),
            [umbrella.online.timestamp],
        )
        node.sees(files)
        assert node.client.refresh_blocking(LATER).problem in {"rolled_back", "untrusted"}
        assert node.client.current().seen == umbrella.registry.seen


@pytest.mark.parametrize(
    ("field", "value"), [("entry_bytes", 1023), ("push_entries", 1), ("push_bytes", 4095)]
)
def test_g1_attack_limits_under_which_nothing_can_be_said_are_not_taken_over(
    node: Node, umbrella: Umbrella, field: str, value: int
) -> None:
    """Signed by enough holders they would stop every channel; what was verified last stays."""
    network = umbrella.registry.network
    narrow = dataclasses.replace(network.limits, **{field: value})  # type: ignore[arg-type]
    raw = dataclasses.replace(network, limits=narrow).to_bytes()
    extra: dict[str, bytes] = {}

    def change(role: Targets) -> None:
        role.version += 1
        extra.update(with_document(role, NETWORK_PATH, raw))

    node.sees(impossible(umbrella, change, extra))
    assert node.client.refresh_blocking(LATER).problem == "impossible_limits"
    assert node.client.current().network.limits == network.limits


def impossible(
    umbrella: Umbrella, change: Callable[[Targets], None], extra: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The next repository, all of it signed well, over a changed targets role."""
    version, raw = umbrella.state.role(Targets.type)
    targets = resigned(raw, change, umbrella.targets)
    meta = dict(umbrella.state.snapshot().meta)
    meta["targets.json"] = build.meta_of(version + 1, targets)
    number = umbrella.state.snapshot().version + 1
    snapshot = build.add_signatures(
        build.snapshot_metadata(meta, number, LATER), [umbrella.online.snapshot]
    )
    stamp = build.timestamp_metadata(
        build.meta_of(number, snapshot), umbrella.registry.timestamp_version + 1, LATER
    )
    return {
        **umbrella.files,
        **extra,
        metadata_name(Targets.type, version + 1): targets,
        metadata_name(Snapshot.type, number): snapshot,
        TIMESTAMP_NAME: build.add_signatures(stamp, [umbrella.online.timestamp]),
    }


class TestOldNews:
    """A registry that is verified, newer than ours, and days old."""

    LATE = NOW_MS + 4 * DAY_MS

    def test_it_brings_no_new_member(self, node: Node, umbrella: Umbrella) -> None:
        """Somebody may be hiding that it was suspended since."""
        network = umbrella.registry.network_id
        node.sees(umbrella.admit({"fr-pdc": make_document(network, "fr-pdc")}, LATER).files)
        state = node.client.refresh_blocking(self.LATE)
        assert state.alarms == (Alarm("fr-pdc", "member_waits"),)
        assert "fr-pdc" not in node.client.current().members
        assert node.client.current().is_active(EOKM)

    def test_it_brings_no_new_keys(self, node: Node, umbrella: Umbrella) -> None:
        """Until somebody shows a newer one that says the same."""
        newer = moved(umbrella)
        node.sees(newer.files)
        state = node.client.refresh_blocking(self.LATE)
        assert state.alarms == (Alarm(EOKM, "changes_wait"),)
        assert node.client.current().members[EOKM].sequence == 1
        node.sees(newer.accept({}, self.LATE).files)
        assert not node.client.refresh_blocking(self.LATE).alarms
        assert node.client.current().members[EOKM].sequence == 2
