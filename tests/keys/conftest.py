"""Keys to test with: made once, because making them is the slow part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keys import (
    Capabilities,
    MemberDocument,
    MemberEntry,
    MemberKeys,
    NetworkDocument,
    SealingKey,
    SigningKey,
    Unlock,
)
from tests.builders.network import Umbrella, make_document, make_umbrella
from tests.keys.registries import EOKM, IWF

NETWORK = "demo-0123456789abcdef"
NOW_MS = 1_767_225_600_000
VECTORS = Path(__file__).resolve().parent.parent / "vectors"


@pytest.fixture(scope="session")
def hybrid() -> SigningKey:
    """Give a signing key with both halves."""
    return SigningKey.from_seeds(bytes(range(32)), bytes(range(32, 64)))


@pytest.fixture(scope="session")
def single() -> SigningKey:
    """Give a signing key of Ed25519 only."""
    return SigningKey.from_seeds(b"\x07" * 32, None)


@pytest.fixture(scope="session")
def sealing() -> SealingKey:
    """Give a sealing key."""
    return SealingKey.from_seed(b"\x09" * 32)


@pytest.fixture(scope="session")
def member_keys() -> MemberKeys:
    """Give every key of one member."""
    return MemberKeys.generate("gb-iwf", NOW_MS)


@pytest.fixture(scope="session")
def document(member_keys: MemberKeys) -> MemberDocument:
    """Give the member document of those keys."""
    return member_keys.document(
        network=NETWORK,
        member="gb-iwf",
        sequence=1,
        endpoint="https://192.0.2.1:8441",
        reachable=True,
        capabilities=Capabilities((1,), (1, 2, 3)),
        sealing_not_after_ms={key.public.key_id: NOW_MS for key in member_keys.sealing},
    )


@pytest.fixture(scope="session")
def network() -> NetworkDocument:
    """Give a network of two German hotlines, one British, and a police force."""
    return NetworkDocument(
        name="demo",
        members={
            "gb-iwf": MemberEntry("IWF", ("hotline",), ("GB",)),
            "de-eco": MemberEntry("eco", ("hotline",), ("DE",)),
            "de-fsm": MemberEntry("FSM", ("hotline",), ("DE",)),
            "nl-politie": MemberEntry("Police", ("police",), ("NL",)),
        },
        fallback_members=("gb-iwf", "de-eco"),
        choice_rules={"DE": ("de-eco", "de-fsm"), "IM": ("gb-iwf",)},
        policy={"first_action_h": 24},
    )


@pytest.fixture(scope="session")
def unlock() -> Unlock:
    """Give an unlocking secret kept in an environment of our own."""
    return Unlock.from_config("env:SECRET", {"SECRET": "a-random-key-of-more-than-32-bytes"})


def vectors(name: str) -> Any:
    """Read a file of test vectors; each names its source."""
    return json.loads((VECTORS / name).read_bytes())


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})
