"""§8.12 over HTTP: statuses and bodies of C2SP tlog-witness, under our own signatures."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from keys.errors import HsmAwayError
from keys.signing import SigningKey
from node.matching.fingerprints import Fingerprints
from node.peer.errors import BadAnswerError, PeerRefusedError
from node.peer.http import signatures, wire
from node.peer.http.client import HttpTransport
from node.peer.http.signatures import HttpRequest
from node.peer.ledgers.crosscheck import Crosscheck
from node.peer.ledgers.ledger_endpoint import LedgerEndpoint
from node.peer.ledgers.ledger_exchange import LINEAGE, SHOWING, LedgerExchange
from node.peer.ledgers.lineage import Lineages
from node.peer.ledgers.witness import Witness
from node.store.sqlite import Store
from protocol import lineage, showing
from protocol.ledger import LedgerHead, LedgerOrigin, LoggedHead, sign_ledger_head
from protocol.lineage import Lineage, Link, to_bytes
from protocol.merkle import consistency_path, root_of
from protocol.witness import MAX_SUBMISSION_BYTES, Submission, take_cosignature
from tests.builders.empty import empty_store
from tests.node.peer.kit import (
    ECO,
    EOKM,
    IWF,
    NONCE,
    Arrived,
    Clock,
    Listening,
    Network,
    Pretend,
    Serve,
    digest_field,
    signed_response,
    verified,
    writes,
)

LEAVES = [bytes([n]) * 32 for n in range(20)]


@pytest.fixture
async def witness(
    network: Network, clock: Clock, serve: Serve, tmp_path: Path, client: HttpTransport
) -> AsyncIterator[Listening]:
    """Give a listener of nl-eokm that cosigns ledgers."""
    keys = network.keys[EOKM]
    empty_store(tmp_path / "node.db", keys.database_key)
    store = Store.inline(
        tmp_path / "node.db", keys.database_key, EOKM, Fingerprints(keys.fingerprint_secret)
    )
    made = Witness(EOKM, store.witness, network, lambda: keys.witness, clock, lambda: None)
    lineages = Lineages(EOKM, store.lineages, network, client, clock, lambda: keys.log)
    shown = Lineage(1, None, None, (), (Link(note(network, 5), ()),), ())
    await lineages.answer(IWF, to_bytes(shown))
    compared = Crosscheck(EOKM, store.crosschecks, network, client, lineages.exchange, clock)
    yield await serve(ledgers=LedgerEndpoint(made, compared, lineages))
    await store.close()


def body(network: Network, old: int, new: int, key: SigningKey | None = None) -> bytes:
    """Give what gb-iwf hands in."""
    path = consistency_path(LEAVES, old, new) if old else []
    return Submission(old, tuple(path), note(network, new, key)).to_bytes()


def note(network: Network, size: int, key: SigningKey | None = None) -> bytes:
    """Sign gb-iwf's ledger at a size."""
    origin = LedgerOrigin(network.registry.network_id, IWF, bytes(8))
    head = LedgerHead(origin, size, root_of(LEAVES[:size]))
    return sign_ledger_head(head, key or network.keys[IWF].log)


async def raw(
    listening: Listening, sent: bytes, owner: str = IWF, media: str = "", path: str = ""
) -> Arrived:
    """Send a body without our client, signed by gb-iwf, and verify who answered."""
    digest = digest_field(sent)
    headers = CIMultiDict(
        {
            "Content-Digest": digest,
            "Content-Type": media or wire.SUBMISSION_TYPE,
            "Content-Length": str(len(sent)),
        }
    )
    network = listening.network
    endpoint = network.registry.member(EOKM).endpoint
    made = HttpRequest("POST", f"{endpoint}{path or wire.submission_path(owner)}", headers)
    nonce = hashlib.sha256(sent).digest()[:16]
    signatures.sign_request(
        made, network.keys[IWF].transport, IWF, listening.clock(), nonce or NONCE
    )
    return verified(network, made, await listening.calls.send(made, sent))


async def test_8_12_a_head_is_answered_by_cosignature_lines(
    witness: Listening, client: HttpTransport, network: Network
) -> None:
    """As C2SP writes them, and under the answer's own signature."""
    lines = await client.add_checkpoint(EOKM, body(network, 0, 5))
    assert isinstance(lines, bytes)
    assert all(line.startswith("\u2014 ") for line in lines.decode().splitlines())
    keys = network.registry.member(EOKM).witness_keys
    _, time_s = take_cosignature(note(network, 5), lines, EOKM, keys)
    assert time_s == witness.clock() // 1000


async def test_8_12_a_conflict_is_answered_with_the_size_that_is_held(
    witness: Listening, client: HttpTransport, network: Network
) -> None:
    """409, decimal, newline, and the type that C2SP names."""
    await client.add_checkpoint(EOKM, body(network, 0, 5))
    assert await client.add_checkpoint(EOKM, body(network, 0, 7)) == 5
    arrived = await raw(witness, body(network, 3, 7))
    assert (arrived.status, arrived.body) == (409, b"5\n")
    assert arrived.headers["Content-Type"] == "text/x.tlog.size"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_submission"),
        (403, "unsigned_head"),
        (404, "unknown_ledger"),
        (422, "inconsistent_head"),
    ],
)
async def test_8_12_what_is_refused_has_the_status_of_c2sp(
    witness: Listening, client: HttpTransport, network: Network, status: int, code: str
) -> None:
    """And a signed code, so that a middlebox's status moves nothing."""
    await client.add_checkpoint(EOKM, body(network, 0, 5))
    sent = {
        400: b"old 7\n\n" + note(network, 5),
        403: body(network, 5, 7, SigningKey.generate()),
        404: body(network, 0, 5).replace(b"/gb-iwf/", b"/de-eco/"),
        422: Submission(5, (), note(network, 7)).to_bytes(),
    }[status]
    arrived = await raw(witness, sent)
    assert (arrived.status, arrived.body) == (status, code.encode())
    with pytest.raises(PeerRefusedError, match=code):
        await client.add_checkpoint(EOKM, sent)


async def test_8_12_nobody_hands_in_at_anothers_path(witness: Listening, network: Network) -> None:
    """The path names the member that signs the request."""
    arrived = await raw(witness, body(network, 0, 5), owner=ECO)
    assert (arrived.status, arrived.body) == (403, b"foreign_channel")


async def test_8_12_another_media_type_is_refused(witness: Listening, network: Network) -> None:
    """As everywhere."""
    arrived = await raw(witness, body(network, 0, 5), media="application/json")
    assert arrived.status == 415


async def test_8_12_what_is_too_long_is_not_read(witness: Listening) -> None:
    """Its announced length is enough."""
    arrived = await raw(witness, bytes(MAX_SUBMISSION_BYTES + 1))
    assert (arrived.status, arrived.body) == (400, b"bad_submission")


async def test_8_12_a_member_without_the_endpoint_refuses(
    listening: Listening, client: HttpTransport, network: Network
) -> None:
    """As a node of an earlier version does: another witness is asked."""
    assert listening.contacts == []
    with pytest.raises(PeerRefusedError, match="unknown_path"):
        await client.add_checkpoint(EOKM, body(network, 0, 5))


@pytest.mark.parametrize(
    ("status", "media", "said"),
    [
        (200, wire.SIZE_TYPE, b"5\n"),
        (409, wire.SIZE_TYPE, b"05\n"),
        (409, wire.SUBMISSION_TYPE, b"5\n"),
        (200, wire.RECEIPT_TYPE, b"lines"),
    ],
)
async def test_8_12_another_answer_is_none(
    pretend: Pretend,
    client: HttpTransport,
    network: Network,
    status: int,
    media: str,
    said: bytes,
) -> None:
    """Status, type and form have to fit."""
    await pretend(
        writes(lambda made: signed_response(network, made, status, said, media_type=media))
    )
    with pytest.raises(BadAnswerError):
        await client.add_checkpoint(EOKM, body(network, 0, 5))


async def test_8_16_6_who_cannot_sign_now_says_so_and_names_why_in_its_log(
    network: Network, clock: Clock, serve: Serve, tmp_path: Path, client: HttpTransport
) -> None:
    """Its token is away: that is nothing unforeseen, and whoever asked asks again."""

    def away() -> SigningKey:
        raise HsmAwayError

    keys, retired = network.keys[EOKM], SigningKey.generate()
    empty_store(tmp_path / "node.db", keys.database_key)
    store = Store.inline(
        tmp_path / "node.db", keys.database_key, EOKM, Fingerprints(keys.fingerprint_secret)
    )
    origin = LedgerOrigin(network.registry.network_id, EOKM, bytes(8))
    leaf = LoggedHead("channel", 1, bytes(32))
    head = sign_ledger_head(LedgerHead(origin, 1, root_of([leaf.leaf])), retired)
    leaves, heads = "INSERT INTO ledger_leaves", "INSERT INTO ledger_heads"
    await store.writer.run(
        lambda c: c.execute(f"{leaves} VALUES (?, 0, ?, ?, ?)", (bytes(8), *leaf))
    )
    await store.writer.run(lambda c: c.execute(f"{heads} VALUES (1, ?, 1, ?, 1)", (bytes(8), head)))
    made = Witness(EOKM, store.witness, network, lambda: keys.witness, clock, lambda: None)
    shows = Lineages(EOKM, store.lineages, network, client, clock, away)
    compared = Crosscheck(EOKM, store.crosschecks, network, client, shows.exchange, clock)
    await serve(ledgers=LedgerEndpoint(made, compared, shows))
    asked = Lineage(1, lineage.SeenHead(bytes(8), 1), None, (), (), ())
    with capture_logs() as logs, pytest.raises(PeerRefusedError):
        await client.exchange(EOKM, LINEAGE, to_bytes(asked))
    said = [(line["event"], line["code"]) for line in logs if line["log_level"] == "error"]
    assert said == [("no_ledger_shown", "hsm_away")]
    await store.close()


BOTH = pytest.mark.parametrize("about", [SHOWING, LINEAGE], ids=["showing", "lineage"])


@BOTH
async def test_8_14_8_16_what_members_show_each_other_goes_over_http(
    witness: Listening, client: HttpTransport, about: LedgerExchange
) -> None:
    """One road for both: each at its own path, answered in its own form."""
    assert witness.contacts == []
    if about == SHOWING:
        sent = showing.to_bytes(showing.Showing(1, ()))
        assert showing.from_bytes(await client.exchange(EOKM, about, sent)).heads == ()
    else:
        sent = lineage.to_bytes(lineage.NOTHING_SHOWN)
        shown = lineage.from_bytes(await client.exchange(EOKM, about, sent))
        assert shown.seen == lineage.SeenHead(bytes(8), 5)


@BOTH
async def test_8_14_8_16_the_form_of_the_other_exchange_is_refused(
    witness: Listening, about: LedgerExchange
) -> None:
    """The type says what it is about, not the path alone."""
    other = LINEAGE if about == SHOWING else SHOWING
    arrived = await raw(witness, b"\x90", media=other.media_type, path=about.path(IWF))
    assert arrived.status == 415


@BOTH
async def test_8_14_8_16_what_is_shown_at_too_great_length_is_not_read(
    witness: Listening, about: LedgerExchange
) -> None:
    """Each has a code of its own for it."""
    sent = bytes(about.max_bytes + 1)
    arrived = await raw(witness, sent, media=about.media_type, path=about.path(IWF))
    assert (arrived.status, arrived.body.decode()) == (400, about.refusal.code)


@BOTH
async def test_8_14_8_16_the_answer_to_another_exchange_is_none(
    pretend: Pretend, client: HttpTransport, network: Network, about: LedgerExchange
) -> None:
    """What was not asked for is not looked at."""
    other = LINEAGE if about == SHOWING else SHOWING
    await pretend(
        writes(lambda made: signed_response(network, made, 200, b"", media_type=other.media_type))
    )
    with pytest.raises(BadAnswerError):
        await client.exchange(EOKM, about, b"\x90")
