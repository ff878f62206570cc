"""Making a network: keys, thresholds, the fingerprint that members pin."""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from keys.errors import KeysError, UnreadableKeyError, WeakKeyError
from keys.registry import TIMESTAMP_NAME, metadata_name, verify_chain
from keys.signing import SigningKey
from keys.unlock import Unlock
from node.registry import build, repository
from node.registry.admit import Keepers, Terms, admit, replace_online, sign_staged
from node.registry.create import (
    HolderPlan,
    NetworkPlan,
    create_network,
    load_holder_key,
    load_online,
    load_people,
    make_holder_key,
)
from node.registry.directory import RepositoryDirectory, write_file
from node.registry.errors import RefusedError, RepositoryStateError
from tests.builders.network import NOW_MS
from tests.node.registry.conftest import EOKM, IWF, Network

Make = Callable[..., Network]


def test_the_fingerprint_is_that_of_the_first_root(network: Network) -> None:
    """What is told by hand is the SHA-256 of a file that anybody can fetch."""
    raw = (network.directory.path / "metadata" / "1.root.json").read_bytes()
    assert network.created.root_sha256 == hashlib.sha256(raw).hexdigest()
    assert network.id == f"demo-{network.created.root_sha256[:16]}"
    assert not network.created.waiting


def test_what_was_made_verifies_from_the_fingerprint(network: Network) -> None:
    """A reader with nothing but the pin accepts the files on disk."""
    registry = verify_chain(network.pin, network.directory.files, build.moment(NOW_MS))
    assert registry.network.name == "demo"


def test_keys_are_private_files_that_need_the_secret(network: Network, unlock: Unlock) -> None:
    """Mode 0600, and another secret opens none of them."""
    paths = list(network.directory.keys.iterdir())
    assert {path.name for path in paths} == {
        "root-1.key",
        "targets-1.key",
        "snapshot.key",
        "timestamp.key",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    with pytest.raises(KeysError):
        load_online(network.directory, Unlock("env", "SECRET", {"SECRET": "x" * 32}))
    assert len(load_people(network.directory, unlock)) == 2


def test_an_online_key_does_not_pass_for_a_holders(network: Network, unlock: Unlock) -> None:
    """A key file is for one purpose, whatever it is called."""
    path = network.directory.keys / "targets-9.key"
    (network.directory.keys / "snapshot.key").rename(path)
    with pytest.raises(KeysError):
        load_holder_key(path, unlock)


def test_a_second_network_in_the_same_directory_is_refused(
    network: Network, unlock: Unlock
) -> None:
    """Nothing that stands is overwritten."""
    before = dict(network.directory.files)
    with pytest.raises(RepositoryStateError, match="already"):
        create_network(network.directory, NetworkPlan("other"), unlock, NOW_MS)
    assert dict(network.directory.files) == before


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (NetworkPlan("demo", root=HolderPlan(here=2, threshold=3)), "root threshold"),
        (NetworkPlan("demo", targets=HolderPlan(here=2, threshold=0)), "targets threshold"),
        (NetworkPlan("demo", root=HolderPlan(here=0)), "root holders"),
        (NetworkPlan("demo", root=HolderPlan(here=99)), "root holders"),
        (NetworkPlan("Demo"), "name"),
        (NetworkPlan("../demo"), "name"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_before_anything_is_made(
    tmp_path: Path, unlock: Unlock, plan: NetworkPlan, field: str
) -> None:
    """The error names the field, and the directory stays empty."""
    with pytest.raises(RefusedError, match=field):
        create_network(RepositoryDirectory(tmp_path / "new"), plan, unlock, NOW_MS)
    assert not (tmp_path / "new").exists()


def test_one_key_for_root_and_targets_is_refused(tmp_path: Path, unlock: Unlock) -> None:
    """Targets sign every decision; who steals a key in daily use must not have one of root."""
    one = HolderPlan(here=1, elsewhere=(SigningKey.generate(hybrid=False).public.ed25519,))
    plan = NetworkPlan("demo", root=one, targets=one)
    with pytest.raises(RefusedError, match="holders: name one key for two roles"):
        create_network(RepositoryDirectory(tmp_path / "new"), plan, unlock, NOW_MS)
    assert not (tmp_path / "new").exists()


def test_a_weak_key_from_elsewhere_is_refused(tmp_path: Path, unlock: Unlock) -> None:
    """A holder's public key is admitted like any other."""
    plan = NetworkPlan("demo", root=HolderPlan(here=1, elsewhere=((1).to_bytes(32, "little"),)))
    with pytest.raises(WeakKeyError):
        create_network(RepositoryDirectory(tmp_path / "new"), plan, unlock, NOW_MS)


class TestHoldersElsewhere:
    """Key holders who never bring their private keys to the umbrella's machine."""

    def test_a_network_waits_until_enough_holders_have_signed(
        self, tmp_path: Path, unlock: Unlock, make_network_on_disk: Make
    ) -> None:
        """Two of two: one key here, one that was made at a hotline."""
        (tmp_path / "hotline").mkdir(mode=0o700)
        publics = {
            role: make_holder_key(tmp_path / "hotline" / f"{role}-iwf.key", role, unlock)
            for role in ("root", "targets")
        }
        plan = NetworkPlan(
            "demo",
            root=HolderPlan(1, (publics["root"],), 2),
            targets=HolderPlan(1, (publics["targets"],), 2),
        )
        made = make_network_on_disk(plan)
        assert made.created.waiting
        with pytest.raises(RepositoryStateError, match="no network"):
            made.directory.open()
        assert sign_staged(made.directory, made.keepers, NOW_MS) is None
        holder = [
            load_holder_key(tmp_path / "hotline" / f"{role}-iwf.key", unlock) for role in publics
        ]
        decision = sign_staged(made.directory, Keepers(holder, made.keepers.online), NOW_MS)
        assert decision is not None
        assert decision.published
        assert made.directory.open().registry.network_id == decision.registry.network_id
        assert not made.directory.staged

    def test_an_admission_waits_for_the_second_holder(self, make_network_on_disk: Make) -> None:
        """One of two holders proposes; the registry changes only when the other has signed."""
        network = make_network_on_disk(NetworkPlan("demo", targets=HolderPlan(2, (), 2)))
        root, first, second = network.keepers.people
        alone = Keepers([root, first], network.keepers.online)
        decision = admit(network.directory, network.request(IWF), Terms(), alone, NOW_MS)
        assert not decision.published
        assert IWF not in network.directory.open().registry.members
        with pytest.raises(RepositoryStateError, match="another proposal waits"):
            admit(network.directory, network.request(EOKM), Terms(), alone, NOW_MS)
        other = Keepers([second], network.keepers.online)
        signed = sign_staged(network.directory, other, NOW_MS)
        assert signed is not None
        assert signed.published
        assert IWF in network.directory.open().registry.members


def test_a_holder_key_is_for_root_or_targets(tmp_path: Path, unlock: Unlock) -> None:
    """There are no holders of the online roles."""
    with pytest.raises(RefusedError, match="role"):
        make_holder_key(tmp_path / "x.key", "snapshot", unlock)
    with pytest.raises(RefusedError, match="key"):
        load_holder_key(tmp_path / "snapshot.key", unlock)


class TestOnlineKeys:
    """Other snapshot and timestamp keys, after theft or loss."""

    def test_no_old_key_is_needed_and_the_new_ones_sign_from_then_on(
        self, network: Network, unlock: Unlock
    ) -> None:
        """Lost keys are replaced like stolen ones."""
        for role in ("snapshot", "timestamp"):
            (network.directory.keys / f"{role}.key").unlink()
        assert replace_online(network.directory, network.keepers.people, unlock, NOW_MS).published
        online = load_online(network.directory, unlock)
        change = repository.resign_due(network.directory.open(), online, NOW_MS + 2 * 3_600_000)
        assert change is not None
        verify_chain(network.pin, change.after.files, None)

    def test_a_lost_unlocking_secret_is_replaced_with_them(
        self, network: Network, unlock: Unlock
    ) -> None:
        """What nobody can open any more may lie there still; it signs nothing."""
        other = Unlock("env", "SECRET", {"SECRET": "f" * 32})
        assert replace_online(network.directory, network.keepers.people, other, NOW_MS).published
        online = load_online(network.directory, other)
        late = NOW_MS + 2 * 3_600_000
        assert repository.resign_due(network.directory.open(), online, late) is not None
        with pytest.raises(UnreadableKeyError, match="snapshot-2"):
            load_online(network.directory, unlock)

    def test_old_keys_that_lie_beside_them_sign_no_more(
        self, network: Network, unlock: Unlock
    ) -> None:
        """A server that was not restarted says what is wrong."""
        replace_online(network.directory, network.keepers.people, unlock, NOW_MS)
        late = NOW_MS + 2 * 3_600_000
        with pytest.raises(RepositoryStateError, match="network rekey"):
            repository.resign_due(network.directory.open(), network.keepers.online, late)
        online = load_online(network.directory, unlock)
        assert repository.resign_due(network.directory.open(), online, late) is not None

    def test_until_enough_holders_have_signed_the_old_ones_go_on(
        self, network: Network, unlock: Unlock
    ) -> None:
        """And what waits is not proposed twice, nor are keys made for it."""
        assert not replace_online(network.directory, [], unlock, NOW_MS).published
        made = sorted(path.name for path in network.directory.keys.iterdir())
        online = load_online(network.directory, unlock)
        assert repository.resign_due(network.directory.open(), online, NOW_MS + 2 * 3_600_000)
        with pytest.raises(RepositoryStateError, match="staged"):
            replace_online(network.directory, [], unlock, NOW_MS)
        assert sorted(path.name for path in network.directory.keys.iterdir()) == made

    def test_versions_that_a_thief_raised_here_count_for_nothing(
        self, network: Network, unlock: Unlock
    ) -> None:
        """Else the next one would be beyond what any member takes."""
        state, online = network.directory.open(), network.keepers.online
        top = 2**53 - 1
        raw = build.add_signatures(
            build.snapshot_metadata(state.snapshot().meta, top, NOW_MS), [online.snapshot]
        )
        stamp = build.timestamp_metadata(build.meta_of(top, raw), top, NOW_MS)
        write_file(network.directory.path, metadata_name("snapshot", top), raw)
        write_file(
            network.directory.path,
            TIMESTAMP_NAME,
            build.add_signatures(stamp, [online.timestamp]),
        )
        assert replace_online(network.directory, network.keepers.people, unlock, NOW_MS).published
        assert network.directory.open().registry.timestamp_version == 2 << 24
        assert network.directory.open().snapshot().version == 2 << 24

    def test_no_version_is_used_a_second_time_where_the_backup_is_older(
        self, network: Network, unlock: Unlock, tmp_path: Path
    ) -> None:
        """Members saw what was signed after it: one number with two contents is a split view."""
        backup = RepositoryDirectory(shutil.copytree(network.directory.path, tmp_path / "backup"))
        seen = set()
        for hour in range(1, 4):
            state = network.directory.open()
            change = repository.resign_due(state, network.keepers.online, NOW_MS + hour * 3_600_000)
            assert change is not None
            network.directory.commit(change)
            seen.add(change.after.registry.timestamp_version)
        assert replace_online(backup, network.keepers.people, unlock, NOW_MS).published
        assert backup.open().registry.timestamp_version not in seen
