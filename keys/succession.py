"""Successor keys: made and published before they are used; what they replace stays listed, retired.

A successor lies beside the key in use (`log.next.key` beside `log.key`) and takes its name when its
turn has begun. Renaming destroys the private part of the one before: it signs nothing any more,
whoever steals the machine later. Its public part stays in the member document: log and receipt
keys for good, since old checkpoints and receipts are verified under them, and so witness keys, for
old cosignatures; transport and TLS keys until their turn is over, since nothing is kept that they
signed. Sealing keys have turns of their
own (`keys.keyring`).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, get_args

from keys import keyfile
from keys.admission import prove
from keys.errors import KeysError, UnreadableKeyError
from keys.hsm import Hsm, destroy, hybrid_key
from keys.member import MemberDocument, PublishedKey, Purpose, tls_key_id
from keys.signing import SigningKey
from keys.tls import TlsKey
from keys.turns import TURN_GRACE_MS, Turn
from keys.unlock import Unlock

Rotated = Literal["log", "receipt", "transport", "tls", "witness"]
ROTATED: Final[tuple[Rotated, ...]] = get_args(Rotated)
SIGNING: Final[Mapping[Rotated, Purpose]] = {
    "log": "log",
    "receipt": "receipt",
    "transport": "transport",
    "witness": "witness",
}
EVIDENCE: Final[tuple[Rotated, ...]] = ("log", "receipt", "witness")
"""What others keep is verified under these: they stay listed when their turn is over."""
_IN_HSM: Final = frozenset({"log", "receipt"})
RotatedKey = SigningKey | TlsKey


def id_of(key: RotatedKey) -> str:
    """The id of a key: 16 hex digits."""
    return tls_key_id(key.spki_sha256) if isinstance(key, TlsKey) else key.public.key_id


def listed_ids(document: MemberDocument, purpose: Rotated) -> list[str]:
    """The ids of the keys of one purpose that a document lists, in its order."""
    if purpose == "tls":
        return [tls_key_id(spki) for spki in document.tls]
    return [published.key.key_id for published in document.published(purpose)]


def in_use(
    document: MemberDocument, purpose: Rotated, now_ms: int, revoked: AbstractSet[str] = frozenset()
) -> str | None:
    """The id of the key that its owner uses at `now_ms` (UTC); None: there is none.

    Of the keys whose turn has begun and is not over, the one whose turn began last. If all of them
    are revoked, the successor serves before its time.
    """
    usable = [
        (document.turn(key_id).from_ms, key_id)
        for key_id in listed_ids(document, purpose)
        if key_id not in revoked and not document.turn(key_id).is_over(now_ms)
    ]
    begun = [one for one in usable if one[0] <= now_ms]
    chosen = max(begun, default=None) or min(usable, default=None)
    return None if chosen is None else chosen[1]


def upcoming(document: MemberDocument, purpose: Rotated, now_ms: int) -> str | None:
    """The id of a published key whose turn has not begun; None: there is none."""
    coming = (i for i in listed_ids(document, purpose) if document.turn(i).from_ms > now_ms)
    return next(coming, None)


def carried(fresh: MemberDocument, before: MemberDocument, now_ms: int) -> MemberDocument:
    """Give `fresh`, a document over the keys in use, with what `before` lists besides.

    Those are successors, and retired keys for as long as somebody needs them.
    """
    kept: dict[str, tuple[PublishedKey, ...]] = {}
    for rotated, purpose in SIGNING.items():
        needed = set(_needed(before, rotated, now_ms))
        kept[purpose] = _merged(
            [one for one in before.published(purpose) if one.key.key_id in needed],
            fresh.published(purpose),
        )
    needed = set(_needed(before, "tls", now_ms))
    tls = dict.fromkeys((*(s for s in before.tls if tls_key_id(s) in needed), *fresh.tls))
    document = replace(fresh, tls=tuple(tls), **kept)  # type: ignore[arg-type] # fields of one type
    listed = {key_id for purpose in ROTATED for key_id in listed_ids(document, purpose)}
    turns = {i: t for i, t in before.turns.items() if i in listed}
    return replace(document, turns={**turns, **_of_a_lost_witness_key(document, before, now_ms)})


def begun_anew(fresh: MemberDocument, before: MemberDocument, now_ms: int) -> MemberDocument:
    """Give `fresh`, a document over keys that nobody knows, with those of `before` that were lost.

    Others verify under the lost ones what they keep; nothing new by them counts from now on. Their
    proofs of possession come from `before`: nobody can make others.
    """
    listed = {
        purpose: _merged(list(before.published(purpose)), fresh.published(purpose))
        for purpose in (SIGNING[rotated] for rotated in EVIDENCE)
    }
    turns = {i: before.turn(i) for rotated in EVIDENCE for i in listed_ids(before, rotated)}
    ended = {
        i: replace(turn, until_ms=now_ms if turn.until_ms is None else min(now_ms, turn.until_ms))
        for i, turn in turns.items()
    }
    document = replace(fresh, turns={**fresh.turns, **ended})
    return replace(document, **listed)  # type: ignore[arg-type] # fields of one type


def _of_a_lost_witness_key(
    document: MemberDocument, before: MemberDocument, now_ms: int
) -> dict[str, Turn]:
    """Give the turns of now if the witness key here is one that nobody knows: another was lost.

    It is made where there is none (`keys.keyring.ensure_witness_key`), without a rotation.
    """
    known = listed_ids(before, "witness")
    new = [i for i in listed_ids(document, "witness") if i not in known]
    if not new or not known:
        return {}
    ended = {
        i: replace(before.turn(i), until_ms=now_ms + TURN_GRACE_MS)
        for i in known
        if before.turn(i).until_ms is None
    }
    return {**ended, **{i: Turn(now_ms) for i in new}}


def succeeded(
    document: MemberDocument,
    network: str,
    purpose: Rotated,
    successor: RotatedKey,
    from_ms: int,
) -> MemberDocument:
    """Give a document with a successor, used from `from_ms` (UTC) on; the others retire after it.

    Args:
        document: as `carried` gives it.
        network: network id that the proof of possession is for.
        purpose: of the key.
        successor: a fresh key.
        from_ms: when its owner begins to use it.
    """
    turns = dict(document.turns)
    for key_id in listed_ids(document, purpose):
        turn = document.turn(key_id)
        if turn.until_ms is None:
            turns[key_id] = replace(turn, until_ms=from_ms + TURN_GRACE_MS)
    turns[id_of(successor)] = Turn(from_ms)
    if isinstance(successor, TlsKey):
        return replace(document, tls=(*document.tls, successor.spki_sha256), turns=turns)
    signing = SIGNING[purpose]
    new = PublishedKey(successor.public, prove(successor, network, document.member, signing))
    listed = (*document.published(signing), new)
    return replace(document, turns=turns, **{signing: listed})  # type: ignore[arg-type] # as above


def make_successor(
    directory: Path,
    unlock: Unlock,
    purpose: Rotated,
    member: str,
    now_ms: int,
    hsm: Hsm | None = None,
) -> RotatedKey:
    """Make the successor of a key and write it beside it; one that lies there already is given.

    So an attempt to publish that was interrupted goes on with the same key. With an HSM, the
    Ed25519 half of a log or receipt key is made there, wherever the one before lies; witness
    keys always lie in files.

    Raises:
        KeyExistsError, UnsafeKeyFileError, UnreadableKeyError, HsmError: as `MemberKeys.save` and
            `MemberKeys.generate`.
    """
    there = load_successor(directory, unlock, purpose, hsm)
    if there is not None:
        return there
    made = _fresh(purpose, member, now_ms, hsm)
    try:
        keyfile.save(_next(directory, purpose), made, unlock.secret(), purpose)
    except KeysError:
        _destroy_in_hsm(made)
        raise
    return made


def _fresh(purpose: Rotated, member: str, now_ms: int, hsm: Hsm | None) -> RotatedKey:
    if purpose == "tls":
        return TlsKey.issue(member, now_ms)
    if purpose in EVIDENCE:
        return hybrid_key(purpose, hsm if purpose in _IN_HSM else None)
    return SigningKey.generate(hybrid=False)


def load_successor(
    directory: Path, unlock: Unlock, purpose: Rotated, hsm: Hsm | None = None
) -> RotatedKey | None:
    """Read the successor that lies beside a key; None: there is none.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    path = _next(directory, purpose)
    return _load(path, unlock, purpose, hsm) if path.exists() else None


def take_up(
    directory: Path, unlock: Unlock, purpose: Rotated, key_id: str, hsm: Hsm | None = None
) -> RotatedKey | None:
    """Give the key of this id to use from now on; the one before is destroyed. None: not here.

    Where the one before lies in an HSM that is away, its half stays there: the file with the other
    half is gone.

    Raises:
        UnreadableKeyError, UnsafeKeyFileError: as `MemberKeys.load`.
    """
    path, coming = directory / f"{purpose}.key", _next(directory, purpose)
    for place in (coming, path):
        try:
            key = _load(place, unlock, purpose, hsm) if place.exists() else None
        except UnreadableKeyError:
            if place.exists():  # else another process has just renamed it
                raise
            key = None
        if key is not None and id_of(key) == key_id:
            if place == coming:
                before = _load(path, unlock, purpose, hsm) if path.exists() else None
                keyfile.rename(coming, path)
                _destroy_in_hsm(before)
            return key
    return None


def discard_successor(directory: Path, purpose: Rotated, left: RotatedKey | None = None) -> None:
    """Destroy a successor that will never be used; `left`: as it was loaded.

    Raises:
        UnsafeKeyFileError: its file cannot be removed.
    """
    keyfile.remove(_next(directory, purpose))
    _destroy_in_hsm(left)


def _destroy_in_hsm(key: RotatedKey | None) -> None:
    if isinstance(key, SigningKey):
        destroy([key])


def _next(directory: Path, purpose: Rotated) -> Path:
    return directory / f"{purpose}.next.key"


def _load(path: Path, unlock: Unlock, purpose: Rotated, hsm: Hsm | None) -> RotatedKey:
    if purpose == "tls":
        return keyfile.load_tls_key(path, unlock.secret(), purpose)
    return keyfile.load_signing_key(path, unlock.secret(), purpose, hsm)


def _needed(before: MemberDocument, purpose: Rotated, now_ms: int) -> Iterator[str]:
    """The listed keys that must stay listed."""
    for key_id in listed_ids(before, purpose):
        if purpose in EVIDENCE or not before.turn(key_id).is_over(now_ms):
            yield key_id


def _merged(kept: list[PublishedKey], fresh: tuple[PublishedKey, ...]) -> tuple[PublishedKey, ...]:
    known = {one.key.key_id for one in kept}
    return (*kept, *(one for one in fresh if one.key.key_id not in known))
