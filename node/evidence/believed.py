"""What verification takes as given."""

from __future__ import annotations

from dataclasses import dataclass

from keys.registry import Registry
from keys.signing import VerifyKey
from node.matching.fingerprints import Fingerprints


@dataclass(frozen=True, slots=True)
class Believed:
    """What verification takes as given: who we are, the registry, the node's own secrets."""

    us: str
    registry: Registry
    fingerprints: Fingerprints
    node_secret: bytes

    @property
    def log_keys(self) -> tuple[VerifyKey, ...]:
        """Our own log keys."""
        return self.registry.member(self.us).log_keys
