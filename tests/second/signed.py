"""Signed HTTP between members (docs/protocol.md §9.3, §9.4), and canonical values written (§4)."""

from __future__ import annotations

import base64
import http.client
import re
import secrets
import ssl
import struct
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.second.basics import HybridKey, need, sha256
from tests.second.member import Member, to64

LIVES_S = 90
"""A request lives for 60 s, give or take 30 (§9.4.4)."""

REQUEST = ("@method", "@authority", "@path", "@query", "content-digest")
WITH_BODY = (*REQUEST, "content-type", "content-length")
ANSWER = (
    '"@status"',
    '"content-digest"',
    '"content-type"',
    '"@method";req',
    '"@path";req',
    '"signature";req',
)
SAID = {"created", "keyid", "alg", "tag"}
"""The parameters of every signature."""
TIMEOUT_S = 20


def pack(value: Any) -> bytes:
    """Write a value in its one form (§4.1, §4.2)."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _pack_number(value)
    if isinstance(value, bytes):
        return _sized(len(value), (), b"\xc4\xc5\xc6") + value
    if isinstance(value, str):
        raw = value.encode()
        return _sized(len(raw), (32, 0xA0), b"\xd9\xda\xdb") + raw
    return _sized(len(value), (16, 0x90), b"\0\xdc\xdd") + b"".join(map(pack, value))


def _sized(length: int, short: tuple[int, ...], firsts: bytes) -> bytes:
    if short and length < short[0]:
        return bytes([short[1] + length])
    for first, form, bound in zip(firsts, (">B", ">H", ">I"), (8, 16, 32), strict=True):
        if first and length < 1 << bound:
            return bytes([first]) + struct.pack(form, length)
    raise ValueError("too long")


def _pack_number(value: int) -> bytes:
    if -32 <= value < 128:
        return struct.pack(">b", value)
    firsts = zip(
        b"\xcc\xcd\xce\xcf" if value > 0 else b"\xd0\xd1\xd2\xd3", (8, 16, 32, 64), strict=True
    )
    for first, bits in firsts:
        if -(1 << bits - 1) <= value < 1 << (bits if value > 0 else bits - 1):
            return bytes([first]) + value.to_bytes(bits // 8, "big", signed=value < 0)
    raise ValueError("too large")


class Sent(NamedTuple):
    """What an answer's signature covers of its request (§9.4.3)."""

    method: str
    path: str
    signature: str


class Answered(NamedTuple):
    """An answer that was signed by the peer."""

    status: int
    kind: str
    body: bytes


def _digest(body: bytes) -> str:
    return f"sha-256=:{to64(sha256(body))}:"


def _base(lines: list[tuple[str, str]], parameters: str) -> bytes:
    whole = [*lines, ('"@signature-params"', parameters)]
    return "\n".join(f"{name}: {value}" for name, value in whole).encode()


def _keyid(member: Member) -> str:
    return f'keyid="{member.id}/{member.transport.public.id}";alg="ed25519"'


def sign_request(
    member: Member, method: str, url: str, body: bytes, kind: str | None
) -> tuple[dict[str, str], Sent]:
    """Give the headers of a request, and what its answer must refer to (§9.4.2)."""
    at = urlsplit(url)
    headers = {"Content-Digest": _digest(body)}
    if kind is not None:
        headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
    values = request_values(method, at.netloc, at.path, at.query, headers)
    covered = " ".join(f'"{name}"' for name in (REQUEST if kind is None else WITH_BODY))
    parameters = (
        f"({covered});created={int(time.time())};{_keyid(member)}"
        f';nonce="{secrets.token_hex(16)}";tag="hx1-req"'
    )
    signature = member.transport.classic.sign(_base(values, parameters))
    headers |= {"Signature-Input": f"hx1={parameters}", "Signature": f"hx1=:{to64(signature)}:"}
    return headers, Sent(method, at.path, headers["Signature"])


def request_values(
    method: str, authority: str, path: str, query: str, headers: dict[str, str]
) -> list[tuple[str, str]]:
    """Give the lines that the signature of a request covers, in their order."""
    values = {
        "@method": method,
        "@authority": authority,
        "@path": path,
        "@query": f"?{query}",
        **{name.lower(): value for name, value in headers.items()},
    }
    names = WITH_BODY if "content-type" in values else REQUEST
    return [(f'"{name}"', values[name]) for name in names]


def check_request(
    values: list[tuple[str, str]], headers: dict[str, str], keys: list[HybridKey], caller: str
) -> str:
    """Give the nonce of a request; refuse one that its caller did not sign (§9.4)."""
    own = _check(values, headers["signature-input"], headers["signature"], keys, caller)
    need(own.keys() == {*SAID, "nonce"} and own["tag"] == '"hx1-req"', "request: parameters")
    need(abs(int(own["created"]) - time.time()) <= LIVES_S, "request: time")
    nonce = re.fullmatch('"([0-9a-f]{32})"', own["nonce"])
    need(nonce, "request: nonce")
    assert nonce is not None
    return nonce[1]


def check_no_body(headers: dict[str, str]) -> None:
    """Refuse a request without a body whose digest is not that of nothing (§9.4.2)."""
    need(headers["content-digest"] == _digest(b""), "request: digest")


def read_refusal(body: bytes) -> str:
    """Give the code of a refusal: lower-case letters and underscores, nothing else (§9.6)."""
    need(re.fullmatch(b"[a-z_]+", body), "refusal: code")
    return body.decode()


def _check(
    values: list[tuple[str, str]],
    given: str,
    signature: str,
    keys: list[HybridKey],
    member: str,
) -> dict[str, str]:
    """Give the parameters of a signature over exactly these lines, in any order (§9.4.4)."""
    found = re.fullmatch(r"([a-z*][a-z0-9_.*-]*)=(\(([^()]+)\)((?:;[a-z]+=[^;]+)+))", given)
    need(found, "http: signature input")
    assert found is not None
    covered, lines = found[3].split(" "), dict(values)
    need(sorted(covered) == sorted(lines), "http: covered")
    pairs = [one.partition("=")[::2] for one in found[4][1:].split(";")]
    own = dict(pairs)
    need(len(own) == len(pairs) and own.get("alg") == '"ed25519"', "http: parameters")
    need(re.fullmatch("[0-9]+", own.get("created", "")), "http: created")
    key = [one for one in keys if own.get("keyid") == f'"{member}/{one.id}"']
    raw = re.fullmatch(rf"{re.escape(found[1])}=:([A-Za-z0-9+/=]+):", signature)
    need(raw and key, "http: signature")
    assert raw is not None
    base = _base([(name, lines[name]) for name in covered], found[2])
    key[0].check_classic(base64.b64decode(raw[1], validate=True), base)
    return own


def sign_answer(member: Member, sent: Sent, answer: Answered) -> dict[str, str]:
    """Give the headers of an answer (§9.4.3)."""
    headers = {
        "Content-Digest": _digest(answer.body),
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
    }
    parameters = f'({" ".join(ANSWER)});created={int(time.time())};{_keyid(member)};tag="hx1-resp"'
    signed = member.transport.classic.sign(
        _base(_answer_values(sent, answer.status, headers), parameters)
    )
    return headers | {"Signature-Input": f"hx1={parameters}", "Signature": f"hx1=:{to64(signed)}:"}


def _answer_values(sent: Sent, status: int, headers: dict[str, str]) -> list[tuple[str, str]]:
    digest, kind = headers["Content-Digest"], headers["Content-Type"]
    values = (str(status), digest, kind, sent.method, sent.path, sent.signature)
    return list(zip(ANSWER, values, strict=True))


def check_answer(
    sent: Sent, answer: Answered, headers: dict[str, str], keys: list[HybridKey], peer: str
) -> None:
    """Refuse an answer that is not the peer's to this request (§9.4.3, §9.4.5)."""
    need(headers.get("Content-Digest") == _digest(answer.body), "answer: digest")
    values = _answer_values(sent, answer.status, headers)
    own = _check(values, headers["Signature-Input"], headers["Signature"], keys, peer)
    need(own.keys() == SAID and own["tag"] == '"hx1-resp"', "answer: parameters")


class Peer(NamedTuple):
    """Another member as the registry lists it."""

    id: str
    endpoint: str
    pins: set[bytes]
    transport: list[HybridKey]

    def call(
        self, member: Member, method: str, path: str, body: bytes = b"", kind: str | None = None
    ) -> Answered:
        """Make a signed request and give its verified answer.

        Raises:
            RefusedError: another listener, or no answer of this peer's.
        """
        headers, sent = sign_request(member, method, self.endpoint + path, body, kind)
        at = urlsplit(self.endpoint)
        line = http.client.HTTPSConnection(at.netloc, context=_tls(), timeout=TIMEOUT_S)
        try:
            line.connect()
            self._see(line.sock)
            line.request(method, path, body or None, headers)
            got = line.getresponse()
            raw = got.read()
            answer = Answered(got.status, got.headers.get("Content-Type", ""), raw)
            check_answer(sent, answer, dict(got.headers.items()), self.transport, self.id)
        finally:
            line.close()
        return answer

    def _see(self, line: Any) -> None:
        """§9.3: the listener's key is one that its member document pins."""
        certificate = x509.load_der_x509_certificate(line.getpeercert(binary_form=True))
        spki = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        need(sha256(spki) in self.pins, "tls: another listener")


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
