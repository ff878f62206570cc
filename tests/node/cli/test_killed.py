"""Verbs that are killed on their way, and typed again: they end, and nothing is in the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from node.cli.exits import Exit
from node.setup.member import NewMember, make_member
from tests.builders.network import NOW_MS
from tests.node.cli.test_governing_verbs import typed

KILLED = """
import resource, signal, sys
from node.cli.main import run
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
run(sys.argv[2:])
"""
HALF_A_KEY, A_KEY_AND_NO_MORE = 50, 1000


def killed(size: int, *words: object) -> None:
    """Type it, and have it killed when it writes a file of more than `size` bytes."""
    command = [sys.executable, "-c", KILLED, str(size), *map(str, words)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGXFSZ


def names(folder: Path) -> list[str]:
    """Name all that stands in a directory, in their order."""
    return sorted(path.name for path in folder.iterdir())


def create(folder: Path) -> tuple[object, ...]:
    """How a network is made for a trial."""
    return ("network", "create", "--name", "demo", "--dir", folder / "net", "--trial")


def test_a_network_that_was_killed_in_the_making_is_made_when_it_is_typed_again(
    tmp_path: Path,
) -> None:
    """What was made of it was never told to anybody."""
    for size in (HALF_A_KEY, A_KEY_AND_NO_MORE):
        killed(size, *create(tmp_path))
        assert not (tmp_path / "net" / "network.toml").exists()
    code, made = typed(*create(tmp_path))
    assert code == Exit.OK
    assert names(tmp_path / "net") == ["keys", "lock", "metadata", "network.toml", "targets"]
    _, shown = typed("network", "status", "--config", made["config"])
    assert shown["network"] == made["network"]


def test_online_keys_that_were_killed_in_the_making_leave_nothing_behind(tmp_path: Path) -> None:
    """Half a private key would lie there for ever."""
    _, made = typed(*create(tmp_path))
    rekey = ("network", "rekey", "--config", made["config"])
    killed(HALF_A_KEY, *rekey)
    keys = tmp_path / "net" / "keys"
    assert any(name.startswith(".snapshot-2.key.") for name in names(keys))
    assert typed(*rekey)[0] == Exit.OK
    assert [name for name in names(keys) if name.startswith(".")] == []


def test_a_backup_that_was_killed_is_made_when_what_it_left_is_away(tmp_path: Path) -> None:
    """No key is destroyed unasked: it could be that of a backup that was carried off."""
    wish = NewMember(
        directory=tmp_path / "node",
        member="gb-iwf",
        name="Hotline of the north",
        network="demo-0123456789abcdef",
        jurisdictions=("GB",),
    )
    backup = ("backup", tmp_path / "nightly", "--config", make_member(wish, NOW_MS).config.source)
    killed(A_KEY_AND_NO_MORE, *backup)
    code, shown = typed(*backup)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")
    assert "of a backup that was broken off" in shown["error"]["message"]
    (tmp_path / "nightly.key").rename(tmp_path / "away")
    assert typed(*backup)[0] == Exit.OK
    assert [name for name in names(tmp_path) if "nightly" in name] == ["nightly", "nightly.key"]
