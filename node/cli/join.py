"""`hotline join`: enter a network."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from node.cli.output import Result
from node.config import load
from node.setup.joining import join as enter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def join(path: Path, fingerprint: str, mirrors: Sequence[str]) -> Result:
    """Pin, fetch and verify the network's registry.

    Raises:
        SetupError, RegistryError, KeysError, ConfigError: as `node.setup.joining.join`.
    """
    config = load(path)
    joined = enter(config, fingerprint, mirrors, time.time_ns() // 1_000_000)
    text = (
        f"{config.member.id} is {joined.status} in {joined.network}, "
        f"one of {joined.members} members\nnext: hotline run --config {config.source}"
    )
    return Result(asdict(joined), text)
