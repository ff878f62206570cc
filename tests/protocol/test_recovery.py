"""§8.13: a lost member asks for what it had said; it believes only what its own log key signed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import SigningKey
from protocol import channel as channels
from protocol import entry as entries
from protocol import push, recovery
from protocol.answers import NOTHING
from protocol.channel import Channel, SenderState
from protocol.checkpoint import Checkpoint, VerifiedCheckpoint, sign_checkpoint, verify_checkpoint
from protocol.errors import MalformedError, ProtocolError
from protocol.messages import EpochOpen, to_body
from protocol.push import Purpose
from protocol.recovery import Element, Held, check_page
from protocol.vocabulary import Kind, Lane
from tests.protocol import oracle
from tests.protocol.conftest import vectors
from tests.protocol.samples import MESSAGES, raw_entry
from tests.protocol.test_pull import plain

V1 = vectors("recovery_v1.json")
SECRET = b"\x07" * 32
FIRST, SECOND = b"\x01" * 8, b"\x02" * 8
Vector = dict[str, Any]


def named(part: str) -> pytest.MarkDecorator:
    """The vectors of one part, each under its name."""
    return pytest.mark.parametrize("vector", V1[part], ids=lambda one: one["name"])


class TestBytes:
    """Vectors of version 1, written by an independent encoder."""

    @named("requests")
    def test_8_13_requests(self, vector: Vector) -> None:
        """Read by us and said again they are the same."""
        raw = bytes.fromhex(vector["body"])
        assert recovery.to_bytes(recovery.read_request(raw)) == raw
        assert raw == oracle.pack(plain(vector["value"]))

    @named("standings")
    def test_8_13_standings(self, vector: Vector) -> None:
        """Every code there is, and no other."""
        raw = bytes.fromhex(vector["body"])
        assert recovery.to_bytes(recovery.read_standing(raw)) == raw
        assert {one["name"] for one in V1["standings"]} == set(recovery.StandingCode)

    @named("elements")
    def test_8_13_elements(self, vector: Vector) -> None:
        """An entry with the leaf that it hashes to, or what is left of one."""
        raw = bytes.fromhex(vector["body"])
        (element,) = recovery.read_elements([raw])
        assert element.to_bytes() == raw
        assert element.leaf.hex() == vector["leaf"]
        assert (element.entry or b"").hex() == vector.get("entry", "")
        assert (element.entry_id or b"").hex() == vector.get("entry_id", "")
        assert element.erased_ms == vector.get("erased_ms", 0)

    @named("pages")
    def test_8_13_pages(self, vector: Vector) -> None:
        """A place, a receipt, the head of a push, a seal."""
        raw = bytes.fromhex(vector["body"])
        page = recovery.read_page(raw)
        assert page.to_bytes() == raw
        shown = (page.start, page.receipt.hex(), page.head.to_bytes().hex(), page.sealed.hex())
        assert shown == tuple(vector[name] for name in ("start", "receipt", "head", "sealed"))

    @pytest.mark.parametrize(
        ("part", "read"),
        [
            ("malformed_requests", recovery.read_request),
            ("malformed_standings", recovery.read_standing),
            ("malformed_elements", lambda raw: recovery.read_elements([raw])),
            ("malformed_pages", recovery.read_page),
        ],
    )
    def test_8_13_what_is_not_of_the_form_is_refused(self, part: str, read: Any) -> None:
        """Whatever is wrong with it, nothing of it is used."""
        for vector in V1[part]:
            with pytest.raises(ProtocolError):
                read(bytes.fromhex(vector["body"]))

    def test_8_7_the_seal_of_a_page_is_bound_to_its_purpose(self) -> None:
        """No push and no pull opens as a page, and no page as one of them."""
        vector = V1["seal_info"]
        checkpoint = Checkpoint.parse(vector["checkpoint"])
        place = (vector["suite"], vector["key_id"], checkpoint, vector["start"], vector["end"])
        assert push.seal_info(Purpose.RECOVER, *place).hex() == vector["info"]

    def test_8_13_the_path_names_the_member_that_lost_its_node(self) -> None:
        """It asks for its own channel alone."""
        assert recovery.recover_path(V1["member"], Lane(V1["lane"])) == V1["path"]

    @given(st.binary(max_size=200))
    def test_8_13_whatever_arrives_is_read_or_refused(self, raw: bytes) -> None:
        """No bytes make a reader fail in another way."""
        for read in (recovery.read_request, recovery.read_standing, recovery.read_page):
            try:
                read(raw)
            except ProtocolError:
                continue


class Log:
    """What gb-iwf had said to nl-eokm: two epochs."""

    def __init__(self, channel: Channel, key: SigningKey) -> None:
        self.channel = channel
        self.key = key
        self.first = channels.open_epoch(FIRST, NOTHING)
        self.said = [self._opening(self.first), self._entry("a"), self._entry("b")]
        self.held = Held(FIRST, Held().edge.extend([one.leaf for one in self.said]))
        self.second = channels.open_epoch(SECOND, self.held.position)

    def _opening(self, state: SenderState) -> Element:
        body = to_body(channels.first_message(state))
        return self._composed(Kind.EPOCH_OPEN, state.epoch, body)

    def _entry(self, about: str) -> Element:
        return self._composed(Kind.OUTCOME, about, oracle.pack([about]))

    def _composed(self, kind: Kind, subject: str | bytes, body: bytes) -> Element:
        entry = entries.compose(SECRET, kind, subject, 0, "nl-eokm", body)
        raw = entries.encode(entry)
        return Element(entries.leaf(raw), raw)

    def signed(self, epoch: bytes, elements: list[Element]) -> VerifiedCheckpoint:
        """The checkpoint over the first elements of an epoch, signed by its log key."""
        root = oracle.tree([one.leaf for one in elements])
        checkpoint = Checkpoint(self.channel.origin(epoch), len(elements), root)
        note = sign_checkpoint(checkpoint, self.key)
        return verify_checkpoint(note, [self.key.public]).checkpoint

    @property
    def next_epoch(self) -> list[Element]:
        """The entries of the second epoch."""
        return [self._opening(self.second), self._entry("c")]


@pytest.fixture
def log(channel: Channel, log_key: SigningKey) -> Log:
    """Give what had been said."""
    return Log(channel, log_key)


class TestBelief:
    """What a peer hands back is checked against nothing but what the member itself signed."""

    def test_8_13_a_channel_comes_back_page_by_page(self, log: Log) -> None:
        """In pages of any length, over the end of an epoch."""
        held = check_page(log.channel, Held(), log.signed(FIRST, log.said[:2]), 0, log.said[:2])
        held = check_page(log.channel, held, log.signed(FIRST, log.said), 2, log.said[2:])
        assert held == log.held
        following = log.next_epoch
        held = check_page(log.channel, held, log.signed(SECOND, following), 0, following)
        assert held.epoch == SECOND

    def test_8_13_erased_places_prove_their_neighbours(self, log: Log) -> None:
        """A leaf stands for what is gone; the root comes out all the same."""
        bare = [log.said[0], Element(log.said[1].leaf, None, b"\x09" * 32, 5), log.said[2]]
        assert check_page(log.channel, Held(), log.signed(FIRST, log.said), 0, bare) == log.held

    def test_8_13_an_invented_entry_is_not_believed(self, log: Log) -> None:
        """It does not hash to what we signed."""
        lies = [log.said[0], log._entry("never said"), log.said[2]]
        with pytest.raises(MalformedError, match="hash to the checkpoint"):
            check_page(log.channel, Held(), log.signed(FIRST, log.said), 0, lies)

    def test_8_13_no_entry_is_left_out_on_the_way(self, log: Log) -> None:
        """Neither in a page nor between two of them."""
        checkpoint = log.signed(FIRST, log.said)
        for start, elements in ((0, log.said[:2]), (1, log.said[1:]), (0, []), (3, [])):
            with pytest.raises(MalformedError):
                check_page(log.channel, Held(), checkpoint, start, elements)

    def test_8_13_no_epoch_is_left_out(self, log: Log) -> None:
        """The opening of the second names the end of the first."""
        following = log.next_epoch
        with pytest.raises(MalformedError, match="name the position before it"):
            check_page(log.channel, Held(), log.signed(SECOND, following), 0, following)

    def test_8_13_the_end_of_an_epoch_is_not_left_out(self, log: Log) -> None:
        """Two of three entries are not what the second epoch was opened on."""
        short = Held(FIRST, Held().edge.extend([one.leaf for one in log.said[:2]]))
        following = log.next_epoch
        with pytest.raises(MalformedError, match="name the position before it"):
            check_page(log.channel, short, log.signed(SECOND, following), 0, following)

    def test_8_13_an_epoch_begins_with_an_opening_in_clear(self, log: Log) -> None:
        """One that is said to be erased names nothing; another entry does not either."""
        for first in (Element(log.said[0].leaf, None, b"\x09" * 32, 5), log.said[1]):
            elements = [first, *log.said[1:]]
            with pytest.raises(MalformedError):
                check_page(log.channel, Held(), log.signed(FIRST, elements), 0, elements)

    def test_8_13_a_good_entry_is_no_opening(self, log: Log) -> None:
        """One that can be read, and says something else."""
        raw = next(raw_entry(one) for one in MESSAGES if not isinstance(one, EpochOpen))
        elements = [Element(entries.leaf(raw), raw)]
        with pytest.raises(MalformedError, match="name the position before it"):
            check_page(log.channel, Held(), log.signed(FIRST, elements), 0, elements)

    def test_8_13_an_opening_that_names_no_possible_position_is_refused(self, log: Log) -> None:
        """Nothing before it, and a root of something: a thief of the log key could sign that."""
        body = oracle.pack([None, 0, b"\x05" * 32])
        elements = [log._composed(Kind.EPOCH_OPEN, FIRST, body)]
        with pytest.raises(MalformedError, match="predecessor_size"):
            check_page(log.channel, Held(), log.signed(FIRST, elements), 0, elements)

    def test_8_13_another_channel_is_not_taken_for_this_one(self, log: Log) -> None:
        """A checkpoint of ours, but of what we said to somebody else."""
        other = log.channel._replace(receiver="fr-pdc")
        with pytest.raises(MalformedError, match="channel that was asked for"):
            check_page(other, Held(), log.signed(FIRST, log.said), 0, log.said)
