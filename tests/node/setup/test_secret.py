"""The secret that unlocks keys, made by one and needed by two at once."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from keys.errors import UnreadableKeyError
from node.setup.secret import ensured

if TYPE_CHECKING:
    from pathlib import Path


class FailedError(Exception):
    """A set-up that goes wrong."""


def may_use(path: Path) -> bool:
    """Whether somebody else could use the secret at this moment."""
    with path.open() as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False


def test_nobody_uses_a_secret_that_may_go_again(tmp_path: Path) -> None:
    """A key that was written under it meanwhile could be opened by nobody."""
    path = tmp_path / "net.unlock"
    with suppress(FailedError), ensured(f"file:{path}") as made:
        assert made
        assert not may_use(path)
        raise FailedError
    assert not path.exists()


def test_two_use_a_secret_that_stands(tmp_path: Path) -> None:
    """And whichever fails, it stays."""
    path = tmp_path / "net.unlock"
    with ensured(f"file:{path}"):
        pass
    secret = path.read_bytes()
    with suppress(FailedError), ensured(f"file:{path}") as made:
        assert not made
        assert may_use(path)
        raise FailedError
    assert path.read_bytes() == secret


def test_a_link_to_nothing_is_no_place_for_a_secret(tmp_path: Path) -> None:
    """It is refused, and not waited for."""
    path = tmp_path / "net.unlock"
    path.symlink_to(tmp_path / "nothing")
    with pytest.raises(UnreadableKeyError), ensured(f"file:{path}"):
        pass
