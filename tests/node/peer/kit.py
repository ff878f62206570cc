"""Two members on loopback: `gb-iwf` calls, `nl-eokm` listens; and people who are neither.

`Network` is the registry that both go by, with an address that the test puts in once it knows the
port. `Calls` speaks HTTP over TLS without any of our client; `Impostor` answers without any of our
listener.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pytest
from aiohttp import web
from multidict import CIMultiDict

from keys.keyring import MemberKeys
from keys.network import Role as MemberRole
from keys.registry import Registry
from keys.signing import SigningKey, VerifyKey
from keys.succession import Rotated, RotatedKey, succeeded
from node.keeping import TransportInUse
from node.peer.errors import CallError
from node.peer.http import signatures, wire
from node.peer.http.client import HttpTransport, Limits
from node.peer.http.pins import server_context
from node.peer.http.signatures import HttpRequest, HttpResponse
from protocol import answers
from protocol.answers import NOTHING, Answer, AnswerCode, Told
from protocol.push import SUITE, PushHead
from protocol.vocabulary import Lane
from tests.builders.network import NOW_MS, make_network

IWF = "gb-iwf"
EOKM = "nl-eokm"
ECO = "de-eco"
EPOCH = bytes(range(8))
HEAD = PushHead(SUITE, "00112233aabbccdd", b"a checkpoint note\n").to_bytes()
SEALED = b"\x5a" * 5000
NONCE = bytes(range(16))
RECEIPT = b"a receipt\n"
LATER = Answer(1, AnswerCode.BUSY, None, None)
STATE = Told(NOTHING, None, ())
PUSH_PATH = f"/hx1/channels/{IWF}/reports/{EPOCH.hex()}/0"


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now: int = NOW_MS

    def __call__(self) -> int:
        """The time, ms UTC."""
        return self.now


@dataclass
class Nonces:
    """Nonces that a test can foresee; each once."""

    given: int = 0

    def __call__(self) -> bytes:
        """The next nonce."""
        self.given += 1
        return self.given.to_bytes(16, "big")


class Network:
    """The registry of three members, and their private keys."""

    def __init__(self) -> None:
        self._made, self.keys, _ = make_network([IWF, EOKM, ECO])
        self.registry: Registry = self._made
        self.fault: Exception | None = None

    def __call__(self) -> Registry:
        """The registry in force, unless there is a fault."""
        if self.fault is not None:
            raise self.fault
        return self.registry

    def find_key(self, member: str, key_id: str) -> VerifyKey:
        """A member's transport key."""
        return self.registry.member(member).signing_key("transport", key_id)

    def move(
        self, member: str, port: int, *, reachable: bool = True, host: str = "127.0.0.1"
    ) -> None:
        """Put a member's address on loopback into the registry."""
        document = replace(
            self.registry.member(member),
            endpoint=f"https://{host}:{port}",
            reachable=reachable,
        )
        self._put(members={**self.registry.members, member: document})

    def rotate(self, member: str, purpose: Rotated, key: RotatedKey, from_ms: int = NOW_MS) -> None:
        """Give a member a successor of a key, used from `from_ms` on."""
        registry = self.registry
        document = succeeded(registry.member(member), registry.network_id, purpose, key, from_ms)
        self._put(members={**registry.members, member: document})

    def remove(self, member: str) -> None:
        """Forget a member."""
        others = {name: doc for name, doc in self.registry.members.items() if name != member}
        self._put(members=others)

    def suspend(self, member: str) -> None:
        """Suspend a member."""
        entry = replace(self.registry.network.members[member], status="suspended")
        network = self.registry.network
        self._put(network=replace(network, members={**network.members, member: entry}))

    def policy(self, **numbers: int) -> None:
        """Put numbers into the policy of the network document."""
        self._put(network=replace(self.registry.network, policy=numbers))

    def role(self, member: str, role: MemberRole) -> None:
        """Give a member another role."""
        entry = replace(self.registry.network.members[member], roles=(role,), jurisdictions=())
        network = self.registry.network
        self._put(network=replace(network, members={**network.members, member: entry}))

    def _put(self, **changes: object) -> None:
        self.registry = replace(self.registry, **changes)  # type: ignore[arg-type]


class Push(NamedTuple):
    """What an inbox was given."""

    sender: str
    lane: Lane
    epoch: bytes
    start: int
    head: PushHead
    entries: int = 1


@dataclass
class MemoryInbox:
    """Keeps pushes in a dictionary; answers as it is told to: `says` to a head, `then` to all."""

    says: Answer | bytes | Exception | None = None
    then: Answer | None = None
    taken: dict[Push, bytes] = field(default_factory=dict)
    asked: list[tuple[str, Lane, bytes]] = field(default_factory=list)
    prechecked: list[Push] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    async def question(self, sender: str, lane: Lane, nonce: bytes) -> Answer:
        """Tell an unused channel."""
        self.asked.append((sender, lane, nonce))
        return Answer(1, AnswerCode.STATE, STATE, nonce)

    async def precheck(
        self, sender: str, lane: Lane, epoch: bytes, start: int, head: PushHead
    ) -> Push | Answer | bytes:
        """Admit everything, unless told what to say; wait while `go_on` is not set."""
        push = Push(sender, lane, epoch, start, head)
        self.prechecked.append(push)
        self.entered.set()
        await self.go_on.wait()
        if isinstance(self.says, Exception):
            raise self.says
        return push if self.says is None else self.says

    async def take(self, admitted: Push, sealed: bytes) -> Answer | bytes:
        """Keep it, unless told what to say of it."""
        if self.then is not None:
            return self.then
        self.taken[admitted] = sealed
        return RECEIPT


class Arrived(NamedTuple):
    """A response as it came over the wire."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


def request(  # noqa: PLR0913 - a test names what is unusual
    network: Network,
    path: str = PUSH_PATH,
    *,
    method: str = "PUT",
    body: bytes | None = None,
    sender: str = IWF,
    created_ms: int = NOW_MS,
    nonce: bytes = NONCE,
    key: SigningKey | None = None,
    headers: dict[str, str] | None = None,
) -> HttpRequest:
    """A request to `nl-eokm`, well-formed and signed unless the test says otherwise."""
    has_content = method in signatures.METHODS_WITH_CONTENT
    content = (HEAD + SEALED if body is None else body) if has_content else b""
    fields = CIMultiDict({"Content-Digest": digest_field(content)})
    if has_content:
        fields["Content-Type"] = wire.PUSH_TYPE
        fields["Content-Length"] = str(len(content))
    fields.update(headers or {})
    endpoint = network.registry.member(EOKM).endpoint
    made = HttpRequest(method, f"{endpoint}{path}", fields)
    signer = key or network.keys[sender].transport
    signatures.sign_request(made, signer, sender, created_ms, nonce)
    return made


def digest_field(body: bytes) -> str:
    """The Content-Digest of a body."""
    return signatures.digest_field(hashlib.sha256(body).digest())


@dataclass
class Calls:
    """Sends raw requests to a port, each on a connection of its own."""

    port: int
    from_address: str = "127.0.0.1"

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; whose key the listener has does not matter here."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, local_addr=(self.from_address, 0)
        )

    async def send(
        self, made: HttpRequest, body: bytes = b"", *, host: str | None = None
    ) -> Arrived:
        """Send a request with these very headers and body, and read the answer."""
        reader, writer = await self.open()
        try:
            writer.write(head_bytes(made, host or f"127.0.0.1:{self.port}") + body)
            return await read_response(reader)
        finally:
            writer.close()

    async def raw(self, sent: bytes) -> Arrived:
        """Send bytes, and read the answer."""
        reader, writer = await self.open()
        try:
            writer.write(sent)
            return await read_response(reader)
        finally:
            writer.close()


def head_bytes(made: HttpRequest, host: str) -> bytes:
    """A request up to its body."""
    path = "/" + made.url.split("/", 3)[3]
    lines = [f"{made.method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in made.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def read_response(reader: asyncio.StreamReader) -> Arrived:
    """Read one response with a Content-Length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = CIMultiDict(
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    body = await reader.readexactly(int(headers.get("Content-Length", "0")))
    return Arrived(int(first.split()[1]), headers, body)


def verified(network: Network, made: HttpRequest, arrived: Arrived) -> Arrived:
    """The same response, if `nl-eokm` signed it for this request with this body."""
    response = HttpResponse(arrived.status, arrived.headers, made)
    signed = signatures.verify_answer(response, EOKM, network.find_key)
    assert signed.body_sha256 == hashlib.sha256(arrived.body).digest()
    return arrived


Answering = Callable[[HttpRequest, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Impostor:
    """A TLS server with the keys it is given that answers as a test writes it.

    `seen` are the requests that reached it, without their bodies.
    """

    network: Network
    keys: MemberKeys
    answering: Answering
    seen: list[HttpRequest] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, and let the registry say that this is where `nl-eokm` is."""
        context = server_context(self.keys.tls)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        self.network.move(EOKM, self.port)

    async def stop(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            made = await read_request(reader)
            self.seen.append(made)
            await self.answering(made, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> HttpRequest:
    """Read one request with its body, which is thrown away."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split()
    fields = CIMultiDict((n, v.strip()) for n, _, v in (line.partition(":") for line in lines))
    await reader.readexactly(int(fields.get("Content-Length", "0")))
    return HttpRequest(method, f"https://{fields['Host']}{path}", fields)


def response_bytes(status: int, headers: CIMultiDict[str], body: bytes) -> bytes:
    """A response as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def signed_response(
    network: Network,
    made: HttpRequest,
    status: int = 200,
    body: bytes = RECEIPT,
    *,
    media_type: str = wire.RECEIPT_TYPE,
    signer: str = EOKM,
    key: SigningKey | None = None,
    created_ms: int = NOW_MS,
) -> bytes:
    """A response to a request as `nl-eokm` would make it, unless the test says otherwise."""
    headers = CIMultiDict({"Content-Type": media_type, "Content-Digest": digest_field(body)})
    response = HttpResponse(status, headers, made)
    signatures.sign_answer(response, key or network.keys[signer].transport, signer, created_ms)
    return response_bytes(status, headers, body)


@dataclass
class Listening:
    """A running listener of `nl-eokm`, and what it told the rest of its node."""

    network: Network
    clock: Clock
    inbox: MemoryInbox
    calls: Calls
    contacts: list[str] = field(default_factory=list)
    refused: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    behind: list[bool] = field(default_factory=list)
    signer: TransportInUse | None = None
    runner: web.AppRunner | None = None

    async def send(self, made: HttpRequest, body: bytes = HEAD + SEALED) -> Arrived:
        """Send a request as it is, with a body if it is one that has one."""
        return await self.calls.send(made, body if made.method == "PUT" else b"")

    async def told(self, made: HttpRequest, body: bytes = HEAD + SEALED) -> tuple[int, str]:
        """Send a request; give status and code of the signed refusal or answer to it."""
        arrived = verified(self.network, made, await self.send(made, body))
        if arrived.headers["Content-Type"] == wire.REFUSAL_TYPE:
            return arrived.status, arrived.body.decode()
        return arrived.status, str(answers.from_bytes(arrived.body).code)


Serve = Callable[..., Awaitable[Listening]]
Pretend = Callable[..., Awaitable[Impostor]]


def transport(network: Network, clock: Clock | None = None, **limits: float) -> HttpTransport:
    """The way of `gb-iwf` to others."""
    return HttpTransport(
        us=IWF,
        registry=network,
        transport_key=network.keys[IWF].transport,
        clock=clock or Clock(),
        nonce=Nonces(),
        limits=replace(Limits(), **limits),  # type: ignore[arg-type]
    )


Writes = Callable[[HttpRequest], bytes]


def writes(give: Writes) -> Answering:
    """Answer each request with bytes."""

    async def answer(made: HttpRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(give(made))

    return answer


async def push(client: HttpTransport) -> tuple[int, bytes]:
    """Push to `nl-eokm`."""
    return await client.push(EOKM, PUSH_PATH, HEAD, SEALED)


async def refused_with(pretend: Pretend, client: HttpTransport, give: Writes) -> CallError:
    """Push to somebody who answers so; give the error that comes of it."""
    await pretend(writes(give))
    with pytest.raises(CallError) as caught:
        await push(client)
    return caught.value
