"""What many messages say alike is read once, and read as msgspec reads the whole."""

from __future__ import annotations

import msgspec
import pytest

from protocol.facts import Evidence, Jurisdiction
from protocol.messages import Item, to_body
from protocol.shared import MAX_SHARED_BYTES, SharingDecoder
from protocol.vocabulary import Confidence, HostingState
from tests.protocol import samples

ITEMS = [message for message in samples.MESSAGES if isinstance(message, Item)]


def _hosted(size: int) -> Jurisdiction:
    """Return a jurisdiction of so many bytes on the wire, more than some 300 of them."""
    evidence = tuple(Evidence(f"192.0.2.{n}", "x" * 60, "1") for n in range(size // 80))
    short = Jurisdiction(HostingState.COUNTRY, "NL", Confidence.HIGH, (*evidence, _long(40)))
    missing = size - len(msgspec.msgpack.encode(short))
    return msgspec.structs.replace(short, evidence=(*evidence, _long(40 + missing)))


def _long(length: int) -> Evidence:
    return Evidence("192.0.2.255", "x" * length, "1")


@pytest.mark.parametrize("message", ITEMS, ids=lambda one: type(one).__name__)
def test_items_of_one_place_share_what_is_said_of_it(message: Item) -> None:
    """A thousand items of one host hold its evidence once."""
    decoder = SharingDecoder(type(message))
    other = msgspec.structs.replace(message, item_id=message.item_id[:-1] + "Z")
    one, two = decoder.decode(to_body(message)), decoder.decode(to_body(other))
    assert one.item_id != two.item_id
    assert one.jurisdiction is two.jurisdiction


@pytest.mark.parametrize(("beyond", "shared"), [(0, True), (1, False)])
def test_what_is_long_is_shared_by_nobody(
    beyond: int,
    shared: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Else a hostile member fills the memory with evidence that is never seen again."""
    jurisdiction = _hosted(MAX_SHARED_BYTES + beyond)
    assert len(msgspec.msgpack.encode(jurisdiction)) == MAX_SHARED_BYTES + beyond
    body = to_body(msgspec.structs.replace(ITEMS[0], jurisdiction=jurisdiction))
    decoder = SharingDecoder(type(ITEMS[0]))
    one, two = decoder.decode(body), decoder.decode(body)
    assert one.jurisdiction == two.jurisdiction == jurisdiction
    assert (one.jurisdiction is two.jurisdiction) is shared


@pytest.mark.parametrize("message", ITEMS, ids=lambda one: type(one).__name__)
def test_every_damaged_body_is_read_or_refused_as_msgspec_does(message: Item) -> None:
    """Each byte changed in turn, each length: the same message or the same error."""
    body = to_body(message)
    ours = SharingDecoder(type(message))
    theirs = msgspec.msgpack.Decoder(type(message))
    damaged = [body[:length] for length in range(len(body))]
    for place, value in enumerate(body):
        damaged += [
            body[:place] + bytes([other]) + body[place + 1 :]
            for other in (value ^ 1, value ^ 0x20, 0xC0, 0x91, 0xFF)
        ]
    for raw in [*damaged, body + b"\xc0"]:
        assert _outcome(ours, raw) == _outcome(theirs, raw)


def _outcome(
    decoder: SharingDecoder[Item] | msgspec.msgpack.Decoder[Item], raw: bytes
) -> Item | tuple[type, str]:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        return type(error), str(error)
