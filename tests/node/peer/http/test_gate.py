"""Who is let in: nobody without a fresh, whole signature of a member; refused, nothing changed."""

from __future__ import annotations

import pytest

from keys.signing import SigningKey
from node.peer.http.bodies import Patience
from node.peer.http.quotas import Quota
from protocol import answers
from protocol.answers import Answer, AnswerCode
from tests.builders.network import NOW_MS
from tests.node.peer.kit import (
    ECO,
    EOKM,
    HEAD,
    IWF,
    NONCE,
    PUSH_PATH,
    SEALED,
    Arrived,
    Listening,
    Serve,
    digest_field,
    request,
    verified,
)

QUESTION = f"/hx1/channels/{IWF}/reports?nonce={NONCE.hex()}"
MALFORMED = Answer(1, AnswerCode.MALFORMED, None, None)
IMPATIENT = Patience(wait_s=0.05, slowest_bytes_per_s=1e9)


def nothing_happened(listening: Listening) -> bool:
    """Whether the rest of the node was left in peace."""
    inbox = listening.inbox
    return not (inbox.taken or inbox.prechecked or inbox.asked or listening.contacts)


def is_bare(arrived: Arrived) -> bool:
    """Whether a refusal is a status and nothing else."""
    return arrived.body == b"" and "Signature" not in arrived.headers


class TestStrangers:
    """Whoever cannot prove who he is changes nothing and costs little."""

    async def test_without_a_signature_there_is_a_bare_refusal(self, listening: Listening) -> None:
        """Not even our signature is spent."""
        made = request(listening.network)
        del made.headers["Signature"]
        arrived = await listening.send(made)
        assert arrived.status == 401
        assert is_bare(arrived)
        assert nothing_happened(listening)

    async def test_two_signatures_are_none(self, listening: Listening) -> None:
        """Which of them was meant is not for us to guess."""
        made = request(listening.network)
        made.headers.add("Signature", made.headers["Signature"])
        assert await listening.told(made) == (401, "unsigned_request")

    async def test_a_key_we_never_heard_of_may_be_new(self, listening: Listening) -> None:
        """Both sides refresh the registry; nothing else happens."""
        made = request(listening.network, key=SigningKey.generate(hybrid=False))
        assert await listening.told(made) == (421, "registry_behind")
        assert listening.behind == [True]
        assert nothing_happened(listening)

    async def test_a_member_we_never_heard_of_may_be_new(self, listening: Listening) -> None:
        """As with a new key."""
        made = request(listening.network)
        listening.network.remove(IWF)
        assert await listening.told(made) == (421, "registry_behind")
        assert nothing_happened(listening)

    async def test_a_question_of_an_unknown_member_gets_its_nonce_back(
        self, listening: Listening
    ) -> None:
        """So that the asker knows that the answer is to its question."""
        made = request(listening.network, QUESTION, method="GET")
        listening.network.remove(IWF)
        arrived = verified(listening.network, made, await listening.send(made))
        assert answers.from_bytes(arrived.body).nonce == NONCE

    async def test_one_member_cannot_speak_in_the_name_of_another(
        self, listening: Listening
    ) -> None:
        """A signature by somebody else's key under a known key id."""
        ours, theirs = request(listening.network), request(listening.network, sender=ECO)
        ours.headers["Signature"] = theirs.headers["Signature"]
        assert await listening.told(ours) == (401, "bad_signature")
        assert nothing_happened(listening)

    async def test_too_many_strangers_get_no_signatures(self, serve: Serve) -> None:
        """Signing refusals is work, so there is an allowance for it."""
        listening = await serve(quota=Quota(strangers_per_s=1))
        first = request(listening.network, created_ms=NOW_MS - 200_000)
        second = request(listening.network, created_ms=NOW_MS - 200_000)
        assert await listening.told(first) == (401, "stale_request")
        arrived = await listening.send(second)
        assert arrived.status == 401
        assert is_bare(arrived)

    async def test_a_signature_that_is_no_text_gets_a_bare_refusal(
        self, listening: Listening
    ) -> None:
        """There is nothing that an answer could be bound to."""
        host = f"127.0.0.1:{listening.calls.port}"
        arrived = await listening.calls.raw(
            f"GET {QUESTION} HTTP/1.1\r\nHost: {host}\r\n".encode()
            + b"Signature: \xff\xfe\r\nSignature-Input: \xff\r\n\r\n"
        )
        assert arrived.status == 401
        assert is_bare(arrived)

    async def test_the_software_is_not_named(self, listening: Listening) -> None:
        """Nobody learns versions to attack."""
        made = request(listening.network)
        assert "Server" not in (await listening.send(made)).headers


class TestTime:
    """A request is made now, and counts once."""

    @pytest.mark.parametrize("age_s", [-30, 0, 90])
    async def test_a_request_lives_for_a_minute_and_some_difference_of_clocks(
        self, listening: Listening, age_s: int
    ) -> None:
        """Ninety seconds back, thirty ahead."""
        listening.clock.now = NOW_MS + 200_000
        made = request(listening.network, created_ms=listening.clock.now - 1000 * age_s)
        assert (await listening.send(made)).status == 200

    @pytest.mark.parametrize("age_s", [-31, 91])
    async def test_a_request_of_another_time_is_refused(
        self, listening: Listening, age_s: int
    ) -> None:
        """Too old, or of the future."""
        listening.clock.now = NOW_MS + 200_000
        made = request(listening.network, created_ms=listening.clock.now - 1000 * age_s)
        assert await listening.told(made) == (401, "stale_request")
        assert nothing_happened(listening)

    async def test_a_request_from_before_our_start_is_refused(self, listening: Listening) -> None:
        """What was seen before a restart is forgotten, so nothing from before it counts."""
        made = request(listening.network, created_ms=NOW_MS - 1000)
        assert await listening.told(made) == (401, "stale_request")

    async def test_a_replayed_request_is_refused(self, listening: Listening) -> None:
        """The same bytes again, on another connection."""
        made = request(listening.network)
        assert (await listening.send(made)).status == 200
        assert await listening.told(made) == (409, "replayed_request")
        assert len(listening.inbox.prechecked) == 1

    async def test_a_nonce_belongs_to_its_sender(self, listening: Listening) -> None:
        """Another member may use the same one."""
        path = PUSH_PATH.replace(IWF, ECO)
        assert (await listening.send(request(listening.network))).status == 200
        assert (await listening.send(request(listening.network, path, sender=ECO))).status == 200


class TestCoverage:
    """Whatever is not as it was signed is refused."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Content-Digest", digest_field(b"another body")),
            ("Content-Type", "application/octet-stream"),
        ],
    )
    async def test_a_changed_header_is_seen(
        self, listening: Listening, name: str, value: str
    ) -> None:
        """Digest, type and length are signed."""
        made = request(listening.network)
        made.headers[name] = value
        assert await listening.told(made) == (401, "bad_signature")
        assert nothing_happened(listening)

    async def test_a_shorter_body_with_a_fitting_length_is_seen(self, listening: Listening) -> None:
        """The length is signed, so the body cannot be cut by who rewrites the header."""
        made = request(listening.network)
        made.headers["Content-Length"] = "100"
        body = (HEAD + SEALED)[:100]
        assert (await listening.send(made, body)).status == 401

    async def test_a_changed_path_is_seen(self, listening: Listening) -> None:
        """A push cannot be moved to another lane."""
        made = request(listening.network)
        moved = request(listening.network, PUSH_PATH.replace("reports", "status"))
        moved.headers.update(made.headers)
        arrived = await listening.send(moved)
        assert (arrived.status, arrived.body) == (401, b"bad_signature")

    async def test_a_changed_question_is_seen(self, listening: Listening) -> None:
        """The nonce of a question stands in its query, which is signed."""
        made = request(listening.network, QUESTION, method="GET")
        other = request(listening.network, QUESTION.replace("00", "01", 1), method="GET")
        other.headers.update(made.headers)
        arrived = await listening.send(other)
        assert (arrived.status, arrived.body) == (401, b"bad_signature")

    async def test_a_request_made_for_another_host_is_refused(self, listening: Listening) -> None:
        """What was sent to one member cannot be played to another."""
        made = request(listening.network)
        arrived = await listening.calls.send(made, HEAD + SEALED, host="fr-pdc.example:8441")
        assert (arrived.status, arrived.body) == (421, b"wrong_authority")
        assert nothing_happened(listening)

    async def test_a_host_that_was_not_signed_is_refused(self, listening: Listening) -> None:
        """The caller names our host, but signed for another."""
        port = listening.calls.port
        listening.network.move(EOKM, port + 1 if port < 65535 else port - 1)
        made = request(listening.network)
        listening.network.move(EOKM, port)
        assert (await listening.send(made)).status == 401

    async def test_less_than_everything_signed_is_nothing_signed(
        self, listening: Listening
    ) -> None:
        """A valid signature over less would leave the rest to whoever is in between."""
        made = request(listening.network, QUESTION, method="GET")
        pushed = request(listening.network)
        pushed.headers["Signature"] = made.headers["Signature"]
        pushed.headers["Signature-Input"] = made.headers["Signature-Input"]
        assert (await listening.send(pushed)).status == 401

    async def test_a_channel_of_somebody_else_is_refused(self, listening: Listening) -> None:
        """A member pushes on its own channels."""
        made = request(listening.network, PUSH_PATH.replace(IWF, ECO))
        assert await listening.told(made) == (403, "foreign_channel")
        assert nothing_happened(listening)
