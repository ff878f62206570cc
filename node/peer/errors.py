"""What can go wrong between two members' nodes, split by who asked.

    PeerError
    ├── CallError                 we asked, and got nothing that counts; nothing has changed
    │   ├── NotCallableError          the registry gives no address for it, or it is suspended
    │   ├── PeerUnreachableError      no connection, or it broke
    │   ├── PeerTimeoutError          no complete answer in time
    │   ├── WrongTlsKeyError          its certificate is not one that the registry pins
    │   ├── UnsignedAnswerError       a middlebox spoke in the peer's place
    │   ├── BadAnswerError            garbage, another's signature, 200 without a receipt
    │   │   └── UnheardAnswerKeyError     signed by a key that our registry does not list (yet)
    │   ├── PeerRefusedError          the peer refused the request, signed, before judging a push
    │   └── ClocksDifferError         it refused because of the time; one of both clocks is wrong
    └── RefusedRequestError       a peer, or a stranger, asked; what the refusal says on the wire
        ├── UnsignedRequestError      401, carries no signature of the form asked for
        ├── UnheardSenderError        421, by a member or key that our registry does not list (yet)
        ├── BadRequestSignatureError  401, the signature does not verify
        ├── StaleRequestError         401, made too long ago, in the future, or before our start
        ├── ReplayedRequestError      409, seen before
        ├── WrongAuthorityError       421, meant for somebody else
        ├── ForeignChannelError       403, the path is not that of the member that signed
        ├── EncodedBodyError          415, compressed or of another type
        ├── UnsizedBodyError          411, a body without a length, or one where none belongs
        ├── CutShortError             408, the body did not come, or not in time
        ├── AlteredBodyError          400, the body is not the one that was signed
        ├── BadQuestionError          400, a question without a well-formed nonce
        ├── BadSubmissionError        400, a ledger's head handed in for cosigning in another form
        ├── UnknownLedgerError        404, not a ledger that this member witnesses, or its old epoch
        ├── UnsignedHeadError         403, not signed by a log key of the ledger's owner
        ├── InconsistentHeadError     422, does not extend, as far as shown, what was cosigned
        ├── BadShowingError           400, what is shown of a ledger does not verify
        ├── BadLineageError           400, what is shown of a ledger's epochs does not verify
        ├── OverQuotaError            429, more at once, or more often, than one peer needs
        ├── UnknownPathError          404
        └── InternalFaultError        500, ours; no detail leaves the node

Every call may be made again: what the peer decided about a push is no error but an answer
(`protocol.answers`), and only an answer or a receipt moves a channel. Messages name the field and
the mend; they hold no address, hash or personal data.
"""

from __future__ import annotations

from typing import ClassVar


class PeerError(Exception):
    """Base of every error raised by `node.peer`.

    Attributes:
        code: stable name for logs, the wire and exit codes.
        retryable: whether the same call may succeed later with nothing changed by a person.
        message: what is wrong and the mend, unless the raiser says it better.
    """

    code: ClassVar[str] = "peer"
    retryable: ClassVar[bool] = True
    message: ClassVar[str] = "peer: something failed between two nodes; try again"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class CallError(PeerError):
    """We called a peer and got nothing that counts.

    `refresh` says that a newer registry may mend it.
    """

    code: ClassVar[str] = "call_failed"
    refresh: ClassVar[bool] = False


class NotCallableError(CallError):
    """The registry lists no address for the peer, or the peer is suspended."""

    code: ClassVar[str] = "peer_not_callable"
    refresh: ClassVar[bool] = True
    message: ClassVar[str] = "peer: cannot be called; it is suspended or publishes no endpoint"


class PeerUnreachableError(CallError):
    """No connection to the peer, or it broke before the answer was complete."""

    code: ClassVar[str] = "peer_unreachable"
    message: ClassVar[str] = "peer: no connection; its node or the way to it is down"


class PeerTimeoutError(CallError):
    """No complete answer in the time we give."""

    code: ClassVar[str] = "peer_timeout"
    message: ClassVar[str] = "peer: no complete answer in time"


class WrongTlsKeyError(CallError):
    """The listener's certificate is not pinned by the member document; not a byte was sent."""

    code: ClassVar[str] = "peer_wrong_tls_key"
    refresh: ClassVar[bool] = True
    message: ClassVar[str] = (
        "tls: the listener's key is not in the member document; the member publishes its new key"
    )


class UnsignedAnswerError(CallError):
    """An answer without the peer's signature: a middlebox's, whatever it says."""

    code: ClassVar[str] = "answer_unsigned"
    message: ClassVar[str] = "answer: not signed by the peer; look for a proxy on the way"


class BadAnswerError(CallError):
    """An answer that is signed wrongly, is too long, or is not what the request asks for."""

    code: ClassVar[str] = "answer_invalid"
    message: ClassVar[str] = "answer: not a valid answer of this peer to this request"


class UnheardAnswerKeyError(BadAnswerError):
    """An answer signed by a transport key that our registry does not list (yet)."""

    code: ClassVar[str] = "answer_key_unheard"
    refresh: ClassVar[bool] = True
    message: ClassVar[str] = "answer: signed by a key that the registry does not list"


class PeerRefusedError(CallError):
    """The peer refused the request itself, signed; `reason` is its code, letters and `_` only."""

    code: ClassVar[str] = "peer_refused"
    message: ClassVar[str] = "peer: refused the request"

    def __init__(self, reason: str) -> None:
        super().__init__(f"peer: refused the request ({reason})")
        self.reason = reason


class ClocksDifferError(CallError):
    """The peer refused because of the time of the request; `ahead_ms` is our clock minus its."""

    code: ClassVar[str] = "clocks_differ"

    def __init__(self, ahead_ms: int) -> None:
        super().__init__(f"clock: differs by {ahead_ms // 1000} s from the peer's; set it by NTP")
        self.ahead_ms = ahead_ms


class RefusedRequestError(PeerError):
    """A request that is refused before anything was judged or changed; `status` is HTTP's."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "request: refused"


class UnsignedRequestError(RefusedRequestError):
    """No signature of the form that docs/protocol.md asks for (RFC 9421, tag `hx1-req`)."""

    code: ClassVar[str] = "unsigned_request"
    status: ClassVar[int] = 401
    message: ClassVar[str] = "signature: is missing, doubled or covers too little"


class UnheardSenderError(RefusedRequestError):
    """Signed in the name of a member, or with a key, that our registry does not list (yet)."""

    code: ClassVar[str] = "registry_behind"
    status: ClassVar[int] = 421
    message: ClassVar[str] = "keyid: names no key of our registry; refresh the registry"


class BadRequestSignatureError(RefusedRequestError):
    """The signature does not verify."""

    code: ClassVar[str] = "bad_signature"
    status: ClassVar[int] = 401
    message: ClassVar[str] = "signature: does not verify"


class StaleRequestError(RefusedRequestError):
    """Created too long ago, too far in the future, or before this process started."""

    code: ClassVar[str] = "stale_request"
    status: ClassVar[int] = 401
    message: ClassVar[str] = "created: is not now; set both clocks, sign the request anew"


class ReplayedRequestError(RefusedRequestError):
    """The sender's nonce was seen before."""

    code: ClassVar[str] = "replayed_request"
    status: ClassVar[int] = 409
    message: ClassVar[str] = "nonce: was used before; sign the request anew"


class WrongAuthorityError(RefusedRequestError):
    """Made for another host and port than our member document names."""

    code: ClassVar[str] = "wrong_authority"
    status: ClassVar[int] = 421
    message: ClassVar[str] = "host: is not our endpoint; refresh the registry"


class ForeignChannelError(RefusedRequestError):
    """The path is not that of the member that signed."""

    code: ClassVar[str] = "foreign_channel"
    status: ClassVar[int] = 403
    message: ClassVar[str] = "path: names a channel of somebody else"


class EncodedBodyError(RefusedRequestError):
    """A content or transfer encoding, or a media type, that this path does not take."""

    code: ClassVar[str] = "encoded_body"
    status: ClassVar[int] = 415
    message: ClassVar[str] = "body: must be sent as it is, with its media type"


class UnsizedBodyError(RefusedRequestError):
    """A body without Content-Length, or a body where none belongs."""

    code: ClassVar[str] = "unsized_body"
    status: ClassVar[int] = 411
    message: ClassVar[str] = "content-length: must be given, and be signed"


class CutShortError(RefusedRequestError):
    """The body did not arrive, or not in time."""

    code: ClassVar[str] = "cut_short"
    status: ClassVar[int] = 408
    message: ClassVar[str] = "body: did not arrive in time"


class AlteredBodyError(RefusedRequestError):
    """The body is not the one whose digest was signed: something on the way changed it."""

    code: ClassVar[str] = "altered_body"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "body: is not the one that was signed; look for a proxy on the way"


class BadQuestionError(RefusedRequestError):
    """A question about a channel without a nonce of 32 hex digits."""

    code: ClassVar[str] = "bad_question"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "nonce: must be the only parameter, 32 lower-case hex digits"


class BadSubmissionError(RefusedRequestError):
    """Not a submission of C2SP tlog-witness, or its old size is beyond its new one."""

    code: ClassVar[str] = "bad_submission"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "submission: must be as C2SP tlog-witness says"


class UnknownLedgerError(RefusedRequestError):
    """Not the newest epoch of the caller's own ledger, or this member is no witness (yet)."""

    code: ClassVar[str] = "unknown_ledger"
    status: ClassVar[int] = 404
    message: ClassVar[str] = "origin: not the newest epoch of a ledger that is witnessed here"


class UnsignedHeadError(RefusedRequestError):
    """The head is not signed by a log key of the ledger's owner."""

    code: ClassVar[str] = "unsigned_head"
    status: ClassVar[int] = 403
    message: ClassVar[str] = "head: must be signed by a log key of its owner"


class InconsistentHeadError(RefusedRequestError):
    """The head does not extend what was cosigned before, or the proof does not show it."""

    code: ClassVar[str] = "inconsistent_head"
    status: ClassVar[int] = 422
    message: ClassVar[str] = "head: must extend the head that was cosigned, with a proof"


class BadShowingError(RefusedRequestError):
    """What a member shows of its ledger is malformed, or not signed, or does not hang together."""

    code: ClassVar[str] = "bad_showing"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "showing: must be leaves under signed heads of the caller's ledger"


class BadLineageError(RefusedRequestError):
    """What a member shows of how its ledger goes on is malformed, not signed, or does not go on."""

    code: ClassVar[str] = "bad_lineage"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "lineage: each epoch must begin with the last head of the one before"


class OverQuotaError(RefusedRequestError):
    """More requests, bytes, entries or epochs than one peer needs, or no room on our disk."""

    code: ClassVar[str] = "over_quota"
    status: ClassVar[int] = 429
    message: ClassVar[str] = "request: more than is taken now; come back later"


class UnknownPathError(RefusedRequestError):
    """No such path and method under `/hx1/`."""

    code: ClassVar[str] = "unknown_path"
    status: ClassVar[int] = 404
    message: ClassVar[str] = "path: not one of this version of the protocol"


class InternalFaultError(RefusedRequestError):
    """Our own fault; the log has it, the wire does not."""

    code: ClassVar[str] = "internal_fault"
    status: ClassVar[int] = 500
    message: ClassVar[str] = "node: failed; its log says why"
