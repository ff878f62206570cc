"""Keys and one channel to test with; keys are made once, because making them is the slow part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keys import SigningKey
from protocol.channel import Channel
from protocol.vocabulary import Lane

NETWORK = "demo-0123456789abcdef"
VECTORS = Path(__file__).resolve().parent.parent / "vectors"


@pytest.fixture(scope="session")
def log_key() -> SigningKey:
    """Give the sender's hybrid log key."""
    return SigningKey.from_seeds(b"\x21" * 32, b"\x22" * 32)


@pytest.fixture(scope="session")
def receipt_key() -> SigningKey:
    """Give the receiver's hybrid receipt key."""
    return SigningKey.from_seeds(b"\x23" * 32, b"\x24" * 32)


@pytest.fixture(scope="session")
def other_key() -> SigningKey:
    """Give a hybrid key that nobody lists."""
    return SigningKey.from_seeds(b"\x25" * 32, b"\x26" * 32)


@pytest.fixture(scope="session")
def channel() -> Channel:
    """Give the reports channel from gb-iwf to nl-eokm."""
    return Channel(NETWORK, "gb-iwf", "nl-eokm", Lane.REPORTS)


def vectors(name: str) -> Any:
    """Read a file of test vectors; each names its source."""
    return json.loads((VECTORS / name).read_bytes())
