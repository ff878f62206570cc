"""What many messages say alike is read once.

Many items are at few hosts, and each says again where its host is: the jurisdiction with all of its
evidence, half of an item's bytes and two thirds of the work of reading it. Bytes that were read
before are not read again: their meaning is at hand, and is one object for all.
"""

from functools import lru_cache
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Raw

from protocol.facts import Fact, Jurisdiction

AT_HAND: Final = 2048
"""Jurisdictions at hand: some 5 MB."""
MAX_SHARED_BYTES: Final = 1024
"""Of one jurisdiction; longer ones are read each time, so that nobody fills the memory."""

_FIELD: Final = "jurisdiction"
_decode: Final = msgspec.msgpack.Decoder(Jurisdiction).decode
_decode_once: Final = lru_cache(AT_HAND)(_decode)

M = TypeVar("M", bound=Fact)


class SharingDecoder(Generic[M]):
    """Decodes messages that have a `jurisdiction`, exactly as msgspec's decoder of them does."""

    def __init__(self, message: type[M]) -> None:
        self.type = message
        self._whole = msgspec.msgpack.Decoder(message)
        fields = msgspec.structs.fields(message)
        self._at = [field.name for field in fields].index(_FIELD)
        parts = msgspec.defstruct(
            message.__name__,
            [(field.name, Raw if field.name == _FIELD else field.type) for field in fields],
            bases=(Fact,),
            frozen=True,
        )
        self._parts = msgspec.msgpack.Decoder(parts)

    def decode(self, body: bytes) -> M:
        """Return the message.

        Raises:
            msgspec.DecodeError, ValueError, RecursionError: as msgspec's decoder does.
        """
        try:
            values = list(msgspec.structs.astuple(self._parts.decode(body)))
            raw = bytes(values[self._at])
            values[self._at] = (_decode_once if len(raw) <= MAX_SHARED_BYTES else _decode)(raw)
            return self.type(*values)
        except (msgspec.DecodeError, ValueError):
            return self._whole.decode(body)  # says which field of the whole it is
