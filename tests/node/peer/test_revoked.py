"""A thief uses a revoked key on the wire: over real TLS, he is neither heard nor spoken to."""

from __future__ import annotations

import pytest

from keys.registry import Registry
from node.peer.errors import CallError
from node.peer.http.client import HttpTransport
from protocol.revocation import apply, key_ids
from tests.node.peer.kit import (
    EOKM,
    HEAD,
    IWF,
    PUSH_PATH,
    SEALED,
    Listening,
    request,
)


def revoked(registry: Registry, member: str, purpose: str, us: str) -> Registry:
    """Give the registry as `us` believes it after the member's keys of a purpose were revoked."""
    ids = key_ids(registry.member(member)).items()
    return apply(registry, {member: frozenset(i for i, of in ids if of == purpose)}, us)


async def test_3_7_a_request_under_a_revoked_transport_key_is_refused(
    listening: Listening,
) -> None:
    """As one under a key never heard of: nothing is taken, asked or remembered."""
    made = request(listening.network)
    listening.network.registry = revoked(listening.network.registry, IWF, "transport", EOKM)
    assert await listening.told(made) == (421, "registry_behind")
    assert not any((listening.inbox.taken, listening.inbox.asked, listening.contacts))


async def test_3_7_a_listener_with_a_revoked_pin_is_not_spoken_to(
    listening: Listening, client: HttpTransport
) -> None:
    """The handshake ends before a byte of a request is shown."""
    listening.network.registry = revoked(listening.network.registry, EOKM, "tls", IWF)
    with pytest.raises(CallError):
        await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
    assert not any((listening.inbox.taken, listening.inbox.prechecked))


async def test_3_7_an_answer_under_a_revoked_transport_key_does_not_count(
    listening: Listening, client: HttpTransport
) -> None:
    """A receipt that a thief hands back moves nothing."""
    before = listening.network.registry
    listening.network.registry = revoked(before, EOKM, "transport", IWF)
    with pytest.raises(CallError):
        await client.push(EOKM, PUSH_PATH, HEAD, SEALED)
