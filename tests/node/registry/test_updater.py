"""A node and its registry: hostile mirrors, old files, an absent umbrella, replaced keys."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tuf.api.metadata import Snapshot, Targets

from keys.member import Capabilities
from keys.registry import ISSUED_FIELD, NETWORK_PATH, TIMESTAMP_NAME, metadata_name
from keys.signing import SigningKey
from node.registry import build, memory, repository
from node.registry.errors import (
    MirrorsFailedError,
    NoRegistryError,
    RefusedError,
    RepositoryStateError,
    WrongFingerprintError,
)
from node.registry.signers import OnlineSigners
from node.registry.source import Alarm, FixedSource, Freshness, RegistrySource
from node.registry.trust import KEY_WAIT_MS
from node.registry.updater import RegistryClient, read_fingerprint
from protocol.versions import spoken
from tests.builders.forge import forge, nothing, resigned, with_document
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    DAY_MS,
    NOW_MS,
    Umbrella,
    default_endpoint,
    make_document,
    make_network,
    make_umbrella,
    member_files,
    member_keys,
)

IWF, EOKM = "gb-iwf", "nl-eokm"
HOUR_MS = 3_600_000
LATER = NOW_MS + HOUR_MS


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})


def _saying(umbrella: Umbrella, reads: Capabilities, version: int) -> Umbrella:
    """Return the network after a member published what it reads."""
    network = umbrella.registry.network_id
    document = make_document(network, EOKM, sequence=version, capabilities=reads)
    return umbrella.accept(member_files(document, version, LATER), LATER)


@dataclasses.dataclass
class Node:
    """A node with mirrors in memory."""

    mirrors: Mirrors
    directory: Path
    pin: bytes
    client: RegistryClient

    def restart(self) -> None:
        """A new process over the same directory."""
        self.client = RegistryClient(
            self.pin, self.directory, [UMBRELLA], member=IWF, transport=self.mirrors
        )

    def sees(self, files: Mapping[str, bytes] | None) -> None:
        """Let the umbrella serve this."""
        self.mirrors.serving[UMBRELLA] = files


@pytest.fixture
def node(umbrella: Umbrella, tmp_path: Path) -> Node:
    """A node that joined the network."""
    mirrors = Mirrors({UMBRELLA: umbrella.files})
    client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], member=IWF, transport=mirrors)
    client.join_blocking(NOW_MS)
    return Node(mirrors, tmp_path, umbrella.pin, client)


def moved(umbrella: Umbrella, member: str = EOKM, now_ms: int = LATER) -> Umbrella:
    """The network after a member has published a new endpoint."""
    document = make_document(
        umbrella.registry.network_id, member, sequence=2, endpoint="https://new.example:1"
    )
    return umbrella.accept(member_files(document, 2, now_ms), now_ms)


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


def with_new_key(umbrella: Umbrella, *, agreed: bool, now_ms: int = LATER) -> Umbrella:
    """The network after its keepers gave EOKM another member key and other keys."""
    new = SigningKey.generate(hybrid=False)
    old = member_keys(EOKM).member
    assert old is not None
    document = make_document(
        umbrella.registry.network_id, EOKM, sequence=2, endpoint="https://new.example:1"
    )
    files = member_files(document, 2, now_ms, new)
    if agreed:
        name = metadata_name(EOKM, 2)
        files[name] = build.sign_file(files[name], [old])
    keys = {**umbrella.registry.member_keys, EOKM: new.public.ed25519}
    network = umbrella.registry.network
    return umbrella.accept(
        repository.propose_targets(umbrella.state, network, keys, now_ms, files), now_ms
    )


class TestJoining:
    """The first contact, with nothing but a fingerprint told by hand."""

    def test_a_node_joins_by_fingerprint(self, node: Node, umbrella: Umbrella) -> None:
        """It has the registry and all the files."""
        assert node.client.current().seen == umbrella.registry.seen
        assert dict(node.client.files()) == dict(umbrella.files)
        assert node.client.state(NOW_MS).freshness is Freshness.FRESH

    def test_another_network_at_the_same_address_is_refused(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """Wrong fingerprint: nothing is taken, nothing is written."""
        impostor = make_umbrella()
        mirrors = Mirrors({UMBRELLA: impostor.files})
        client = RegistryClient(umbrella.pin, tmp_path / "new", [UMBRELLA], transport=mirrors)
        with pytest.raises(WrongFingerprintError):
            client.join_blocking(NOW_MS)
        assert not (tmp_path / "new").exists()
        with pytest.raises(NoRegistryError):
            client.current()

    def test_a_registry_older_than_three_days_is_no_beginning(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """A frozen mirror could show a newcomer members who were suspended since."""
        mirrors = Mirrors({UMBRELLA: umbrella.files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(MirrorsFailedError, match="too_old"):
            client.join_blocking(NOW_MS + 72 * HOUR_MS + 1)
        client.join_blocking(NOW_MS + 72 * HOUR_MS)

    def test_nobody_there_is_an_error_that_can_be_tried_again(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """And a refresh without a registry says to join."""
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=Mirrors())
        with pytest.raises(MirrorsFailedError, match="unreachable") as caught:
            client.join_blocking(NOW_MS)
        assert caught.value.retryable
        with pytest.raises(NoRegistryError, match="join"):
            client.refresh_blocking(NOW_MS)

    def test_a_node_that_lost_its_memory_refreshes_from_the_pin(
        self, umbrella: Umbrella, node: Node
    ) -> None:
        """The pin is in the configuration; nothing else is needed."""
        (node.directory / memory.FILE_NAME).unlink()
        node.restart()
        assert node.client.refresh_blocking(LATER).problem is None
        assert node.client.current().seen == umbrella.registry.seen

    def test_a_node_that_lost_its_memory_waits_for_a_fresh_registry(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """Unless a person decides to begin with an old one."""
        late = NOW_MS + 4 * DAY_MS
        mirrors = Mirrors({UMBRELLA: umbrella.files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(NoRegistryError, match="too_old"):
            client.refresh_blocking(late)
        client.join_blocking(late, accept_old=True)
        assert client.current().is_active(EOKM)

    def test_a_refresh_from_another_network_says_so(
        self, umbrella: Umbrella, tmp_path: Path
    ) -> None:
        """A node with a pin and no memory, and a mirror of somebody else's."""
        mirrors = Mirrors({UMBRELLA: make_umbrella().files})
        client = RegistryClient(umbrella.pin, tmp_path, [UMBRELLA], transport=mirrors)
        with pytest.raises(NoRegistryError, match="registry_wrong_fingerprint"):
            client.refresh_blocking(NOW_MS)

    @pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 31, "00" * 33, "http://x"])
    def test_what_is_no_fingerprint_is_refused(self, text: str) -> None:
        """With the number of digits."""
        with pytest.raises(RefusedError, match="64 hex"):
            read_fingerprint(text)

    def test_a_fingerprint_may_be_written_for_people(self) -> None:
        """Upper case, spaces and colons do not matter."""
        raw = bytes(range(32))
        assert read_fingerprint(raw.hex()) == raw
        assert read_fingerprint(raw.hex(":").upper()) == raw
        assert read_fingerprint(f" {raw.hex(' ', 4)}\n") == raw


class TestRefreshing:
    """What is newer, and only that."""

    def test_a_members_new_endpoint_arrives(self, node: Node, umbrella: Umbrella) -> None:
        """After one refresh."""
        node.sees(moved(umbrella).files)
        state = node.client.refresh_blocking(LATER)
        assert (state.freshness, state.problem) == (Freshness.FRESH, None)
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_only_what_changed_is_fetched(self, node: Node, umbrella: Umbrella) -> None:
        """Next root (there is none), timestamp, snapshot, one role, one document."""
        node.sees(moved(umbrella).files)
        node.mirrors.fetched.clear()
        node.client.refresh_blocking(LATER)
        kinds = [path.rpartition("/")[2].split(".")[-2] for path in node.mirrors.fetched]
        assert kinds == ["root", "timestamp", "snapshot", EOKM, EOKM]

    def test_nothing_new_is_a_success(self, node: Node) -> None:
        """The same timestamp again."""
        state = node.client.refresh_blocking(LATER)
        assert (state.problem, state.checked_ms) == (None, LATER)

    def test_a_new_root_is_followed(self, node: Node, umbrella: Umbrella) -> None:
        """Renewed for another year by the same holders."""
        holders = repository.holders_of(umbrella.state)
        renewed = umbrella.accept(repository.propose_root(umbrella.state, holders, LATER), LATER)
        node.sees(renewed.files)
        node.client.refresh_blocking(LATER)
        assert node.client.current().root_version == 2
        node.restart()
        assert node.client.current().root_version == 2

    async def test_it_runs_beside_the_event_loop(self, node: Node, umbrella: Umbrella) -> None:
        """Never on its thread."""
        here, there = threading.get_ident(), []
        real = node.mirrors.open

        def noted(base_url: str) -> Any:
            there.append(threading.get_ident())
            return real(base_url)

        transport = type("Noted", (), {"open": staticmethod(noted)})()
        client = RegistryClient(
            umbrella.pin, node.directory, [UMBRELLA], member=IWF, transport=transport
        )
        await client.refresh(LATER)
        assert there
        assert here not in there


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


class TestAbsentUmbrella:
    """G8: no centre at run time."""

    def test_an_expired_registry_keeps_traffic_going(self, node: Node) -> None:
        """Members, keys and responsibilities stay in force; the state says how old they are."""
        node.sees(None)
        late = NOW_MS + 400 * DAY_MS
        state = node.client.refresh_blocking(late)
        assert (state.freshness, state.problem) == (Freshness.EXPIRED, "unreachable")
        assert node.client.current().is_active(EOKM)
        assert node.client.current().network.responsible_for("NL") == EOKM

    def test_g11_a_member_that_publishes_no_address_keeps_nobody_from_another_mirror(
        self, umbrella: Umbrella, node: Node
    ) -> None:
        """Each refresh ended at its turn, and with it what follows in the loop."""
        document = make_document(
            umbrella.registry.network_id, EOKM, sequence=2, endpoint="https://[f:::f]:443"
        )
        joined = umbrella.accept(member_files(document, 2, LATER), LATER)
        node.sees(joined.files)
        node.client.refresh_blocking(LATER)
        node.sees(None)
        state = node.client.refresh_blocking(LATER + 4 * DAY_MS)
        assert state.problem == "unreachable"
        assert node.client.hear_revocations() == 0

    def test_a_restart_while_the_umbrella_is_away(self, node: Node, umbrella: Umbrella) -> None:
        """From the memory alone, however old."""
        node.sees(None)
        node.restart()
        assert node.client.current().seen == umbrella.registry.seen
        assert node.client.state(NOW_MS + 400 * DAY_MS).freshness is Freshness.EXPIRED

    def test_when_it_comes_back_all_is_fresh_again(self, node: Node, umbrella: Umbrella) -> None:
        """Nothing sticks."""
        late = NOW_MS + 20 * DAY_MS
        node.sees(None)
        node.client.refresh_blocking(late)
        node.sees(umbrella.accept({}, late).files)
        assert node.client.refresh_blocking(late).freshness is Freshness.FRESH

    def test_a_node_mirrors_what_it_verified(self, node: Node, umbrella: Umbrella) -> None:
        """The newest few states, so that a reader in the middle of one can finish."""
        newer = moved(umbrella)
        node.sees(newer.files)
        node.client.refresh_blocking(LATER)
        assert node.client.kept(TIMESTAMP_NAME) == newer.files[TIMESTAMP_NAME]
        old_snapshot = metadata_name(Snapshot.type, umbrella.state.snapshot().version)
        assert node.client.kept(old_snapshot) == umbrella.files[old_snapshot]
        assert node.client.kept("metadata/none.json") is None
        node.restart()
        assert node.client.kept(TIMESTAMP_NAME) == newer.files[TIMESTAMP_NAME]


class TestReplacedMemberKeys:
    """What the keepers of the network could do to a member, and how long nobody believes it."""

    def test_the_keepers_alone_cannot_swap_a_members_keys(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """Seven days of alarm, in which everything is sealed to the keys known before."""
        before = node.client.current().members[EOKM]
        node.sees(with_new_key(umbrella, agreed=False).files)
        state = node.client.refresh_blocking(LATER)
        assert state.alarms == (Alarm(EOKM, "member_key_replaced", LATER + KEY_WAIT_MS),)
        assert node.client.current().members[EOKM] == before
        node.restart()
        assert node.client.current().members[EOKM] == before
        assert node.client.state(LATER).alarms == state.alarms

    def test_after_seven_days_of_alarm_it_is_believed(self, node: Node, umbrella: Umbrella) -> None:
        """A hotline that lost its member key comes back."""
        changed = with_new_key(umbrella, agreed=False)
        node.sees(changed.files)
        node.client.refresh_blocking(LATER)
        for days in range(1, 7):
            now_ms = LATER + days * DAY_MS
            changed = changed.accept({}, now_ms)
            node.sees(changed.files)
            assert node.client.refresh_blocking(now_ms).alarms
        now_ms = LATER + KEY_WAIT_MS
        node.sees(changed.accept({}, now_ms).files)
        assert not node.client.refresh_blocking(now_ms).alarms
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_the_days_count_from_the_first_sight_of_this_very_key(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """A second replacement begins a second week."""
        node.sees(with_new_key(umbrella, agreed=False).files)
        node.client.refresh_blocking(LATER)
        later = LATER + 6 * DAY_MS
        state = umbrella.accept({}, LATER + 1).accept({}, LATER + 2)
        node.sees(with_new_key(state, agreed=False, now_ms=later).files)
        alarms = node.client.refresh_blocking(later).alarms
        assert alarms == (Alarm(EOKM, "member_key_replaced", later + KEY_WAIT_MS),)

    def test_with_the_old_keys_signature_it_is_believed_at_once(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """The member replaced it itself."""
        node.sees(with_new_key(umbrella, agreed=True).files)
        assert not node.client.refresh_blocking(LATER).alarms
        assert node.client.current().members[EOKM].endpoint == "https://new.example:1"

    def test_a_suspension_counts_at_once_whatever_is_held_back(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """What only reduces trust needs no patience."""
        changed = with_new_key(umbrella, agreed=False)
        network = changed.registry.network
        suspended = dataclasses.replace(network.members[EOKM], status="suspended")
        network = dataclasses.replace(network, members={**network.members, EOKM: suspended})
        node.sees(changed.govern(network, LATER).files)
        node.client.refresh_blocking(LATER)
        assert not node.client.current().is_active(EOKM)


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


class TestMemory:
    """The file in which a node remembers."""

    def test_it_is_verified_again_when_read(self, node: Node) -> None:
        """A changed byte of a signed file is noticed at the start."""
        path = node.directory / memory.FILE_NAME
        path.write_bytes(path.read_bytes().replace(b"consistent_snapshot", b"consistent_snapshut"))
        with pytest.raises(RepositoryStateError, match="join again"):
            node.restart()

    @pytest.mark.parametrize(
        "damage",
        [lambda _: b"", lambda raw: raw[:-9], lambda raw: b"\x00" + raw, lambda raw: raw * 2],
    )
    def test_a_damaged_one_is_an_error_with_a_mend(
        self, node: Node, damage: Callable[[bytes], bytes]
    ) -> None:
        """Never a fresh start, which would forget what a rollback is."""
        path = node.directory / memory.FILE_NAME
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(RepositoryStateError, match="move it away"):
            node.restart()

    def test_that_of_another_network_is_refused(self, node: Node) -> None:
        """Two nodes, one directory."""
        with pytest.raises(RepositoryStateError, match="another network"):
            RegistryClient(b"\0" * 32, node.directory, [UMBRELLA], transport=node.mirrors)

    def test_that_of_another_version_of_the_program_is_refused(self, node: Node) -> None:
        """It says so, instead of guessing."""
        path = node.directory / memory.FILE_NAME
        content = msgspec.msgpack.decode(path.read_bytes())
        path.write_bytes(msgspec.msgpack.encode({**content, "format": 2}))
        with pytest.raises(RepositoryStateError, match="another version"):
            node.restart()

    def test_one_that_cannot_be_read_is_an_error(self, node: Node) -> None:
        """A directory in its place, say."""
        path = node.directory / memory.FILE_NAME
        path.unlink()
        path.mkdir()
        with pytest.raises(RepositoryStateError, match="cannot be read"):
            node.restart()

    def test_news_that_cannot_be_remembered_are_not_taken(
        self, node: Node, umbrella: Umbrella
    ) -> None:
        """What is in force and what a restart would find are the same."""
        path = node.directory / memory.FILE_NAME
        path.unlink()
        path.mkdir()
        node.sees(moved(umbrella).files)
        assert node.client.refresh_blocking(LATER).problem == "not_saved"
        assert node.client.current().seen == umbrella.registry.seen

    def test_it_is_not_written_when_nothing_is_new(self, node: Node) -> None:
        """A refresh each few minutes wears out no disk."""
        path = node.directory / memory.FILE_NAME
        before = path.stat().st_ino
        node.client.refresh_blocking(LATER)
        assert path.stat().st_ino == before


class TestSeam:
    """What node code depends on."""

    def test_a_fixed_source_does_for_a_client(self, node: Node) -> None:
        """Both are a `RegistrySource`."""
        registry, _, files = make_network([IWF])
        sources: list[RegistrySource] = [node.client, FixedSource(registry, files)]
        assert all(source.current().members[IWF].member == IWF for source in sources)
        assert all(TIMESTAMP_NAME in source.files() for source in sources)

    async def test_a_fixed_source_changes_when_told(self) -> None:
        """A simulated world hands in another registry."""
        first, _, files = make_network([IWF])
        second, _, _ = make_network([IWF, EOKM])
        source = FixedSource(first, files)
        source.replace(second, files)
        assert source.current() is second
        assert (await source.refresh(NOW_MS)).freshness is Freshness.FRESH

    @pytest.mark.parametrize(
        "address",
        ["http://umbrella.example", "ftp://x", "https://", "x", "https://a/b", "https://u@h"],
    )
    def test_a_mirror_is_https_or_loopback(self, tmp_path: Path, address: str) -> None:
        """Plain http to the world is refused."""
        with pytest.raises(RefusedError, match="mirrors"):
            RegistryClient(b"\0" * 32, tmp_path, [address])
