"""A node that keeps the registry, and what an umbrella, or who has its keys, shows it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from node.registry.updater import RegistryClient
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    make_document,
    member_files,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IWF, EOKM = "gb-iwf", "nl-eokm"


HOUR_MS = 3_600_000


LATER = NOW_MS + HOUR_MS


@dataclasses.dataclass
class Node:
    """A node with mirrors in memory."""

    mirrors: Mirrors
    directory: Path
    pin: bytes
    client: RegistryClient

    def restart(self) -> None:
        """A new process over the same directory."""
        self.client = RegistryClient(
            self.pin, self.directory, [UMBRELLA], member=IWF, transport=self.mirrors
        )

    def sees(self, files: Mapping[str, bytes] | None) -> None:
        """Let the umbrella serve this."""
        self.mirrors.serving[UMBRELLA] = files


def moved(umbrella: Umbrella, member: str = EOKM, now_ms: int = LATER) -> Umbrella:
    """The network after a member has published a new endpoint."""
    document = make_document(
        umbrella.registry.network_id, member, sequence=2, endpoint="https://new.example:1"
    )
    return umbrella.accept(member_files(document, 2, now_ms), now_ms)
