"""Keys on disk: for their owner's eyes, whole or not at all, never overwritten."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from keys import (
    KeyExistsError,
    MemberKeys,
    SealingKey,
    SigningKey,
    UnreadableKeyError,
    UnsafeKeyFileError,
    keyfile,
)

PASSPHRASE = b"a random key of thirty-two bytes"
SECRET = b"\x42" * 32
USER = 1000

WATCHED = """
import os, stat, sys
from pathlib import Path
from keys import keyfile
seen = []
def watch(event, args):
    if event == "os.chmod":
        seen.append("chmod")
    if event == "os.link":
        seen.append(oct(stat.S_IMODE(os.stat(args[0]).st_mode)))
        seen.append("early" if os.path.exists(args[1]) else "absent")
sys.addaudithook(watch)
os.umask(0)
keyfile.save(Path(sys.argv[1]), bytes(32), bytes(32), "node-secret")
print(*seen)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a key file that holds a secret."""
    path = tmp_path / "node-secret.key"
    keyfile.save(path, SECRET, PASSPHRASE, "node-secret")
    return path


def load(path: Path) -> bytes:
    """Read that secret."""
    return keyfile.load_secret(path, PASSPHRASE, "node-secret")


def status(mode: int, owner: int) -> os.stat_result:
    """Give the status of a regular file with this mode and owner."""
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))


def test_a_secret_survives_the_disk(path: Path) -> None:
    """What was saved is read."""
    assert load(path) == SECRET


def test_a_signing_key_survives_the_disk(tmp_path: Path, hybrid: SigningKey) -> None:
    """Both halves."""
    keyfile.save(tmp_path / "log.key", hybrid, PASSPHRASE, "log")
    loaded = keyfile.load_signing_key(tmp_path / "log.key", PASSPHRASE, "log")
    assert loaded.public == hybrid.public


def test_a_sealing_key_survives_the_disk(tmp_path: Path, sealing: SealingKey) -> None:
    """By its seed."""
    keyfile.save(tmp_path / "s.key", sealing, PASSPHRASE, "sealing")
    loaded = keyfile.load_sealing_key(tmp_path / "s.key", PASSPHRASE, "sealing")
    assert loaded.public == sealing.public


def test_a_tls_key_survives_the_disk(tmp_path: Path, member_keys: MemberKeys) -> None:
    """With its certificate."""
    keyfile.save(tmp_path / "tls.key", member_keys.tls, PASSPHRASE, "tls")
    loaded = keyfile.load_tls_key(tmp_path / "tls.key", PASSPHRASE, "tls")
    assert loaded.certificate_pem == member_keys.tls.certificate_pem


def test_nobody_can_read_a_key_file_at_any_instant(tmp_path: Path, repository: Path) -> None:
    """Under the laxest umask it is private before it has its name, without a later chmod."""
    target = tmp_path / "node-secret.key"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, target],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0o600", "absent"]


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    """Saving again fails and leaves the first key."""
    with pytest.raises(KeyExistsError, match="never overwritten"):
        keyfile.save(path, bytes(32), PASSPHRASE, "node-secret")
    assert load(path) == SECRET


def test_a_link_in_place_of_a_new_key_is_not_followed(tmp_path: Path) -> None:
    """Nor is what it points to written."""
    path, target = tmp_path / "a.key", tmp_path / "elsewhere"
    path.symlink_to(target)
    with pytest.raises(KeyExistsError):
        keyfile.save(path, SECRET, PASSPHRASE, "node-secret")
    assert not target.exists()


def test_of_two_that_save_at_once_one_wins(tmp_path: Path) -> None:
    """Two processes making keys never mix them."""
    path, outcomes = tmp_path / "a.key", list[str]()
    barrier = threading.Barrier(4)

    def save() -> None:
        barrier.wait()
        try:
            keyfile.save(path, SECRET, PASSPHRASE, "node-secret")
            outcomes.append("saved")
        except KeyExistsError:
            outcomes.append("exists")

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["exists", "exists", "exists", "saved"]


def test_nothing_else_is_left_behind(path: Path) -> None:
    """Neither after success nor after refusal."""
    with pytest.raises(KeyExistsError):
        keyfile.save(path, bytes(32), PASSPHRASE, "node-secret")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_loose_permissions_are_refused_with_the_mend(mode: int, path: Path) -> None:
    """Any bit for group or others."""
    path.chmod(mode)
    with pytest.raises(UnsafeKeyFileError, match=f"chmod 600 {path}"):
        load(path)


def test_a_read_only_key_file_is_fine(path: Path) -> None:
    """0400 is stricter than asked."""
    path.chmod(0o400)
    assert load(path) == SECRET


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_directory_others_may_write_to_is_refused_on_reading(mode: int, path: Path) -> None:
    """They could put their own key there."""
    path.parent.chmod(mode)
    with pytest.raises(UnsafeKeyFileError, match=f"chmod 700 {path.parent}"):
        load(path)


def test_a_directory_others_may_write_to_is_refused_on_writing(tmp_path: Path) -> None:
    """Before anything is written."""
    tmp_path.chmod(0o777)
    with pytest.raises(UnsafeKeyFileError, match="chmod 700"):
        keyfile.save(tmp_path / "a.key", SECRET, PASSPHRASE, "node-secret")
    assert not list(tmp_path.iterdir())


def test_a_link_to_a_key_file_is_refused(path: Path) -> None:
    """Who may change the link chooses the key."""
    link = path.with_name("link.key")
    link.symlink_to(path)
    with pytest.raises(UnsafeKeyFileError, match="symbolic link"):
        load(link)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_is_refused_at_once(make: Callable[..., None], tmp_path: Path) -> None:
    """A pipe must not hang the start."""
    make(tmp_path / "a.key", 0o600)
    with pytest.raises(UnsafeKeyFileError, match="not a regular file"):
        load(tmp_path / "a.key")


def test_a_file_of_another_user_is_refused() -> None:
    """Its owner could change it at any time."""
    with pytest.raises(UnsafeKeyFileError, match=f"chown {USER} a.key"):
        keyfile._check_file(Path("a.key"), status(0o600, USER + 1), USER, root_may_share=False)


def test_a_file_of_another_user_is_refused_even_for_root() -> None:
    """Root reads everything, and should not believe everything."""
    with pytest.raises(UnsafeKeyFileError, match="another user"):
        keyfile._check_file(Path("a.key"), status(0o600, USER), 0, root_may_share=True)


def test_a_file_of_root_is_accepted() -> None:
    """Who is root can do anything anyway."""
    keyfile._check_file(Path("a.key"), status(0o600, 0), USER, root_may_share=False)


def test_root_may_share_a_credential_with_a_group() -> None:
    """Service managers grant access by list, which shows as group permission."""
    keyfile._check_file(Path("unlock"), status(0o440, 0), USER, root_may_share=True)


def test_nobody_but_root_shares_what_lies_on_the_disk(path: Path) -> None:
    """The file of a service manager is read; the same file of an ordinary user is refused."""
    path.chmod(0o440)
    if path.stat().st_uid == 0:
        assert keyfile.read_private(path, root_may_share=True)
    else:
        with pytest.raises(UnsafeKeyFileError, match="chmod 600"):
            keyfile.read_private(path, root_may_share=True)


@pytest.mark.parametrize(("mode", "owner"), [(0o444, 0), (0o460, 0), (0o450, 0), (0o440, USER)])
def test_nothing_more_may_be_shared(mode: int, owner: int) -> None:
    """Not with others, not for writing, and not by anybody else than root."""
    with pytest.raises(UnsafeKeyFileError, match="chmod 600"):
        keyfile._check_file(Path("unlock"), status(mode, owner), USER, root_may_share=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Once, with the system's reason."""
    path = tmp_path / "absent.key"
    with pytest.raises(UnreadableKeyError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: cannot be read (No such file or directory)"


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(UnsafeKeyFileError, match=r"absent: cannot be used \(No such file"):
        load(tmp_path / "absent" / "a.key")


def test_a_file_in_place_of_the_directory_is_refused(path: Path) -> None:
    """Not a stack trace."""
    with pytest.raises(UnsafeKeyFileError, match="cannot be made"):
        keyfile.make_directory(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A wrong path must not fill the memory."""
    path = tmp_path / "a.key"
    path.touch(0o600)
    os.truncate(path, 2**40)
    with pytest.raises(UnreadableKeyError, match="larger than any key file"):
        load(path)


def test_a_file_of_the_greatest_size_is_read(tmp_path: Path) -> None:
    """One byte more is no key file."""
    path = tmp_path / "a.key"
    path.touch(0o600)
    path.write_bytes(b"x" * 65_536)
    assert len(keyfile.read_private(path)) == 65_536
    path.write_bytes(b"x" * 65_537)
    with pytest.raises(UnreadableKeyError, match="larger than any key file"):
        keyfile.read_private(path)


def test_a_name_that_the_disk_refuses_is_told(tmp_path: Path) -> None:
    """With the system's reason, and nothing is left."""
    with pytest.raises(UnsafeKeyFileError, match=r"cannot be written \(File name too long\)"):
        keyfile.save(tmp_path / ("k" * 300), SECRET, PASSPHRASE, "node-secret")
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_directory_holds_no_keys(path: Path) -> None:
    """Neither on writing nor on reading."""
    with pytest.raises(UnsafeKeyFileError, match=r"node-secret\.key: is not a directory"):
        keyfile.save(path / "a.key", SECRET, PASSPHRASE, "node-secret")
    with pytest.raises(UnsafeKeyFileError, match=r"node-secret\.key: is not a directory"):
        load(path / "a.key")


def test_a_damaged_file_is_named_once(path: Path) -> None:
    """The path, then what is wrong."""
    path.write_bytes(b"nonsense")
    with pytest.raises(UnreadableKeyError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: is not a key file, or it is damaged; restore it from the backup"
    )


def test_a_new_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0700."""
    keyfile.make_directory(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_removed_key_is_gone(path: Path) -> None:
    """And removing it again is no error."""
    keyfile.remove(path)
    keyfile.remove(path)
    assert not path.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from keys import keyfile
sys.addaudithook(lambda event, args: event == "os.remove" and os.kill(os.getpid(), signal.SIGKILL))
keyfile.save(Path(sys.argv[1]), bytes(32), bytes(32), "node-secret")
"""


def killed_while_it_saved(path: Path) -> None:
    """Let a process write a key, and be killed when the file has its name and the first one."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode < 0
    assert path.stat().st_nlink == 2


def test_g7_a_removed_key_has_no_second_name_left_by_a_killed_process(tmp_path: Path) -> None:
    """Else whoever takes the disk later opens with it what was to stay closed for ever."""
    path, other = tmp_path / "sealing-1.key", tmp_path / "sealing-11.key"
    for one in (path, other):
        killed_while_it_saved(one)
    keyfile.remove(path)
    assert {file.name.split(".key")[0] for file in tmp_path.iterdir()} == {
        "sealing-11",
        ".sealing-11",
    }


def test_g7_a_replaced_key_has_no_second_name_left_by_a_killed_process(tmp_path: Path) -> None:
    """Neither the key before, nor the successor once it is replaced in its turn."""
    path, coming = tmp_path / "log.key", tmp_path / "log.next.key"
    for one in (path, coming):
        killed_while_it_saved(one)
    keyfile.rename(coming, path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_never_there_is_gone(tmp_path: Path) -> None:
    """Not even its directory."""
    keyfile.remove(tmp_path / "absent" / "a.key")


def test_what_is_no_file_is_not_removed(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(
        UnsafeKeyFileError, match=rf"{tmp_path}: cannot be removed \(Is a directory"
    ):
        keyfile.remove(tmp_path)


def test_a_successor_takes_the_name_of_the_key(path: Path) -> None:
    """Which is destroyed thereby; its own name is free again."""
    successor = path.with_name("node-secret.next.key")
    keyfile.save(successor, bytes(32), PASSPHRASE, "node-secret")
    keyfile.rename(successor, path)
    assert (load(path), successor.exists()) == (bytes(32), False)
    with pytest.raises(UnsafeKeyFileError, match=r"next\.key: cannot be renamed \(No such file"):
        keyfile.rename(successor, path)


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    """And one that is there already must be safe."""
    keyfile.make_directory(tmp_path / "var" / "keys")
    keyfile.make_directory(tmp_path / "var" / "keys")
    (tmp_path / "var" / "keys").chmod(0o777)
    with pytest.raises(UnsafeKeyFileError, match="chmod 700"):
        keyfile.make_directory(tmp_path / "var" / "keys")


def test_keys_are_written_where_only_who_may_write_may_hold_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS gives nobody a lock of his own on a file that he opened to read."""
    flock = fcntl.flock

    def over_nfs(descriptor: int, operation: int) -> None:
        if operation & fcntl.LOCK_EX and not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_RDWR:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", over_nfs)
    keyfile.write_private(tmp_path / "one", b"1")
    os.close(keyfile.write_held(tmp_path / "two", b"2"))
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"1", b"2"]


def test_keys_are_written_where_nothing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is held needs a lock."""

    def without_locks(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    keyfile.write_private(tmp_path / "one", b"1")
    with pytest.raises(UnsafeKeyFileError, match="cannot be written"):
        keyfile.write_held(tmp_path / "two", b"2")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]
