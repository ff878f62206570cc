"""Pins within the handshake, without sockets: the two ends of TLS in memory."""

from __future__ import annotations

import ssl

import pytest

from keys.tls import TlsKey
from node.peer.http.pins import PinMismatchError, PinnedContext, server_context
from tests.builders.network import NOW_MS, member_keys

OURS = member_keys("nl-eokm").tls
OTHER = member_keys("de-eco").tls


class Ends:
    """A client and a server, and what lies on the wire between them."""

    def __init__(self, pins: frozenset[bytes], key: TlsKey) -> None:
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = PinnedContext.of(pins).wrap_bio(self.to_client, self.to_server)
        self.server = server_context(key).wrap_bio(self.to_server, self.to_client, server_side=True)

    def shake(self) -> None:
        """Let both do their handshake, as far as they go."""
        ends = [self.client, self.server]
        while ends:
            for end in list(ends):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                ends.remove(end)


def test_a_pinned_key_is_accepted() -> None:
    """Any of several: the next key is published before it is used."""
    ends = Ends(frozenset({OURS.spki_sha256, OTHER.spki_sha256}), OURS)
    ends.shake()
    assert ends.client.version() == "TLSv1.3"


@pytest.mark.parametrize("pins", [frozenset({OTHER.spki_sha256}), frozenset()])
def test_another_key_ends_the_handshake(pins: frozenset[bytes]) -> None:
    """Before there is a connection on which something could be sent."""
    ends = Ends(pins, OURS)
    with pytest.raises(PinMismatchError):
        ends.shake()


def test_a_new_certificate_of_the_same_key_is_accepted() -> None:
    """The key is pinned; names and dates are nothing."""
    again = TlsKey.issue("another-name", NOW_MS - 20 * 365 * 86_400_000)
    ends = Ends(frozenset({again.spki_sha256}), again)
    ends.shake()
    assert ends.server.version() == "TLSv1.3"


def test_the_listener_speaks_nothing_older() -> None:
    """A caller that offers TLS 1.2 at most is turned away."""
    ends = Ends(frozenset({OURS.spki_sha256}), OURS)
    context = PinnedContext.of(frozenset({OURS.spki_sha256}))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    ends.client = context.wrap_bio(ends.to_client, ends.to_server)
    with pytest.raises(ssl.SSLError):
        ends.shake()


def test_a_caller_speaks_nothing_older() -> None:
    """The right key in TLS 1.2 is not the right peer."""
    ends = Ends(frozenset({OURS.spki_sha256}), OURS)
    context = server_context(OURS)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    ends.server = context.wrap_bio(ends.to_server, ends.to_client, server_side=True)
    with pytest.raises(ssl.SSLError):
        ends.shake()
