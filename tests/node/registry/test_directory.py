"""The repository on disk: crashes at every instant, other processes, other people's names."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys.errors import UntrustedDocumentError
from keys.registry import TIMESTAMP_NAME, verify_chain
from keys.unlock import Unlock
from node.registry import repository
from node.registry.admit import Keepers, set_status, sign_staged
from node.registry.create import load_online, make_online
from node.registry.directory import DiskFiles, RepositoryDirectory, write_file
from node.registry.errors import ConflictError, RepositoryStateError, UnconfirmedError
from node.registry.repository import Change
from node.registry.serve import RegistryServer
from node.registry.staging import waiting
from tests.builders.network import NOW_MS, make_document, member_files
from tests.node.registry.conftest import IWF, Network
from tests.node.registry.test_ceremony import no_room


def next_change(network: Network) -> Change:
    """A publication's change, not yet written."""
    document = make_document(network.id, IWF, sequence=2, endpoint="https://new.example:1")
    files = member_files(document, 2, NOW_MS)
    state = network.directory.open()
    return repository.accept(state, files, network.keepers.online, NOW_MS + 1)


def test_a_crash_after_any_file_leaves_the_old_state_or_the_new(network: Network) -> None:
    """However many files were written, what is there verifies; only the last one counts."""
    network.admit(IWF)
    before = network.directory.open().registry
    change = next_change(network)
    for written in range(len(change.writes)):
        for name, raw in change.writes[:written]:
            write_file(network.directory.path, name, raw)
        assert network.directory.open().registry == before
    write_file(network.directory.path, *change.writes[-1])
    assert network.directory.open().registry == change.after.registry


def test_after_a_crash_the_same_step_can_be_taken_again(network: Network) -> None:
    """Files of an unfinished step are written over; no version is skipped."""
    network.admit(IWF)
    change = next_change(network)
    for name, raw in change.writes[:-1]:
        write_file(network.directory.path, name, raw)
    again = next_change(network)
    network.directory.commit(again)
    assert network.directory.open().registry.seen == again.after.registry.seen


def test_a_disk_that_is_full_is_told_with_the_file(network: Network) -> None:
    """The system names none where bytes find no room in a file that is open."""
    with no_room(), pytest.raises(OSError, match="too large") as found:
        write_file(network.directory.path, TIMESTAMP_NAME, b"{}")
    assert found.value.filename == str(network.directory.path / TIMESTAMP_NAME)


def no_space(path: Path, names: list[str]) -> None:
    """Confirm everything but the timestamp, as a disk that is full by then."""
    if names == [TIMESTAMP_NAME]:
        raise OSError(28, "No space left on device", str(path))


def test_a_change_that_the_disk_does_not_confirm_is_said_to_be_in_force(network: Network) -> None:
    """Whoever suspended a member must not think that it is not suspended."""
    network.admit(IWF)
    full = RepositoryDirectory(network.directory.path, no_space)
    with pytest.raises(UnconfirmedError, match=r"the change is in force.*No space"):
        set_status(full, IWF, active=False, keepers=network.keepers, now_ms=NOW_MS)
    assert network.directory.open().registry.network.members[IWF].status == "suspended"


def test_what_is_in_force_is_so_though_its_proposal_cannot_be_forgotten(network: Network) -> None:
    """What waited lies there still, and no longer waits."""
    network.admit(IWF)
    nobody = Keepers((), network.keepers.online)
    set_status(network.directory, IWF, active=False, keepers=nobody, now_ms=NOW_MS)
    in_the_way = network.directory.path / ".staged"
    in_the_way.write_bytes(b"")
    decision = sign_staged(network.directory, network.keepers, NOW_MS)
    assert decision is not None
    assert decision.published
    assert waiting(network.directory) == {}
    in_the_way.unlink()
    again = set_status(network.directory, IWF, active=True, keepers=network.keepers, now_ms=NOW_MS)
    assert again.published


def rekeyed(network: Network, unlock: Unlock) -> Change:
    """A root with other online keys, signed and not yet written."""
    state = network.directory.open()
    online = make_online(network.directory, unlock)
    publics = (online.snapshot.public.ed25519, online.timestamp.public.ed25519)
    proposal = repository.propose_root(state, repository.holders_of(state), NOW_MS, publics)
    signed = repository.sign_proposal(proposal, network.keepers.people, state.root())
    return repository.accept(state, signed, online, NOW_MS)


def test_a_crash_while_online_keys_are_replaced_leaves_the_old_state_or_the_new(
    network: Network, unlock: Unlock
) -> None:
    """The timestamp does not count under the new root: with it alone nothing could be opened."""
    before = network.directory.open().registry
    change = rekeyed(network, unlock)
    for written in range(len(change.writes)):
        for name, raw in change.writes[:written]:
            write_file(network.directory.path, name, raw)
        assert network.directory.open().registry == before
    write_file(network.directory.path, *change.writes[-1])
    assert network.directory.open().registry == change.after.registry


def test_a_root_of_an_unfinished_step_is_out_of_readers_way_with_the_next(
    network: Network, unlock: Unlock
) -> None:
    """They would follow it to a timestamp that does not count under it."""
    for name, raw in rekeyed(network, unlock).writes[:-1]:
        write_file(network.directory.path, name, raw)
    online = load_online(network.directory, unlock)
    change = repository.accept(network.directory.open(), {}, online, NOW_MS + 1)
    network.directory.commit(change)
    assert "metadata/2.root.json" not in network.directory.files
    assert verify_chain(network.pin, network.directory.files, None) == change.after.registry


def test_a_root_that_readers_may_follow_stays_where_a_server_signs_after_it(
    network: Network,
) -> None:
    """It was broken off before its timestamp; the next one of its number would be another."""
    network.admit(IWF)
    online = network.keepers.online
    server = RegistryServer(network.directory, online)
    assert not server.renewal_due(NOW_MS)
    state = network.directory.open()
    proposal = repository.propose_root(state, repository.holders_of(state), NOW_MS)
    signed = repository.sign_proposal(proposal, network.keepers.people, state.root())
    for name, raw in repository.accept(state, signed, online, NOW_MS).writes[:-1]:
        write_file(network.directory.path, name, raw)
    before = network.directory.files["metadata/2.root.json"]
    assert server.resign_due(NOW_MS + 4 * 3_600_000)
    assert network.directory.files.get("metadata/2.root.json") == before
    assert network.directory.open().registry.root_version == 2


def test_a_root_that_its_holders_did_not_sign_is_damage(network: Network, unlock: Unlock) -> None:
    """Nobody goes on under the one before it as if it had never been there."""
    for name, raw in rekeyed(network, unlock).writes[:-1]:
        write_file(network.directory.path, name, raw)
    path = network.directory.path / "metadata" / "2.root.json"
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":3'))
    with pytest.raises(UntrustedDocumentError):
        network.directory.open()


def test_the_timestamp_is_written_last(network: Network) -> None:
    """It is what makes a state visible."""
    network.admit(IWF)
    names = [name for name, _ in next_change(network).writes]
    assert names[-1] == TIMESTAMP_NAME
    assert names.index("metadata/2.gb-iwf.json") > next(
        index for index, name in enumerate(names) if name.startswith("targets/")
    )


def test_a_half_written_temporary_file_is_nobodys_file(network: Network) -> None:
    """What a crash left under a temporary name is not served and not read."""
    path = network.directory.path / "metadata" / ".timestamp.json.new"
    path.write_bytes(b"half")
    assert "metadata/.timestamp.json.new" not in network.directory.files
    assert network.directory.open().registry.network_id == network.id


@pytest.mark.parametrize(
    "name",
    [
        "keys/snapshot.key",
        "metadata/../keys/snapshot.key",
        "metadata/..%2fkeys.json",
        "/etc/passwd",
        "targets/../lock",
        "metadata/a/b.json",
        "metadata/1.root.json\n",
        "metadata/1.root.json\0",
        "metadata/.timestamp.json.new",
        "staged/metadata/2.targets.json",
        "",
    ],
)
def test_no_other_path_is_ever_opened(network: Network, name: str) -> None:
    """The key files lie next door."""
    assert network.directory.files.get(name) is None


def test_the_files_listed_are_the_files_found(network: Network) -> None:
    """Listing and looking up agree, and staged files are not among them."""
    network.directory.stage({"metadata/2.targets.json": b"x"})
    listed = list(network.directory.files)
    assert "metadata/2.targets.json" not in listed
    assert all(network.directory.files[name] for name in listed)
    assert len(network.directory.files) == len(listed) == 5


def test_a_directory_without_a_network_says_so(tmp_path: Path) -> None:
    """And names the command that makes one."""
    directory = RepositoryDirectory(tmp_path)
    with pytest.raises(RepositoryStateError, match="network create"):
        directory.open()
    with pytest.raises(RepositoryStateError), RepositoryDirectory(tmp_path / "no").locked():
        pass


def test_a_damaged_file_is_found_when_the_directory_is_opened(network: Network) -> None:
    """The umbrella trusts its disk no more than its readers do."""
    path = network.directory.path / "metadata" / "1.targets.json"
    path.write_bytes(path.read_bytes().replace(b"2", b"3", 1))
    with pytest.raises(UntrustedDocumentError):
        network.directory.open()


def test_nobody_else_changes_the_repository_meanwhile(network: Network) -> None:
    """The lock is between processes: another descriptor cannot have it, until it is given back."""
    path = network.directory.path / "lock"
    with path.open("w") as other:
        with network.directory.locked(), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_proposal_made_on_an_older_state_is_a_conflict(network: Network) -> None:
    """Two next versions of one role cannot both be."""
    state = network.directory.open()
    keepers = network.keepers
    old = repository.propose_targets(state, state.registry.network, {}, NOW_MS)
    signed = repository.sign_proposal(old, keepers.people, state.root())
    state = repository.accept(state, signed, keepers.online, NOW_MS).after
    with pytest.raises(ConflictError, match="moved on"):
        repository.accept(state, signed, keepers.online, NOW_MS)


def test_disk_files_are_a_mapping_of_bytes(tmp_path: Path) -> None:
    """An unreadable path is a missing one."""
    (tmp_path / "metadata" / "1.root.json").mkdir(parents=True)
    assert DiskFiles(tmp_path).get("metadata/1.root.json") is None


def test_two_that_write_one_file_at_once_leave_one_of_both_whole(tmp_path: Path) -> None:
    """A node and a verb beside it keep what they verified; a mixture would stop the next start."""
    contents = (b"a" * 60_000, b"b" * 61_000)
    found = set()

    def write(raw: bytes) -> None:
        for _ in range(150):
            write_file(tmp_path, "verified.msgpack", raw)
            found.add((tmp_path / "verified.msgpack").read_bytes())

    with ThreadPoolExecutor(2) as both:
        list(both.map(write, contents))
    assert found <= set(contents)
