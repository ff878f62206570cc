"""`hotline publish`: send this member's next document to the umbrella."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from node.cli.output import Result
from node.config import load
from node.setup.publishing import publish as send
from node.setup.staging import alone

if TYPE_CHECKING:
    from pathlib import Path


def publish(path: Path, umbrella: str | None, *, rotate: bool) -> Result:
    """Sign and send the next member document.

    Raises:
        SetupError, RegistryError, KeysError, ConfigError: as `node.setup.publishing.publish`.
    """
    config = load(path)
    with alone(config.member.keys_dir):  # a recovery destroys what keys it did not make
        published = send(config, time.time_ns() // 1_000_000, rotate=rotate, umbrella=umbrella)
    text = f"{config.member.id}: document {published.sequence} is published"
    until = datetime.fromtimestamp(published.sealing_until_ms / 1000, UTC).date().isoformat()
    text += f"\nsealing keys last until {until}; the running node finds new ones by itself"
    text += f"\nmove {config.member.keys_dir / 'member.key'} back to where it is kept offline"
    return Result(asdict(published), text)
