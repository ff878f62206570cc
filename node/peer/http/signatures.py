"""Signed HTTP between members: RFC 9421 signatures, RFC 9530 digests.

Rules upheld: a request is covered from method to digest, query and length included, is made for one
authority, now, once; an answer is covered from status to digest and names the request's signature,
so that no answer fits another request. What a signature covers is compared as a whole: less or more
than the form of this module is refused. The digest is verified as a header here; that the body has
it is seen by whoever reads the body. Keys are the transport keys of member documents; `keyid` is
`<member>/<key id>`. The label of a signature is not signed and means nothing.

Left to others: whether a request is fresh and new (`replays`), who may do what.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureComponentResolver,
    HTTPSignatureKeyResolver,
)
from multidict import CIMultiDict

from keys.errors import KeysError
from keys.signing import Signer, VerifyKey
from node.peer.errors import (
    BadAnswerError,
    BadRequestSignatureError,
    UnheardAnswerKeyError,
    UnheardSenderError,
    UnsignedAnswerError,
    UnsignedRequestError,
)

LABEL: Final = "hx1"
REQUEST_TAG: Final = "hx1-req"
RESPONSE_TAG: Final = "hx1-resp"
NONCE_BYTES: Final = 16
SHA256_BYTES: Final = 32
METHODS_WITH_CONTENT: Final = frozenset({"PUT", "POST"})

FindKey = Callable[[str, str], VerifyKey]
"""Gives the transport key of (member, key id); raises `KeysError` where the registry has none."""

_BARE: Final = ('"@method"', '"@authority"', '"@path"', '"@query"', '"content-digest"')
_WITH_CONTENT: Final = (*_BARE, '"content-type"', '"content-length"')
_ANSWER: Final = (
    '"@status"',
    '"content-digest"',
    '"content-type"',
    '"@method";req',
    '"@path";req',
    '"signature";req',
)
_PARAMETERS: Final = '"@signature-params"'
_REQUEST_PARAMETERS: Final = {"created", "keyid", "alg", "nonce", "tag"}
_ANSWER_PARAMETERS: Final = {"created", "keyid", "alg", "tag"}
_KEYID: Final = re.compile(r"(?P<member>[a-z0-9][a-z0-9-]{0,63})/(?P<key_id>[0-9a-f]{16})")
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"sha-256=:(?P<digest>[A-Za-z0-9+/]{43}=):")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the signature sees it: upper-case method, absolute URL, header fields."""

    method: str
    url: str
    headers: CIMultiDict[str]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response and the request that it answers."""

    status_code: int
    headers: CIMultiDict[str]
    request: HttpRequest


class SignedRequest(NamedTuple):
    """What a verified request says: who made it, when (ms UTC), and what its body must hash to."""

    member: str
    key_id: str
    created_ms: int
    nonce: bytes
    body_sha256: bytes


class SignedAnswer(NamedTuple):
    """What a verified response says: its key, the peer's time (ms UTC), its body's SHA-256."""

    key_id: str
    created_ms: int
    body_sha256: bytes


class _Ed25519(HTTPSignatureAlgorithm):
    """The algorithm over keys which passed admission; it only verifies."""

    algorithm_id = "ed25519"

    def __init__(self, public_key: VerifyKey | None = None, private_key: None = None) -> None:
        del private_key
        self._key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        assert self._key is not None
        self._key.verify_ed25519(signature, message)


class _Keys(HTTPSignatureKeyResolver):
    """Looks a keyid up once and remembers how that went."""

    def __init__(self, find: FindKey) -> None:
        self._find = find
        self.heard = True
        self.member = ""
        self.key_id = ""

    def resolve_public_key(self, key_id: str) -> VerifyKey | None:
        found = _KEYID.fullmatch(key_id)
        if found is None:
            return None
        self.member, self.key_id = found["member"], found["key_id"]
        try:
            return self._find(self.member, self.key_id)
        except KeysError:
            self.heard = False
            return None


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its clock: times are judged by our callers."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        del sig_input, max_age


class _Component(NamedTuple):
    """What one line of a signature base is about, as the library's resolver asks for it."""

    value: str
    params: dict[str, bool]

    @classmethod
    def read(cls, spelled: str) -> _Component:
        name, _, parameter = spelled.partition(";")
        return cls(name.strip('"'), {parameter: True} if parameter else {})


_COMPONENTS: Final = {one: _Component.read(one) for one in (*_WITH_CONTENT, *_ANSWER)}
_resolver_of: Final[Callable[[Any], Any]] = HTTPSignatureComponentResolver


def digest_field(sha256: bytes) -> str:
    """Return the Content-Digest field of a body with this SHA-256 (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def sign_request(
    request: HttpRequest, signer: Signer, member: str, created_ms: int, nonce: bytes
) -> None:
    """Add a signature to a request that has its Content-Digest, and type and length if it has body.

    Args:
        request: its headers are added to.
        signer: the transport key of `member`.
        member: who we are.
        created_ms: now, UTC.
        nonce: 16 fresh random bytes.
    """
    covered = _covered(request)
    _sign(request, signer, member, created_ms, REQUEST_TAG, covered, nonce.hex())


def sign_answer(response: HttpResponse, signer: Signer, member: str, created_ms: int) -> None:
    """Add a signature to a response that has its Content-Digest and Content-Type.

    The request must carry a Signature field, good or bad: the answer is bound to it.
    """
    _sign(response, signer, member, created_ms, RESPONSE_TAG, _ANSWER, None)


def verify_request(request: HttpRequest, find_key: FindKey) -> SignedRequest:
    """Return what a request says if a transport key of the member that it names signed it.

    Raises:
        UnsignedRequestError: no signature, several, or not of this module's form.
        UnheardSenderError: a member or key that the registry does not list.
        BadRequestSignatureError: it does not verify.
    """
    if not _is_signed(request.headers):
        raise UnsignedRequestError
    keys = _Keys(find_key)
    try:
        parameters = _verify(request, keys, REQUEST_TAG, _covered(request))
    except HTTPMessageSignaturesException:
        raise (BadRequestSignatureError if keys.heard else UnheardSenderError) from None
    nonce, digest = parameters.get("nonce"), read_digest(request.headers)
    if set(parameters) != _REQUEST_PARAMETERS or not _NONCE.fullmatch(str(nonce)) or not digest:
        raise UnsignedRequestError
    created_ms = 1000 * int(parameters["created"])
    return SignedRequest(keys.member, keys.key_id, created_ms, bytes.fromhex(str(nonce)), digest)


def verify_answer(response: HttpResponse, peer: str, find_key: FindKey) -> SignedAnswer:
    """Return what a response says if a transport key of `peer` signed it for this very request.

    Raises:
        UnsignedAnswerError: it carries no signature: somebody else's words.
        UnheardAnswerKeyError: a key that the registry does not list.
        BadAnswerError: it does not verify, is another member's, or answers another request.
    """
    if not _is_signed(response.headers):
        raise UnsignedAnswerError
    keys = _Keys(find_key)
    try:
        parameters = _verify(response, keys, RESPONSE_TAG, _ANSWER)
    except HTTPMessageSignaturesException:
        raise (BadAnswerError if keys.heard else UnheardAnswerKeyError) from None
    digest = read_digest(response.headers)
    if set(parameters) != _ANSWER_PARAMETERS or keys.member != peer or not digest:
        raise BadAnswerError
    return SignedAnswer(keys.key_id, 1000 * int(parameters["created"]), digest)


def read_digest(headers: CIMultiDict[str]) -> bytes | None:
    """Return the SHA-256 that Content-Digest states, if it states that and nothing else."""
    found = _DIGEST.fullmatch(", ".join(headers.getall("Content-Digest", ())))
    if found is None:
        return None
    try:
        digest = base64.b64decode(found["digest"], validate=True)
    except binascii.Error:
        return None
    return digest if digest_field(digest) == found.string else None


def _covered(request: HttpRequest) -> Sequence[str]:
    return _WITH_CONTENT if request.method in METHODS_WITH_CONTENT else _BARE


def _is_signed(headers: CIMultiDict[str]) -> bool:
    return all(len(headers.getall(name, ())) == 1 for name in ("Signature", "Signature-Input"))


def _sign(
    message: HttpRequest | HttpResponse,
    signer: Signer,
    member: str,
    created_ms: int,
    tag: str,
    covered: Sequence[str],
    nonce: str | None,
) -> None:
    """Sign what the library would sign: it resolves the values, and the lines are written here.

    Its own signer parses and spells each component's name anew: six times the work of signing.
    """
    resolver = _resolver_of(message)
    values = [resolver.resolve(_COMPONENTS[one]) for one in covered]
    if not all(one.isascii() and one.replace("\t", " ").isprintable() for one in values):
        raise HTTPMessageSignaturesException("a value that no signature can cover")
    once = "" if nonce is None else f';nonce="{nonce}"'
    parameters = (
        f"({' '.join(covered)});created={created_ms // 1000}"
        f';keyid="{member}/{signer.public.key_id}";alg="{_Ed25519.algorithm_id}"{once};tag="{tag}"'
    )
    lines = [f"{name}: {value}" for name, value in zip(covered, values, strict=True)]
    base = "\n".join([*lines, f"{_PARAMETERS}: {parameters}"])
    signature = base64.b64encode(signer.sign_ed25519(base.encode())).decode()
    message.headers["Signature-Input"] = f"{LABEL}={parameters}"
    message.headers["Signature"] = f"{LABEL}=:{signature}:"


def _verify(
    message: HttpRequest | HttpResponse, keys: _Keys, tag: str, covered: Sequence[str]
) -> dict[str, int | str]:
    """Return the parameters of the one signature with `tag`, which covers exactly `covered`."""
    verifier = _Verifier(signature_algorithm=_Ed25519, key_resolver=keys)
    results = verifier.verify(message, max_age=None, expect_tag=tag)
    if len(results) != 1 or set(results[0].covered_components) != {*covered, _PARAMETERS}:
        raise HTTPMessageSignaturesException("covers something else")
    return results[0].parameters
