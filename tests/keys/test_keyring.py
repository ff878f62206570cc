"""All keys of a member in their directory."""

from __future__ import annotations

import dataclasses
import stat
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from keys import (
    Capabilities,
    KeyExistsError,
    MemberKeys,
    SealingKey,
    UnknownKeyError,
    Unlock,
    UnreadableKeyError,
    UnsafeKeyFileError,
    keyfile,
)
from keys.keyring import (
    SEALING_PERIOD_MS,
    SEALING_PERIODS,
    add_sealing_key,
    destroy_sealing_key,
    ensure_witness_key,
    load_backup_key,
    load_database_key,
    load_sealing_keys,
    make_backup_key,
    sealing_calendar,
    sealing_name,
)
from keys.member import Purpose
from keys.recovering import Recovering
from tests.keys.conftest import NETWORK, NOW_MS

DOCUMENT: dict[str, Any] = {
    "network": NETWORK,
    "member": "gb-iwf",
    "sequence": 1,
    "endpoint": None,
    "reachable": False,
    "capabilities": Capabilities((1,), (1,)),
    "sealing_not_after_ms": {},
}
PURPOSES = ("log", "receipt", "transport", "tls", "node-secret", "fingerprint-secret", "database")


@pytest.fixture
def directory(tmp_path: Path, member_keys: MemberKeys, unlock: Unlock) -> Path:
    """Give a directory in which the member's keys were saved."""
    member_keys.save(tmp_path / "keys", unlock)
    return tmp_path / "keys"


def secrets_of(keys: MemberKeys) -> list[bytes]:
    """Give every secret of a keyring as raw bytes."""
    assert keys.member is not None
    signing = [
        half.private_bytes_raw()
        for key in (keys.member, keys.log, keys.receipt, keys.transport, keys.witness)
        if key is not None
        for half in key.private_keys()
        if half is not None
    ]
    raw = [keys.node_secret, keys.fingerprint_secret, keys.database_key]
    return [*signing, *raw, *(key.private_seed() for key in keys.sealing)]


def test_signing_keys_survive(directory: Path, member_keys: MemberKeys, unlock: Unlock) -> None:
    """Each is read back for its own purpose."""
    loaded = MemberKeys.load(directory, unlock)
    assert secrets_of(loaded) == secrets_of(member_keys)


def test_the_certificate_survives(directory: Path, member_keys: MemberKeys, unlock: Unlock) -> None:
    """Its pin stands in a signed document, so it must."""
    loaded = MemberKeys.load(directory, unlock)
    assert loaded.tls.certificate_pem == member_keys.tls.certificate_pem


def test_the_member_key_may_be_kept_offline(directory: Path, unlock: Unlock) -> None:
    """A node runs without it."""
    (directory / "member.key").unlink()
    assert MemberKeys.load(directory, unlock).member is None


def test_keys_of_an_earlier_version_have_no_witness_key(directory: Path, unlock: Unlock) -> None:
    """They open, publish none, and stay what they were; `ensure_witness_key` makes it once."""
    (directory / "witness.key").unlink()
    earlier = MemberKeys.load(directory, unlock)
    document = earlier.document(
        network=NETWORK,
        member="gb-iwf",
        sequence=1,
        endpoint=None,
        reachable=False,
        capabilities=Capabilities((1,), (1,)),
        sealing_not_after_ms={},
    )
    assert (earlier.witness, document.witness_keys) == (None, ())
    ensure_witness_key(directory, unlock)
    made = MemberKeys.load(directory, unlock).witness
    ensure_witness_key(directory, unlock)
    again = MemberKeys.load(directory, unlock).witness
    assert made is not None
    assert again is not None
    assert again.public == made.public


@pytest.mark.parametrize("purpose", PURPOSES)
def test_any_other_missing_key_is_named(purpose: str, directory: Path, unlock: Unlock) -> None:
    """Nothing is generated in its place: that would be another identity."""
    (directory / f"{purpose}.key").unlink()
    with pytest.raises(UnreadableKeyError, match=rf"/{purpose}\.key: cannot be read"):
        MemberKeys.load(directory, unlock)


def test_swapped_files_do_not_open(directory: Path, unlock: Unlock) -> None:
    """Whoever can rename files cannot make the receipt key sign checkpoints."""
    (directory / "log.key").rename(directory / "old")
    (directory / "receipt.key").rename(directory / "log.key")
    (directory / "old").rename(directory / "receipt.key")
    with pytest.raises(UnreadableKeyError, match=r"log\.key: does not open"):
        MemberKeys.load(directory, unlock)


def test_another_unlocking_secret_does_not_open(directory: Path) -> None:
    """The message names the setting to look at."""
    other = Unlock.from_config("env:SECRET", {"SECRET": "another-random-key-of-32-or-more-bytes"})
    with pytest.raises(UnreadableKeyError, match="unlock setting"):
        MemberKeys.load(directory, other)


def test_every_file_is_for_its_owner_only(directory: Path) -> None:
    """Mode 0600, in a directory of mode 0700."""
    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert (modes, stat.S_IMODE(directory.stat().st_mode)) == ({0o600}, 0o700)


def test_no_secret_stands_in_any_file(directory: Path, member_keys: MemberKeys) -> None:
    """Neither raw, nor in hex, nor in base64."""
    content = b"".join(path.read_bytes() for path in directory.iterdir())
    flat = content.replace(b"\n", b"")
    for secret in secrets_of(member_keys):
        assert secret not in content
        assert secret.hex().encode() not in flat
        assert b64encode(secret)[:40] not in flat


def test_no_secret_stands_in_its_repr(member_keys: MemberKeys) -> None:
    """A keyring may end up in a traceback."""
    shown = repr(member_keys)
    for secret in secrets_of(member_keys):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


def test_keys_are_not_saved_over_others(
    directory: Path, unlock: Unlock, member_keys: MemberKeys
) -> None:
    """`init` run twice keeps the first identity."""
    with pytest.raises(KeyExistsError):
        MemberKeys.generate("gb-iwf", 0).save(directory, unlock)
    assert MemberKeys.load(directory, unlock).log.public == member_keys.log.public


def test_nothing_is_written_beside_a_key_that_is_there(
    tmp_path: Path, unlock: Unlock, member_keys: MemberKeys
) -> None:
    """Refused before the first file, so no half of a keyring is left."""
    (tmp_path / "database.key").write_bytes(b"")
    with pytest.raises(KeyExistsError, match=r"database\.key"):
        member_keys.save(tmp_path, unlock)
    assert [path.name for path in tmp_path.iterdir()] == ["database.key"]


def test_nothing_is_written_without_the_unlocking_secret(
    tmp_path: Path, member_keys: MemberKeys
) -> None:
    """Not even the directory."""
    with pytest.raises(UnreadableKeyError):
        member_keys.save(tmp_path / "keys", Unlock.from_config("env:SECRET", {}))
    assert not (tmp_path / "keys").exists()


def test_a_shared_directory_is_refused(directory: Path, unlock: Unlock) -> None:
    """Others could replace keys in it."""
    directory.chmod(0o770)
    with pytest.raises(UnsafeKeyFileError, match="chmod 700"):
        MemberKeys.load(directory, unlock)


def test_a_second_sealing_key_is_read_too(directory: Path, unlock: Unlock) -> None:
    """The successor is there before it is published."""
    key = SealingKey.generate()
    add_sealing_key(directory, unlock, key)
    loaded = MemberKeys.load(directory, unlock)
    assert loaded.sealing_key(key.public.key_id).public == key.public
    assert len(loaded.sealing) == SEALING_PERIODS + 1


def test_a_destroyed_sealing_key_is_gone(
    directory: Path, unlock: Unlock, member_keys: MemberKeys
) -> None:
    """Coarse forward secrecy: nothing is left of its file."""
    key_id = member_keys.sealing[0].public.key_id
    destroy_sealing_key(directory, key_id)
    assert not (directory / sealing_name(key_id)).exists()
    left = {key.public.key_id for key in MemberKeys.load(directory, unlock).sealing}
    assert left == {key.public.key_id for key in member_keys.sealing[1:]}


def test_an_unknown_sealing_key_is_an_error(member_keys: MemberKeys) -> None:
    """The sender is then told to seal again."""
    with pytest.raises(UnknownKeyError, match="sealing"):
        member_keys.sealing_key("0" * 16)


def test_the_database_key_is_read_alone(
    directory: Path, member_keys: MemberKeys, unlock: Unlock
) -> None:
    """For a backup, which needs no other."""
    assert load_database_key(directory, unlock) == member_keys.database_key


def test_each_backup_has_a_key_of_its_own(tmp_path: Path, unlock: Unlock) -> None:
    """Made once, read back, never overwritten, and of no use as another key."""
    first = make_backup_key(tmp_path / "first.key", unlock)
    assert load_backup_key(tmp_path / "first.key", unlock) == first
    assert make_backup_key(tmp_path / "second.key", unlock) != first
    with pytest.raises(KeyExistsError):
        make_backup_key(tmp_path / "first.key", unlock)
    (tmp_path / "first.key").rename(tmp_path / "database.key")
    with pytest.raises(UnreadableKeyError):
        load_database_key(tmp_path, unlock)


def test_every_purpose_has_a_key_of_its_own(member_keys: MemberKeys) -> None:
    """No two secrets of a keyring are equal."""
    found = secrets_of(member_keys)
    assert len(set(found)) == len(found)


def test_keys_that_sign_evidence_are_hybrid_and_the_others_are_not(
    member_keys: MemberKeys,
) -> None:
    """What must convince a court for decades is post-quantum."""
    evident = (member_keys.log, member_keys.receipt, member_keys.witness)
    others = (member_keys.transport, member_keys.member)
    assert all(key is not None and key.public.is_hybrid for key in evident)
    assert not any(key is None or key.public.is_hybrid for key in others)


def test_a_keyring_cannot_be_changed(member_keys: MemberKeys) -> None:
    """Keys are rotated by new files and a restart of what uses them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        member_keys.log = member_keys.receipt  # type: ignore[misc]


def test_a_document_lists_each_key_under_its_purpose(member_keys: MemberKeys) -> None:
    """With a proof of possession for that purpose and no other."""
    document = member_keys.document(**DOCUMENT)
    for purpose in get_args(Purpose):
        (published,) = document.published(purpose)
        assert published.key == getattr(member_keys, purpose).public
    document.check_proofs(NETWORK)
    assert document.tls == (member_keys.tls.spki_sha256,)
    assert document.recovering is None


def test_a_document_says_where_its_node_is_what_it_can_and_until_when_it_is_sealed_to(
    member_keys: MemberKeys,
) -> None:
    """As it was asked to; keys that are to be published later are not in it."""
    first = member_keys.sealing[1].public
    said = {
        "sequence": 7,
        "endpoint": "https://192.0.2.1:8441",
        "reachable": True,
        "capabilities": Capabilities((1,), (1, 2)),
    }
    document = member_keys.document(
        **(DOCUMENT | said | {"sealing_not_after_ms": {first.key_id: NOW_MS}})
    )
    assert {name: getattr(document, name) for name in said} == said
    assert [(one.key, one.not_after_ms) for one in document.sealing] == [(first, NOW_MS)]


def test_a_member_that_recovers_says_so_in_its_document(member_keys: MemberKeys) -> None:
    """Peers ask a person then, and hand nothing back before."""
    said = Recovering(member_keys.sealing[0].public.key_id, NOW_MS)
    before = replace(member_keys.document(**DOCUMENT), recovering=said)
    assert member_keys.document(**DOCUMENT, before=before).recovering == said


def test_what_was_proved_before_is_not_proved_again(member_keys: MemberKeys) -> None:
    """A token that is away or lost keeps nobody from publishing another key."""
    before = member_keys.document(**DOCUMENT)
    other = MemberKeys.generate("gb-iwf", NOW_MS)
    document = replace(member_keys, log=other.log).document(**DOCUMENT, before=before)
    assert document.receipt == before.receipt
    assert document.log[0].key == other.log.public
    document.check_proofs(NETWORK)


def test_a_member_without_a_witness_key_lists_none(member_keys: MemberKeys) -> None:
    """As keys of an earlier version have it."""
    document = replace(member_keys, witness=None).document(**DOCUMENT)
    assert (document.witness_keys, document.log_keys) == ((), (member_keys.log.public,))


def test_sealing_keys_have_their_turns_one_after_the_other() -> None:
    """The first ends a period after the start."""
    calendar = sealing_calendar(["a", "b", "c"], NOW_MS)
    assert calendar == {
        key: NOW_MS + number * SEALING_PERIOD_MS for number, key in ((1, "a"), (2, "b"), (3, "c"))
    }


def test_a_sealing_key_that_is_added_lies_under_its_id(
    tmp_path: Path, unlock: Unlock, sealing: SealingKey
) -> None:
    """By which it is destroyed, alone."""
    keyfile.make_directory(tmp_path / "keys")
    other = SealingKey.generate()
    for key in (sealing, other):
        add_sealing_key(tmp_path / "keys", unlock, key)
        assert (tmp_path / "keys" / sealing_name(key.public.key_id)).exists()
    destroy_sealing_key(tmp_path / "keys", other.public.key_id)
    (left,) = load_sealing_keys(tmp_path / "keys", unlock)
    assert left.public == sealing.public


def test_a_member_is_given_every_key_and_no_more_halves_than_it_needs() -> None:
    """What makes evidence is signed twice; the others sign what is checked at once."""
    made = MemberKeys.generate("gb-iwf", NOW_MS)
    assert made.member is not None
    assert made.witness is not None
    assert [
        key.public.is_hybrid
        for key in (made.log, made.receipt, made.witness, made.transport, made.member)
    ] == [True, True, True, False, False]
    drawn = [made.node_secret, made.fingerprint_secret, made.database_key]
    assert {len(secret) for secret in drawn} == {32}
    assert len(set(drawn)) == 3
    ids = [key.public.key_id for key in made.sealing]
    assert ids == sorted(set(ids))
    assert len(ids) == SEALING_PERIODS
