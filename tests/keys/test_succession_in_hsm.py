"""Successors of keys whose Ed25519 half lies in a token, against SoftHSM2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keys import MemberKeys, SigningKey, Unlock
from keys.errors import HsmKeyError, UnsafeKeyFileError
from keys.hsm import Hsm, in_hsm
from keys.succession import (
    ROTATED,
    Rotated,
    discard_successor,
    id_of,
    load_successor,
    make_successor,
    take_up,
)
from keys.tls import TlsKey
from tests.builders.softhsm import SoftHsm
from tests.keys.conftest import NOW_MS

MEMBER = "gb-iwf"


@pytest.fixture(scope="module")
def hsm(softhsm: SoftHsm) -> Iterator[Hsm]:
    """Give a token."""
    opened = softhsm.hsm(softhsm.token())
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path, hsm: Hsm, unlock: Unlock) -> Path:
    """Give a folder with every key of a member whose log and receipt keys lie in the token."""
    MemberKeys.generate(MEMBER, NOW_MS, hsm).save(tmp_path / "keys", unlock)
    return tmp_path / "keys"


def signing(key: object) -> SigningKey:
    """See that this is a signing key."""
    assert isinstance(key, SigningKey)
    return key


def is_there(key: SigningKey) -> bool:
    """Whether the half in the token still signs."""
    try:
        key.sign_ed25519(b"m")
    except HsmKeyError:
        return False
    return True


def test_g7_the_half_of_the_key_before_is_destroyed_in_the_token(
    folder: Path, hsm: Hsm, unlock: Unlock
) -> None:
    """As its file is: who steals the token later signs nothing of before."""
    purpose: Rotated = "receipt"
    before: SigningKey = getattr(MemberKeys.load(folder, unlock, hsm), purpose)
    made = signing(make_successor(folder, unlock, purpose, MEMBER, NOW_MS, hsm))
    assert [half.reference.label for half in in_hsm([made])] == ["hotline-receipt"]
    assert id_of(make_successor(folder, unlock, purpose, MEMBER, NOW_MS, hsm)) == id_of(made)
    assert is_there(before)
    taken = signing(take_up(folder, unlock, purpose, id_of(made), hsm))
    assert not is_there(before)
    assert is_there(taken)
    again = signing(take_up(folder, unlock, purpose, id_of(made), hsm))
    assert is_there(again)


def test_other_successors_lie_in_files(folder: Path, hsm: Hsm, unlock: Unlock) -> None:
    """They answer everybody, at any time."""
    for purpose in (one for one in ROTATED if one not in {"log", "receipt"}):
        made = make_successor(folder, unlock, purpose, MEMBER, NOW_MS, hsm)
        assert isinstance(made, TlsKey) or in_hsm([made]) == []
        assert id_of(made) == id_of(load_successor(folder, unlock, purpose, hsm) or made)


def test_a_successor_that_is_not_wanted_leaves_nothing_in_the_token(
    folder: Path, hsm: Hsm, unlock: Unlock
) -> None:
    """Neither its file nor its half."""
    make_successor(folder, unlock, "log", MEMBER, NOW_MS, hsm)
    left = signing(load_successor(folder, unlock, "log", hsm))
    assert is_there(left)
    discard_successor(folder, "log", left)
    assert not is_there(left)
    assert load_successor(folder, unlock, "log", hsm) is None


def test_a_successor_that_could_not_be_written_leaves_nothing_in_the_token(
    folder: Path, unlock: Unlock, softhsm: SoftHsm
) -> None:
    """Others may write to the folder: no file, and no half that nobody would ever find."""
    label = softhsm.token()
    alone = softhsm.hsm(label)
    folder.chmod(0o777)
    with pytest.raises(UnsafeKeyFileError):
        make_successor(folder, unlock, "log", MEMBER, NOW_MS, alone)
    folder.chmod(0o700)
    alone.close()
    with softhsm.opened(label) as session:
        assert list(session.get_objects()) == []


def test_a_first_key_is_taken_up_where_there_was_none(
    folder: Path, hsm: Hsm, unlock: Unlock
) -> None:
    """A file that was lost is no reason not to go on."""
    made = make_successor(folder, unlock, "log", MEMBER, NOW_MS, hsm)
    (folder / "log.key").unlink()
    taken = take_up(folder, unlock, "log", id_of(made), hsm)
    assert taken is not None
    assert id_of(taken) == id_of(made)
