"""`hotline join`: pin the network by its fingerprint, fetch it, see that this member is in it.

Nothing is written to the configuration before the registry was fetched, verified from the pin up
and found to list this member with the keys that lie here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.config.edit import change_file
from node.registry.errors import NoRegistryError
from node.registry.updater import RegistryClient, read_fingerprint
from node.setup.errors import NotAdmittedError, OtherNetworkError
from node.setup.opening import open_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keys.keyring import MemberKeys
    from keys.registry import Registry
    from node.config import Config


@dataclass(frozen=True, slots=True)
class Joined:
    """The network that was joined. `status`: `active` or `suspended`."""

    network: str
    status: str
    members: int
    mirrors: tuple[str, ...]


def join(config: Config, fingerprint: str, mirrors: Sequence[str], now_ms: int) -> Joined:
    """Pin, fetch, verify, and write `[registry]` of the configuration.

    Args:
        config: of this node; its file is changed.
        fingerprint: SHA-256 of the first root, as a person was told it.
        mirrors: where to fetch from, before those of the configuration, which stay in it.
        now_ms: UTC.

    Raises:
        OtherNetworkError: the configuration pins another network already.
        RegistryError: no mirror gave this network, or an address or the fingerprint is wrong.
        NotAdmittedError: the network does not list this member, or lists other keys.
        KeysError: the keys here do not open.
        ConfigError: the file cannot be changed.
    """
    pin = read_fingerprint(fingerprint)
    if config.registry.root_sha256 not in {None, pin.hex()}:
        mend = "another network is pinned; a node belongs to one network: make a new one"
        raise OtherNetworkError(f"[registry] root_sha256: {mend}")
    keys = open_keys(config)
    places = tuple(dict.fromkeys([*mirrors, *config.registry.mirrors]))
    anew = config.registry.root_sha256 is None
    directory, member = config.registry.directory, config.member.id
    client = RegistryClient(pin, directory, places, member=member, anew=anew)
    client.join_blocking(now_ms)
    registry = client.current()
    check_standing(registry, config.member.id, keys)
    change_file(config.source, "registry", {"root_sha256": pin.hex(), "mirrors": list(places)})
    status = registry.network.members[config.member.id].status
    return Joined(registry.network_id, status, len(registry.members), places)


def joined(config: Config) -> RegistryClient | None:
    """Give the registry as it was last verified here; None if this node has not joined.

    Raises:
        RegistryError: what lies here is damaged or another network's.
    """
    if config.registry.root_sha256 is None:
        return None
    client = RegistryClient(
        bytes.fromhex(config.registry.root_sha256),
        config.registry.directory,
        config.registry.mirrors,
        member=config.member.id,
    )
    try:
        client.current()
    except NoRegistryError:
        return None
    return client


def check_standing(registry: Registry, member: str, keys: MemberKeys) -> None:
    """See that the registry lists a member with the keys that lie here.

    Raises:
        NotAdmittedError: it does not.
    """
    if member not in registry.members:
        mend = "give admission.json to the umbrella, then join again"
        raise NotAdmittedError(f"[member] id: {registry.network_id} does not list it; {mend}")
    if not keys_match(registry, member, keys):
        mend = "use the keys_dir that belongs to it, or ask the umbrella to replace the member key"
        raise NotAdmittedError(f"[member] keys_dir: the network lists other keys; {mend}")


def keys_match(registry: Registry, member: str, keys: MemberKeys) -> bool:
    """Tell whether what the registry publishes for a member are the keys that lie here."""
    document = registry.member(member)
    return (
        keys.log.public in document.log_keys
        and keys.receipt.public in document.receipt_keys
        and keys.transport.public in document.transport_keys
        and keys.tls.spki_sha256 in document.tls_spkis
    )
