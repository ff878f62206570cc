"""The peer listener: pushes and questions of verified members become calls of an inbox.

`gate` has verified who calls before anything here runs. Of a push, the head is read and judged by
`Inbox.precheck` first; only then the rest of the body is read, within the network's limits, the
sender's quota and our patience; its digest must be the signed one before `Inbox.take` sees it.

What the inbox says is an *answer* about the channel, and some answers stop it. A head that
something on the way has changed must not do that, so an answer that stops is given only when the
whole body was seen to be the sender's. Everything else is a *refusal*: nothing has changed, the
sender tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic

import msgspec
from aiohttp import web

from keys.registry import Registry
from keys.signing import Signer
from node.peer.channels.pulls import PullEndpoint
from node.peer.errors import (
    BadQuestionError,
    EncodedBodyError,
    RefusedRequestError,
    UnknownPathError,
)
from node.peer.http import wire
from node.peer.http.allowances import COMPARED, Allowances, Cost, DiskFloor, no_floor
from node.peer.http.bodies import Body, Patience
from node.peer.http.gate import Gate
from node.peer.http.quotas import Quota, Quotas
from node.peer.http.replays import Replays
from node.peer.http.signatures import SignedRequest
from node.peer.http.wire import Wire
from node.peer.ledgers.ledger_endpoint import LedgerEndpoint
from node.peer.recovery.recoveries import BroughtEndpoint, RecoverEndpoint
from node.peer.transport import A, Brought, Inbox, Pulls, Recoveries
from protocol import push as pushes
from protocol.answers import ANSWERS, Answer, AnswerCode, Then
from protocol.errors import ProtocolError, TooLargeError
from protocol.push import PushHead
from protocol.vocabulary import Lane

_CHANNEL: Final = "/hx1/channels/{caller}/{lane:" + "|".join(Lane) + "}"
_PUSH: Final = _CHANNEL + "/{epoch:[0-9a-f]{16}}/{start:0|[1-9][0-9]{0,15}}"
_BRING: Final = "/hx1/recovered/{caller}/{lane:" + "|".join(Lane) + "}"
_RECOVER: Final = "/hx1/recover/{caller}/{lane:" + "|".join(Lane) + "}"
_PULL: Final = _CHANNEL + "/{epoch:[0-9a-f]{16}}/pull"
_WITNESS: Final = "/hx1/witness/{caller}/add-checkpoint"

HTTP_BOUNDS: Final = {
    "auto_decompress": False,
    "access_log": None,
    "max_line_size": 1024,
    "max_field_size": 4096,
    "max_headers": 64,
    "read_bufsize": 65_536,
    "lingering_time": 1.0,
}
"""What the parser takes, and how long it waits for the end of a body that was not wanted. Digests
are over the bytes of the wire: nothing is decompressed."""


def make_peer_app(  # noqa: D417, PLR0913 - the composition root hands in every part
    *,
    us: str,
    inbox: Inbox[A],
    registry: Callable[[], Registry],
    transport_key: Signer,
    clock: Callable[[], int],
    on_contact: Callable[[str], object],
    pulls: Pulls | None = None,
    ledgers: LedgerEndpoint | None = None,
    recoveries: Recoveries | None = None,
    brought: Brought | None = None,
    on_registry_behind: Callable[[], None] = lambda: None,
    on_refused: Callable[[str], None] = lambda _code: None,
    quota: Quota | None = None,
    patience: Patience | None = None,
    floor: DiskFloor | None = None,
    extra_routes: Iterable[web.AbstractRouteDef] = (),
) -> web.Application:
    """Return the peer listener's application; serve it by `node.peer.http.listener.listen`.

    Args:
        us, registry: our member id; gives the verified registry in force.
        inbox: what becomes of questions and pushes.
        transport_key: signs every answer.
        clock: gives the time, ms UTC; requests made before this call are refused.
        on_contact: called with the member for each verified request within its quota.
        pulls: what becomes of pulls; None: none are served.
        ledgers: cosigns ledgers of others and compares them with ours; None: it does not.
        recoveries, brought: hand back, and take, what a lost node had said; None: nothing.
        on_registry_behind: called when somebody signed with a key that we do not know.
        on_refused: called with the code of each refusal.
        quota: what one peer may use.
        patience: how long headers and bodies may take.
        floor: tells when there is no room on the disk for what peers send.
        extra_routes: others that this listener serves, such as the registry mirror's.
    """
    gate = Gate(
        us=us,
        registry=registry,
        transport_key=transport_key,
        clock=clock,
        quotas=Quotas(quota or Quota(), clock()),
        replays=Replays(clock()),
        on_contact=on_contact,
        on_registry_behind=on_registry_behind,
        on_refused=on_refused,
        patience=patience or Patience(),
    )
    return _routed(gate, inbox, floor, pulls, ledgers, (recoveries, brought), extra_routes)


def _routed(
    gate: Gate,
    inbox: Inbox[A],
    floor: DiskFloor | None,
    pulls: Pulls | None,
    ledgers: LedgerEndpoint | None,
    lost: tuple[Recoveries | None, Brought | None],
    extra_routes: Iterable[web.AbstractRouteDef],
) -> web.Application:
    registry, patience = gate.registry, gate.patience
    allowances = Allowances(lambda: registry().network)
    channels = _Channels(
        gate.us,
        inbox,
        registry,
        gate.clock,
        gate.quotas,
        allowances,
        floor or no_floor(),
        patience,
    )
    bounds = HTTP_BOUNDS | {"keepalive_timeout": channels.patience.headers_s}
    app = web.Application(handler_args=bounds)
    app.on_response_prepare.append(_anonymous)
    app.router.add_put(_PUSH, gate.endpoint(channels.push))
    if pulls is not None:
        offered = Allowances(lambda: registry().network)
        served = PullEndpoint(pulls, channels.patience, offered, gate.clock)
        app.router.add_post(_PULL, gate.endpoint(served.pull))
    if ledgers is not None:
        app.router.add_post(_WITNESS, gate.endpoint(ledgers.add_checkpoint))
        for path, exchange in ledgers.exchanges("{caller}"):
            app.router.add_post(path, gate.endpoint(exchange))
    recoveries, brought = lost
    if recoveries is not None:
        handing = RecoverEndpoint(recoveries, allowances, patience, gate.clock)
        app.router.add_post(_RECOVER, gate.endpoint(handing.recover))
    app.router.add_get(_CHANNEL, gate.endpoint(channels.question), allow_head=False)
    if brought is not None:
        taking = BroughtEndpoint(brought, allowances, patience, gate.clock)
        app.router.add_post(_BRING, gate.endpoint(taking.take))
    app.router.add_get(wire.HELLO_PATH, gate.endpoint(channels.hello), allow_head=False)
    app.router.add_route("*", wire.PREFIX + "{rest:.*}", gate.endpoint(_unknown))
    app.add_routes(extra_routes)
    return app


@dataclass(frozen=True, slots=True)
class _Channels(Generic[A]):
    """What a verified member may ask for."""

    us: str
    inbox: Inbox[A]
    registry: Callable[[], Registry]
    clock: Callable[[], int]
    quotas: Quotas
    allowances: Allowances
    floor: DiskFloor
    patience: Patience

    async def push(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Take a push."""
        if request.headers.get("Content-Type") != wire.PUSH_TYPE:
            raise EncodedBodyError
        size = request.content_length or 0
        if size > wire.max_push_bytes(self.registry().network.limits):
            return wire.answer(AnswerCode.TOO_LARGE)
        with self.quotas.push(caller.member, Lane(request.match_info["lane"])):
            self.floor.need(now_ms := self.clock())
            self.allowances.need(caller.member, Cost.WASTE, now_ms)
            body = Body(request.content, size, self.patience)
            result = await self._take(request, caller, body)
            if isinstance(result, Answer) and ANSWERS[result.code].then is Then.STOP:
                await body.rest(caller.body_sha256)
        if isinstance(result, Answer):
            return wire.answered(result)
        return Wire(wire.OK, wire.RECEIPT_TYPE, result)

    async def _take(
        self, request: web.Request, caller: SignedRequest, body: Body
    ) -> Answer | bytes:
        match = request.match_info
        head = await _read_head(body)
        if isinstance(head, AnswerCode):
            return Answer(1, head, None, None)
        lane, epoch = Lane(match["lane"]), bytes.fromhex(match["epoch"])
        start = int(match["start"])
        found = await self.inbox.precheck(caller.member, lane, epoch, start, head)
        if isinstance(found, bytes):
            self.quotas.fruitless(caller.member, self.clock())
        if isinstance(found, Answer) and found.code in COMPARED:
            self.allowances.charge(caller.member, Cost.WASTE, self.clock())
        if isinstance(found, Answer | bytes):
            return found
        return await self._take_admitted(found, start, caller, body)

    async def _take_admitted(
        self, admitted: A, start: int, caller: SignedRequest, body: Body
    ) -> Answer | bytes:
        """Read and keep an admitted push, within what its sender has left."""
        member, now_ms = caller.member, self.clock()
        if start == 0:
            self.allowances.spend(member, Cost.EPOCHS, 1, now_ms)
        self.allowances.spend(member, Cost.ENTRIES, admitted.entries, now_ms)
        self.allowances.spend(member, Cost.BYTES, body.left, now_ms)
        try:
            sealed = await body.rest(caller.body_sha256)
            with self.floor.keeping(now_ms):
                taken = await self.inbox.take(admitted, sealed)
        except RefusedRequestError:
            self.allowances.charge(member, Cost.WASTE, now_ms)
            raise
        if isinstance(taken, Answer) and taken.code is not AnswerCode.BUSY:
            self.allowances.charge(member, Cost.WASTE, now_ms)
        return taken

    async def question(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Tell the state of a channel."""
        nonce = wire.question_nonce(request.query_string)
        if nonce is None:
            raise BadQuestionError
        lane = Lane(request.match_info["lane"])
        return wire.answered(await self.inbox.question(caller.member, lane, nonce))

    async def hello(self, request: web.Request, caller: SignedRequest) -> Wire:
        """Say who and how we are."""
        del request, caller
        registry = self.registry()
        said = wire.Hello(
            member=self.us,
            network=registry.network_id,
            versions=wire.VERSIONS,
            time_ms=self.clock(),
            registry=(registry.root_version, registry.timestamp_version),
        )
        return Wire(wire.OK, wire.HELLO_TYPE, msgspec.json.encode(said))


async def _unknown(_request: web.Request, _caller: SignedRequest) -> Wire:
    raise UnknownPathError


async def _read_head(body: Body) -> PushHead | AnswerCode:
    """Read the part of a push in clear; what is malformed is answered."""
    try:
        prefix = await body.read(pushes.HEAD_PREFIX_BYTES)
        return pushes.read_head(prefix + await body.read(pushes.head_length(prefix) - len(prefix)))
    except TooLargeError:
        return AnswerCode.TOO_LARGE
    except ProtocolError:
        return AnswerCode.MALFORMED


async def _anonymous(_: web.Request, response: web.StreamResponse) -> None:
    """Do not tell the versions of our software."""
    response.headers.popall("Server", None)
