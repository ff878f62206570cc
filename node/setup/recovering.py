"""`hotline recover begin` and `finish`: the ends of a recovery, both signed by the member key.

A burnt machine leaves keys (from their backup) and the registry. `begin` makes new sealing keys, an
empty database that knows that it recovers, and publishes the document that says so: what peers hand
back opens with the new keys alone, since the old ones lay on the machine. Whatever fails on the
way, the same command again goes on where it stood. `finish` lets the node rebuild, and takes the
word out of the document. A recovery whose key is over or revoked goes on under another one, which
people at each peer allow anew.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from keys.errors import KeysError, UnknownKeyError
from keys.keyfile import read_private, write_private
from keys.keyring import (
    SEALING_PERIODS,
    add_sealing_key,
    destroy_sealing_key,
    load_sealing_keys,
    sealing_calendar,
)
from keys.recovering import Recovering
from keys.sealing import SealingKey
from keys.unlock import Unlock
from node.api.access import digest_of
from node.registry.errors import NoRegistryError
from node.setup.errors import AlreadySetUpError
from node.setup.joining import check_standing, joined
from node.setup.member import admin_token
from node.setup.opening import not_joined, open_keys, store_place
from node.setup.publishing import publish
from node.setup.staging import alone
from node.store.beside import writing
from node.store.errors import UnknownDatabaseError
from node.store.items.access import token_digests
from node.store.opening import Place, create_database
from node.store.recovery import recovered

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from keys.member import MemberDocument
    from node.config import Config

_JOURNALS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Begun:
    """A recovery that has begun. `sealing_key`: the id by which peers know it."""

    database: str
    sealing_key: str
    sequence: int


def begin(config: Config, now_ms: int, umbrella: str | None = None) -> Begun:
    """Make an empty database for keys that came back, and let the network know.

    Args:
        config: of the node, which has joined; its member key must be here.
        now_ms: UTC.
        umbrella: as `publish`.

    Raises:
        AlreadySetUpError: a database stands there that does not recover.
        SetupRunningError: another process begins, finishes or publishes.
        NoRegistryError, NotAdmittedError, UnknownKeyError, PublicationRefusedError,
        PublicationUnprovenError, UmbrellaUnreachedError: as `publish`; the same again goes on.
    """
    with alone(config.member.keys_dir):
        return _begin(config, now_ms, umbrella)


def _begin(config: Config, now_ms: int, umbrella: str | None) -> Begun:
    unlock = Unlock.from_config(config.member.unlock)
    keys = open_keys(config)
    client = joined(config)
    if client is None:
        raise NoRegistryError(not_joined(config))
    if keys.member is None:
        raise UnknownKeyError("member.key: bring it back: it signs what the network is told")
    client.refresh_blocking(now_ms, umbrella)
    check_standing(client.current(), config.member.id, keys)
    _ensure_database(config, keys.database_key, now_ms)
    _ensure_token(config, keys.database_key, now_ms)
    document = client.current().member(config.member.id)
    revoked = client.revocations.revoked().get(config.member.id, frozenset())
    fresh = _fresh(config, unlock, keys.database_key, partial(_serve, document, revoked, now_ms))
    published = publish(
        config, now_ms, umbrella=umbrella, change=lambda next_: _saying(next_, fresh, now_ms)
    )
    _destroy_others(config, unlock, fresh)
    return Begun(config.store.shown, fresh[0], published.sequence)


def finish(config: Config, now_ms: int, umbrella: str | None = None) -> int:
    """Publish the document without the word, and let the node rebuild; returns its sequence.

    Raises:
        SetupRunningError: another process begins, finishes or publishes.
        RegistryError, SetupError, KeysError: as `publish`; the node goes on asking.
        StoreError: the node was not told; the same again.
    """
    with alone(config.member.keys_dir):
        published = publish(
            config, now_ms, umbrella=umbrella, change=lambda next_: replace(next_, recovering=None)
        )
        keys = open_keys(config)
        with writing(store_place(config), keys.database_key) as store:
            store.write(recovered.end)
        return published.sequence


def _ensure_database(config: Config, key: bytes, now_ms: int) -> None:
    """Make the empty database, or find it as an earlier attempt left it; refuse any other."""
    if config.store.url is not None:
        _ensure_on_server(config, key, now_ms)
        return
    target = config.store.path
    standing = [path for path in _files(target) if path.exists()]
    if standing:
        if standing[0] == target and _phase(target, key) == recovered.ASKING:
            return
        mend = "stands already; move it away, or restore it: hotline restore FILE"
        raise AlreadySetUpError(f"{standing[0]}: {mend}")
    waiting = target.with_name(target.name + ".recovering")
    for path in _files(waiting):
        path.unlink(missing_ok=True)
    _make(waiting, key, now_ms)
    waiting.rename(target)


def _ensure_on_server(config: Config, key: bytes, now_ms: int) -> None:
    """The same where a server keeps it; there every step is in force at once, the token last."""
    place = store_place(config)
    try:
        phase = _phase(place, key)
    except UnknownDatabaseError:
        _make(place, key, now_ms)
        return
    with writing(place, key) as store:
        if phase is None and not store.read(token_digests):
            store.write(recovered.begin, now_ms)
        elif phase != recovered.ASKING:
            mend = "a store is there already; name an empty database, or go on with that store"
            raise AlreadySetUpError(f"[store] url: {mend}")


def _make(place: Place, key: bytes, now_ms: int) -> None:
    create_database(place, key)
    with writing(place, key) as store:
        store.write(recovered.begin, now_ms)


def _ensure_token(config: Config, key: bytes, now_ms: int) -> None:
    """Give the command line a token that this database knows, unless it has one."""
    place, file = store_place(config), config.api.token_file
    with writing(place, key) as store:
        known = store.read(token_digests)
    with suppress(KeysError):
        if digest_of(read_private(file).decode("ascii", "replace").strip()) in known:
            return
    token = admin_token(place, key, now_ms)
    file.unlink(missing_ok=True)
    write_private(file, token.encode() + b"\n")


def _files(database: Path) -> list[Path]:
    return [database.with_name(database.name + ending) for ending in _JOURNALS]


def _phase(place: Place, key: bytes) -> str | None:
    with writing(place, key) as store:
        return store.read(recovered.phase)


def _serve(
    document: MemberDocument, revoked: AbstractSet[str], now_ms: int, known: list[str]
) -> list[str]:
    """Those of the keys of this recovery under which it can go on; none: it needs others.

    That is so once the key by which peers know it is over, or revoked: they hand back to no other.
    """
    ends = {one.key.key_id: one.not_after_ms for one in document.sealing}
    lasting = [i for i in known if i not in revoked and ends.get(i, now_ms + 1) > now_ms]
    said = document.recovering
    named = known[:1] if said is None or said.sealing_key not in known else [said.sealing_key]
    return lasting if set(named) & set(lasting) else []


def _fresh(
    config: Config, unlock: Unlock, key: bytes, serve: Callable[[list[str]], list[str]]
) -> list[str]:
    """The ids of a year of sealing keys made after the loss, in turn; the database knows them."""
    with writing(store_place(config), key) as store:
        known = serve(store.read(recovered.fresh_keys))
        if known:
            return known
        made = [SealingKey.generate() for _ in range(SEALING_PERIODS)]
        for one in made:
            add_sealing_key(config.member.keys_dir, unlock, one)
        fresh = [one.public.key_id for one in made]
        store.write(recovered.keep_fresh_keys, fresh)
        return fresh


def _destroy_others(config: Config, unlock: Unlock, fresh: list[str]) -> None:
    """Whatever lay on the lost machine, or in its backup, opens nothing any more."""
    for key in load_sealing_keys(config.member.keys_dir, unlock):
        if key.public.key_id not in fresh:
            destroy_sealing_key(config.member.keys_dir, key.public.key_id)


def _saying(document: MemberDocument, fresh: list[str], now_ms: int) -> MemberDocument:
    """The next document: only the new sealing keys, and that this member recovers."""
    turns = sealing_calendar(fresh, now_ms)
    by_id = {one.key.key_id: one for one in document.sealing}
    sealing = tuple(replace(by_id[i], not_after_ms=ends) for i, ends in turns.items())
    said = document.recovering
    if said is None or said.sealing_key not in fresh:
        said = Recovering(fresh[0], now_ms)
    return replace(document, sealing=sealing, recovering=said)
