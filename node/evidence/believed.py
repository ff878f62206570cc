"""What verification takes as given."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from keys.registry import Registry
from keys.signing import VerifyKey
from node.matching.fingerprints import Fingerprints


@dataclass(frozen=True, slots=True)
class Believed:
    """What verification takes as given: who we are, the registry, the node's own secrets.

    `revoked`: by member, ids of keys that revocation notes take trust from.
    """

    us: str
    registry: Registry
    fingerprints: Fingerprints
    node_secret: bytes
    revoked: Mapping[str, AbstractSet[str]] = field(default_factory=dict)

    @property
    def log_keys(self) -> tuple[VerifyKey, ...]:
        """Our own log keys."""
        return self.registry.member(self.us).log_keys
