"""What a configuration names: key files, the secret that opens them, an HSM, and the store.

Nothing is asked of the HSM until one of its keys signs: a token that is away stops no verb that
only needs to know which keys there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.errors import UnreadableKeyError
from keys.hsm import Hsm
from keys.keyring import MemberKeys, load_database_key, load_fingerprint_secret
from keys.unlock import Unlock
from node.matching.fingerprints import Fingerprints
from node.store.postgres.place import Postgres

if TYPE_CHECKING:
    from node.config import Config
    from node.store.opening import Place


def hsm_of(config: Config) -> Hsm | None:
    """Give the token of a configuration; None if it names none.

    Raises:
        UnreadableKeyError: its URI names too little or too much.
    """
    member = config.member
    if member.hsm is None or member.hsm_pin is None:
        return None
    return Hsm.from_config(member.hsm, member.hsm_pin)


def is_a_nodes(config: Config) -> bool:
    """Whether the configuration is a node's, which has a database."""
    return (config.member.keys_dir / "database.key").exists()


def not_a_nodes(config: Config) -> str | None:
    """Say that a configuration is a network's, by the keys that lie there; None: it is a node's."""
    keys_dir = config.member.keys_dir
    if is_a_nodes(config) or not any(keys_dir.glob("timestamp*.key")):
        return None
    return f"--config: {config.source} is the configuration of a network; name a node's node.toml"


def not_joined(config: Config) -> str:
    """Say why no registry is believed here."""
    return not_a_nodes(config) or "[registry] root_sha256: not joined yet; hotline join"


def open_database_key(config: Config) -> bytes:
    """Read the key of the database.

    Raises:
        KeysError: it does not open, is not safe where it lies, or the configuration is a network's.
    """
    _check_is_nodes(config)
    member = config.member
    return load_database_key(member.keys_dir, Unlock.from_config(member.unlock))


def open_fingerprints(config: Config) -> Fingerprints:
    """Read the secret by which items are found here, and no other key.

    Raises:
        KeysError: it does not open, or is not safe where it lies.
    """
    member = config.member
    unlock = Unlock.from_config(member.unlock)
    return Fingerprints(load_fingerprint_secret(member.keys_dir, unlock))


def _check_is_nodes(config: Config) -> None:
    another = not_a_nodes(config)
    if another is not None:
        raise UnreadableKeyError(another)


def open_keys(config: Config) -> MemberKeys:
    """Read all keys of a member.

    Raises:
        KeysError: they do not open, are not safe where they lie, or are a network's.
    """
    _check_is_nodes(config)
    member = config.member
    return MemberKeys.load(member.keys_dir, Unlock.from_config(member.unlock), hsm_of(config))


def store_place(config: Config) -> Place:
    """Say where the store of a configuration stands; nothing is opened yet.

    Raises:
        UnreadableKeyError: the password of its server cannot be had.
        UnsafeKeyFileError: others could read the file that holds it.
    """
    store = config.store
    if store.url is None:
        return store.path
    password = store.password
    if password is None:
        return Postgres(store.url)
    return Postgres(store.url, Unlock.from_config(password, name="store.password").pin())
