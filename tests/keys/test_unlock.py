"""Where the unlocking secret comes from, and what is refused as one."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from keys import KeyExistsError, Unlock, UnreadableKeyError, UnsafeKeyFileError
from keys.unlock import new_secret_file

SECRET = b"x3Jm0cJ9mB2p4yq1bq0c9F7m1t2aWnQy5V8e0r6uKzA="


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give an empty private file."""
    path = tmp_path / "unlock"
    path.touch(0o600)
    return path


def from_file(path: Path, content: bytes) -> bytes:
    """Write the file and read the secret from it."""
    path.write_bytes(content)
    return Unlock.from_config(f"file:{path}").secret()


def command(script: str) -> Unlock:
    """Give the setting that runs a Python script."""
    return Unlock.from_config(f"command:{shlex.join([sys.executable, '-c', script])}")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_file_gives_its_line(end: bytes, path: Path) -> None:
    """The newline an editor adds is no part of the secret."""
    assert from_file(path, SECRET + end) == SECRET


@pytest.mark.parametrize("last", [b"\n", b"\r\n"])
def test_a_raw_key_may_end_in_a_newline(last: bytes, path: Path) -> None:
    """One of 256 random keys does."""
    raw = b"k" * (32 - len(last)) + last
    assert from_file(path, raw) == raw


def test_an_environment_variable_gives_its_value() -> None:
    """From the environment it is handed."""
    assert Unlock.from_config("env:KEY", {"KEY": SECRET.decode()}).secret() == SECRET


def test_a_variable_is_taken_as_it_is() -> None:
    """Whoever sets it puts no line end there; if there is one, it is part of the key."""
    assert Unlock.from_config("env:KEY", {"KEY": "k" * 32 + "\n"}).secret() == b"k" * 32 + b"\n"


def test_a_path_may_hold_a_colon(tmp_path: Path) -> None:
    """The first one alone ends the kind."""
    path = tmp_path / "a:b"
    path.touch(0o600)
    assert from_file(path, SECRET) == SECRET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a file of root")
def test_a_credential_that_root_shares_is_read(path: Path) -> None:
    """As service managers hand it over."""
    path.write_bytes(SECRET)
    path.chmod(0o440)
    assert Unlock.from_config(f"file:{path}").secret() == SECRET


def test_a_command_gives_its_output() -> None:
    """Without the newline it prints."""
    assert command(f"print({SECRET.decode()!r})").secret() == SECRET


def test_a_command_sees_no_shell() -> None:
    """Its arguments are words, so nothing in them is run."""
    setting = f"command:{shlex.join([sys.executable, '-c', 'import sys; print(sys.argv[1])'])}"
    unlock = Unlock.from_config(f"{setting} '$(echo no); echo no | cat && exit 3 #'")
    assert unlock.secret() == b"$(echo no); echo no | cat && exit 3 #"


@pytest.mark.parametrize("setting", ["", "file:", "env", "password:hunter2", "FILE:/x", ":x"])
def test_another_setting_is_refused_by_its_form(setting: str) -> None:
    """The message shows the three forms."""
    with pytest.raises(UnreadableKeyError, match="file:PATH, env:NAME or command:"):
        Unlock.from_config(setting)


def test_a_refused_setting_is_not_repeated() -> None:
    """Somebody may have put the secret itself there."""
    with pytest.raises(UnreadableKeyError) as caught:
        Unlock.from_config("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, 31, 1001])
def test_a_secret_of_another_length_is_refused_with_the_mend(length: int) -> None:
    """A short one is a password, and passwords are guessed."""
    unlock = Unlock.from_config("env:KEY", {"KEY": "x" * length})
    with pytest.raises(UnreadableKeyError, match="openssl rand -base64 32"):
        unlock.secret()


def test_a_refused_secret_is_not_repeated() -> None:
    """Only its length is told."""
    with pytest.raises(UnreadableKeyError) as caught:
        Unlock.from_config("env:KEY", {"KEY": "hunter2"}).secret()
    assert "hunter2" not in str(caught.value)


def test_an_unset_variable_is_an_error() -> None:
    """Not an empty secret."""
    with pytest.raises(UnreadableKeyError, match="is not set"):
        Unlock.from_config("env:KEY", {}).secret()


def test_a_file_others_can_read_is_refused(path: Path) -> None:
    """The secret is worth all keys."""
    path.chmod(0o644)
    with pytest.raises(UnsafeKeyFileError, match="chmod 600"):
        from_file(path, SECRET)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is shown."""
    with pytest.raises(UnreadableKeyError, match="absent: cannot be read"):
        Unlock.from_config(f"file:{tmp_path / 'absent'}").secret()


def test_a_failing_command_is_an_error_whatever_it_prints() -> None:
    """Its status decides; its error output may hold secrets and is not shown."""
    unlock = command(f"import sys; print({SECRET.decode()!r}); sys.exit('hunter2')")
    with pytest.raises(UnreadableKeyError, match="failed with status 1") as caught:
        unlock.secret()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("setting", ["command:/nonexistent/unwrap", "command:'unbalanced"])
def test_a_command_that_cannot_run_is_an_error(setting: str) -> None:
    """Not a stack trace."""
    with pytest.raises(UnreadableKeyError, match="cannot be run"):
        Unlock.from_config(setting).secret()


def test_a_setting_shows_only_its_kind() -> None:
    """A command line may hold a token."""
    assert repr(Unlock.from_config("command:unwrap --token hunter2")) == "Unlock(source='command')"


@pytest.mark.parametrize("length", [32, 1000])
def test_a_secret_has_32_to_1000_bytes(length: int) -> None:
    """The bounds themselves are good."""
    assert len(Unlock.from_config("env:KEY", {"KEY": "x" * length}).secret()) == length


def test_a_message_calls_the_setting_by_its_name() -> None:
    """Whoever reads it looks for that name in the configuration."""
    with pytest.raises(UnreadableKeyError, match=r"^unlock: needs file:PATH"):
        Unlock.from_config("hunter2")
    with pytest.raises(UnreadableKeyError, match=r"^hsm_pin: needs file:PATH"):
        Unlock.from_config("hunter2", name="hsm_pin")
    with pytest.raises(UnreadableKeyError, match=r"^hsm_pin: the environment variable"):
        Unlock.from_config("env:KEY", {}, "hsm_pin").pin()


def test_without_another_environment_it_is_that_of_the_process() -> None:
    """As services are given it."""
    assert Unlock.from_config("env:PATH").environment is os.environ
    assert Unlock("env", "PATH").environment is os.environ


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_pin_is_one_line(end: bytes, path: Path) -> None:
    """Without its end, however short."""
    path.write_bytes(b"1" + end)
    assert Unlock.from_config(f"file:{path}").pin() == "1"


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"12\n34", b"\xff", b"1" * 256, b"1\x00", b"12\n\n"], ids=repr
)
def test_what_is_no_line_is_no_pin(raw: bytes, path: Path) -> None:
    """A wrong one would count as a try at the token."""
    path.write_bytes(raw)
    with pytest.raises(UnreadableKeyError, match=r"^unlock: the file gives no PIN"):
        Unlock.from_config(f"file:{path}").pin()


def test_a_pin_has_up_to_255_characters(path: Path) -> None:
    """Characters, not bytes."""
    path.write_text("\u00e4" * 255)
    assert Unlock.from_config(f"file:{path}").pin() == "\u00e4" * 255


def test_a_new_secret_is_made_in_a_file_for_its_owner(tmp_path: Path) -> None:
    """It unlocks, is 32 random bytes in base64 on a line, and is never made over another."""
    path = tmp_path / "hotline" / "unlock"
    os.close(new_secret_file(path))
    secret = Unlock.from_config(f"file:{path}").secret()
    assert (len(b64decode(secret, validate=True)), path.read_bytes()) == (32, secret + b"\n")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    with pytest.raises(KeyExistsError):
        new_secret_file(path)
    os.close(new_secret_file(path.with_name("other")))
    assert path.with_name("other").read_bytes() != path.read_bytes()
