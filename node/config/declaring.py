"""How a key of the configuration is declared."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from node.config.values import Kind


def key(meaning: str, kind: Kind, default: Any = MISSING, derived: str = "") -> Any:
    """Declare one key. `derived` describes a default that follows from another key."""
    metadata = {"meaning": meaning, "kind": kind, "derived": derived}
    return field(default=default, metadata=metadata)
