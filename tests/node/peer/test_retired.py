"""Transport and TLS keys are rotated: both are believed for a while, then only the successor."""

from __future__ import annotations

import pytest

from keys.signing import SigningKey
from keys.tls import TlsKey
from keys.turns import TURN_GRACE_MS
from node.peer.errors import UnheardAnswerKeyError, WrongTlsKeyError
from node.peer.http.client import HttpTransport
from node.peer.http.listener import show_certificate
from tests.builders.network import NOW_MS
from tests.node.peer.kit import EOKM, HEAD, IWF, PUSH_PATH, SEALED, Clock, Listening, request

OVER = NOW_MS + TURN_GRACE_MS


async def pushed(client: HttpTransport) -> int:
    """Push to `nl-eokm`; give the status of its signed answer."""
    return (await client.push(EOKM, PUSH_PATH, HEAD, SEALED)).status


async def test_3_8_a_request_under_a_retired_transport_key_is_refused(
    listening: Listening,
) -> None:
    """In its grace it is taken; after it nothing is taken, asked or remembered."""
    network = listening.network
    network.rotate(IWF, "transport", SigningKey.generate(hybrid=False))
    assert (await listening.send(request(network))).status == 200
    taken, contacts = len(listening.inbox.taken), list(listening.contacts)
    listening.clock.now = OVER
    made = request(network, created_ms=OVER, nonce=bytes(16))
    assert await listening.told(made) == (421, "registry_behind")
    assert (len(listening.inbox.taken), listening.contacts) == (taken, contacts)


async def test_3_8_an_answer_under_a_new_transport_key_counts_once_it_is_known(
    listening: Listening, client: HttpTransport
) -> None:
    """Until then the caller asks for the registry, and makes the same request again."""
    assert listening.signer is not None
    listening.signer.key = key = SigningKey.generate(hybrid=False)
    with pytest.raises(UnheardAnswerKeyError) as unheard:
        await pushed(client)
    assert unheard.value.refresh
    listening.network.rotate(EOKM, "transport", key)
    assert await pushed(client) == 200


async def test_3_8_an_answer_under_a_retired_transport_key_does_not_count(
    listening: Listening, client: HttpTransport
) -> None:
    """A thief who kept it can answer in nobody's name."""
    listening.network.rotate(EOKM, "transport", SigningKey.generate(hybrid=False))
    assert await pushed(client) == 200
    listening.clock.now = OVER
    with pytest.raises(UnheardAnswerKeyError):
        await pushed(client)


async def test_3_8_a_listener_shows_its_new_certificate_without_a_restart(
    listening: Listening, client: HttpTransport
) -> None:
    """Who has not heard of the pin sends nothing; who has is served at the same address."""
    assert listening.runner is not None
    key = TlsKey.issue(EOKM, NOW_MS)
    show_certificate(listening.runner, key)
    with pytest.raises(WrongTlsKeyError) as unheard:
        await pushed(client)
    assert unheard.value.refresh
    listening.network.rotate(EOKM, "tls", key)
    assert await pushed(client) == 200


async def test_3_8_a_listener_with_a_retired_pin_is_not_spoken_to(
    listening: Listening, client: HttpTransport, clock: Clock
) -> None:
    """In its grace both are accepted; after it the handshake ends before a byte is shown."""
    listening.network.rotate(EOKM, "tls", TlsKey.issue(EOKM, NOW_MS))
    assert await pushed(client) == 200
    await client.close()
    clock.now = OVER
    with pytest.raises(WrongTlsKeyError):
        await pushed(client)
