"""§8.14: what is shown of a ledger is verified whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keys import SigningKey
from protocol.channel import Channel
from protocol.errors import (
    CheckpointError,
    MalformedError,
    ProofError,
    TooLargeError,
    UnheardKeyError,
)
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.ledger import verify_ledger_head as verified
from protocol.merkle import inclusion_path, root_of
from protocol.showing import (
    MAX_SHOWING_BYTES,
    NOTHING_SHOWN,
    Parties,
    Showing,
    ShownHead,
    ShownLeaf,
    from_bytes,
    to_bytes,
    verify_showing,
)
from protocol.vocabulary import Lane
from protocol.witness import cosign_head

NETWORK, IWF, EOKM = "demo-0123456789abcdef", "gb-iwf", "nl-eokm"
LOG, FIRST, SECOND, OTHER = (SigningKey.generate() for _ in range(4))
WITNESSES = {"fr-pdc": [FIRST.public], "de-eco": [SECOND.public]}
PARTIES = Parties(NETWORK, IWF, EOKM, [LOG.public], WITNESSES)
ORIGIN = Channel(NETWORK, IWF, EOKM, Lane.STATUS).origin(b"\x09" * 8)
SHOWN = LoggedHead(str(ORIGIN), 12, b"\x12" * 32)
LEAVES = [bytes([n]) * 32 for n in range(4)] + [SHOWN.leaf]


def showing(
    leaf: ShownLeaf | None = None,
    owner: str = IWF,
    key: SigningKey = LOG,
    change: Callable[[bytes], bytes] = lambda lines: lines,
) -> Showing:
    """Give what gb-iwf shows: one channel, under a head that two others cosigned."""
    origin = LedgerOrigin(NETWORK, owner, b"\x01" * 8)
    note = sign_ledger_head(LedgerHead(origin, len(LEAVES), root_of(LEAVES)), key)
    head = verified(note, [key.public])
    lines = cosign_head(head, "fr-pdc", FIRST, 100) + cosign_head(head, "de-eco", SECOND, 200)
    path = tuple(inclusion_path(LEAVES, 4, 5))
    return Showing(1, (ShownHead(note + change(lines), (leaf or ShownLeaf(*SHOWN, 4, path),)),))


def test_8_14_what_is_shown_is_read_with_its_time() -> None:
    """Since the second witness that is no party."""
    raw = to_bytes(showing())
    assert verify_showing(from_bytes(raw), PARTIES) == [(ORIGIN, 12, SHOWN.root, 200)]
    assert verify_showing(NOTHING_SHOWN, PARTIES) == []


def test_8_14_a_witness_that_is_a_party_does_not_count() -> None:
    """Nor one whose key is not listed."""
    reader = Parties(NETWORK, IWF, EOKM, [LOG.public], {"fr-pdc": [FIRST.public]})
    (place,) = verify_showing(showing(), reader)
    assert place.witnessed_s is None


@pytest.mark.parametrize(
    ("shown", "error"),
    [
        (lambda: showing(owner=EOKM), CheckpointError),
        (lambda: showing(key=OTHER), UnheardKeyError),
        (lambda: showing(ShownLeaf(*SHOWN, 3, tuple(inclusion_path(LEAVES, 4, 5)))), ProofError),
        (lambda: showing(ShownLeaf(*SHOWN._replace(size=13), 4, ())), ProofError),
        (lambda: showing(ShownLeaf("nonsense", 1, bytes(32), 0, ())), CheckpointError),
        (
            lambda: showing(
                ShownLeaf(str(ORIGIN._replace(receiver="fr-pdc")), 1, bytes(32), 0, ())
            ),
            CheckpointError,
        ),
        (
            lambda: showing(
                ShownLeaf(str(ORIGIN._replace(network="x-" + "0" * 16)), 1, bytes(32), 0, ())
            ),
            CheckpointError,
        ),
    ],
    ids=["owner", "signer", "place", "size", "origin", "channel", "network"],
)
def test_8_14_one_thing_wrong_and_nothing_is_believed(
    shown: Callable[[], Showing], error: type[Exception]
) -> None:
    """It is as if nothing had been shown."""
    with pytest.raises(error):
        verify_showing(shown(), PARTIES)


def test_8_14_half_a_cosignature_says_nothing_and_takes_nothing_from_what_is_shown() -> None:
    """A witness could make its lines look wrong afterwards: no owner is refused for that."""
    (shown,) = verify_showing(showing(change=lambda lines: lines.split(b"\n", 1)[1]), PARTIES)
    assert shown.witnessed_s is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x92\x01",
        b"\x92\x02\x90",
        b"\x93\x01\x90\xc0",
        b"\x92\x01\x90\xc0",
        b"\x92\xcc\x01\x90",
    ],
)
def test_8_14_a_showing_has_one_form(raw: bytes) -> None:
    """Canonical, of version 1, exactly its fields."""
    with pytest.raises(MalformedError):
        from_bytes(raw)


def test_8_14_a_showing_that_is_too_long_is_not_read() -> None:
    """Before anything else."""
    with pytest.raises(TooLargeError):
        from_bytes(bytes(MAX_SHOWING_BYTES + 1))
