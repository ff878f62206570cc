"""Sealed columns: what a server, its administrators and its backups may not read."""

from __future__ import annotations

import pytest

from node.store.errors import WrongKeyError
from node.store.postgres.sealing import Seal

KEY = bytes(range(32))


def test_what_was_sealed_is_opened() -> None:
    """Of any length, none included."""
    for value in (b"", b"a", b"https://nl1.example/1.jpg" * 1000):
        assert Seal(KEY).open(Seal(KEY).close(value)) == value


def test_nothing_of_it_can_be_read() -> None:
    """Nor that two values are the same."""
    one, other = (Seal(KEY).close(b"https://nl1.example/1.jpg") for _ in range(2))
    assert b"nl1" not in one
    assert one != other


def test_another_key_opens_nothing() -> None:
    """And says that it is the key."""
    with pytest.raises(WrongKeyError):
        Seal(bytes(32)).open(Seal(KEY).close(b"a"))


@pytest.mark.parametrize("at", range(31))
def test_changed_value_is_refused(at: int) -> None:
    """Whichever byte was changed."""
    sealed = bytearray(Seal(KEY).close(b"ab"))
    sealed[at] ^= 1
    with pytest.raises(WrongKeyError):
        Seal(KEY).open(bytes(sealed))


def test_what_may_be_sealed_is_opened_only_if_it_is() -> None:
    """A hash may begin like a sealed value; another key's value is somebody else's bytes."""
    assert Seal(KEY).open_if_sealed(Seal(KEY).close(b"a")) == b"a"
    for value in (b"", b"S", b"S" * 32, bytes(32), Seal(bytes(32)).close(b"a")):
        assert Seal(KEY).open_if_sealed(value) == value


def test_cut_value_is_refused() -> None:
    """An empty one, too."""
    for length in (0, 1, 12, 28):
        with pytest.raises(WrongKeyError):
            Seal(KEY).open(Seal(KEY).close(b"a")[:length])
