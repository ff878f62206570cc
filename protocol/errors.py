"""Everything that `protocol/` raises, split by blame.

    ProtocolError
    ├── UnsayableError       ours: we were about to say something the protocol has no form for
    └── TheirError           theirs: bytes from outside that are not what they claim to be
        ├── MalformedError       not canonical, or out of the bounds of docs/protocol.md §4 to §6
        ├── TooLargeError        over a size limit, refused before any other work
        ├── NoteError            not a signed note, or not signed by the key that must have signed
        │   └── UnheardKeyError      signed by a key that our registry does not list (yet)
        ├── CheckpointError      a note whose text is not one of our checkpoints
        ├── CosignatureError     a cosignature that lacks a part, or does not verify
        │   └── UnheardCosignerError  by a key that our registry does not list (yet)
        ├── ReceiptError         a cosignature that is missing, or cosigns something else
        │   └── UnheardReceiptKeyError  by a key that our registry does not list (yet)
        └── ProofError           a Merkle proof that does not prove

A message names the field and the mend and never contains a value from the outside: no URL, no
content hash, no personal data reaches a log through an exception.
"""

from typing import ClassVar


class ProtocolError(Exception):
    """Base of all errors of this package.

    `code` is what goes on the wire and into metrics; `retryable` says whether the same bytes may
    succeed later without anybody changing them.
    """

    code: ClassVar[str] = "protocol"
    retryable: ClassVar[bool] = False


class UnsayableError(ProtocolError):
    """Our own value does not fit the protocol; the message names the field. A bug or bad intake."""

    code = "unsayable"


class TheirError(ProtocolError):
    """The other side's bytes are at fault."""

    code = "theirs"


class MalformedError(TheirError):
    """Not canonical MessagePack, or a field out of its bounds.

    `field` is a dotted path of field names such as `item.location.canonical`; it holds no value.
    """

    code = "malformed"

    def __init__(self, field: str, mend: str) -> None:
        super().__init__(f"{field}: {mend}")
        self.field = field
        self.mend = mend


class TooLargeError(TheirError):
    """More bytes, entries or signatures than the limit allows."""

    code = "too_large"


class NoteError(TheirError):
    """A signed note that does not parse, or lacks a valid signature that it must carry."""

    code = "note_invalid"


class UnheardKeyError(NoteError):
    """No signature by a log key that our registry lists; a newer registry may list it."""

    code = "registry_behind"
    retryable = True


class CheckpointError(TheirError):
    """The text of a note is not a checkpoint of a channel."""

    code = "checkpoint_invalid"


class CosignatureError(TheirError):
    """A cosignature that lacks a part, states no time or two, or does not verify."""

    code = "cosignature_invalid"


class UnheardCosignerError(CosignatureError):
    """No cosignature by a witness key that our registry lists; a newer registry may list it."""

    code = "registry_behind"
    retryable = True


class ReceiptError(TheirError):
    """A receipt that does not cosign the checkpoint it should, by the key that should."""

    code = "receipt_invalid"


class UnheardReceiptKeyError(ReceiptError):
    """No cosignature by a receipt key that our registry lists; a newer registry may list it."""

    code = "registry_behind"
    retryable = True


class ProofError(TheirError):
    """An inclusion or consistency proof that does not hold."""

    code = "proof_invalid"
