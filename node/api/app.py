"""The local API as an aiohttp application: routes from the table, one edge for every error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, ContentEncodingError

from node.api import (
    bodies,
    changes,
    hashcheck,
    holds,
    items,
    openapi,
    problems,
    reports,
    tasks,
    tokens,
)
from node.api.access import Gate, Mint, Scope, StoredAnswer
from node.api.calls import SERVER_ERROR, Call, Parts, log_failure, respond
from node.api.conditions import is_conditional, read_if_match
from node.api.gathering import Gathering
from node.api.idempotency import Replays
from node.api.operations import OPERATIONS
from node.api.parameters import NoParameters
from node.api.problems import ApiError
from node.api.room import INTAKE_BYTES, Room
from node.casework.unchanged import expecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp.typedefs import Handler as AnyHandler
    from aiohttp.typedefs import Middleware

    from node.api.access import AccessStore
    from node.api.calls import Handler
    from node.api.operations import Operation
    from node.api.service import Desk
    from node.hashcheck.desk import HashCheckDesk

MAX_BODY_BYTES: Final = 1 << 26
PREFIXES: Final = ("/api/", "/hashcheck/")
_UNREADABLE: Final = {400: "bad_request", 417: "expectation_failed"}
_FIELD: Final = {"wrong_content_encoding": "Content-Encoding", "expectation_failed": "Expect"}
_ALLOWED: Final = ", ".join(sorted({operation.method for operation in OPERATIONS}))

HANDLERS: Final[dict[str, Handler]] = {
    "submit_reports": reports.submit_reports,
    "list_items": items.list_items,
    "read_item": items.read_item,
    "assess_item": items.assess_item,
    "withdraw_verdict": items.withdraw_verdict,
    "withdraw_verdict_by_id": items.withdraw_verdict_by_id,
    "retract_notice": items.retract_notice,
    "notify_proxy": items.notify_proxy,
    "act_on_item": items.act_on_item,
    "add_hashes": items.add_hashes,
    "take_file_off": items.take_file_off,
    "write_to_peer": items.write_to_peer,
    "hold_item": holds.hold_item,
    "lift_hold": holds.lift_hold,
    "erase_item": items.erase_item,
    "read_changes": changes.read_changes,
    "list_tasks": tasks.list_tasks,
    "list_tokens": tokens.list_tokens,
    "make_token": tokens.make_token,
    "revoke_token": tokens.revoke_token,
    "list_complaints": hashcheck.list_complaints,
    "decide_complaint": hashcheck.decide_complaint,
    "list_hashcheck_keys": hashcheck.list_hashcheck_keys,
    "make_hashcheck_key": hashcheck.make_hashcheck_key,
    "revoke_hashcheck_key": hashcheck.revoke_hashcheck_key,
}


def make_local_app(  # noqa: PLR0913 - the composition root hands in every part
    desk: Desk,
    access: AccessStore,
    hashcheck_desk: HashCheckDesk,
    *,
    member: str,
    now_ms: Callable[[], int],
    node_secret: bytes,
    max_body_bytes: int = MAX_BODY_BYTES,
    intake_bytes: int = INTAKE_BYTES,
    middlewares: Iterable[Middleware] = (),
) -> web.Application:
    """Make the application of the local listener.

    Args:
        desk: where the work is done.
        access: where tokens and answers are kept.
        hashcheck_desk: where keys of hosting companies are made and complaints decided.
        member: this node's own member id.
        now_ms: the clock, milliseconds UTC.
        node_secret: from which a secret follows that is shown again to its own request alone.
        max_body_bytes: largest body, unpacked.
        intake_bytes: how much of all bodies of reports together is held at once.
        middlewares: run around everything, for example to count requests. Other routes (health,
            metrics, console) may be added to the application before it runs.
    """
    parts = Parts(
        desk=desk,
        store=access,
        hashcheck=hashcheck_desk,
        gate=Gate(access, now_ms),
        gathering=Gathering(desk),
        replays=Replays(access, now_ms),
        mint=Mint(node_secret),
        member=member,
        now_ms=now_ms,
        room=Room(intake_bytes),
        max_body_bytes=max_body_bytes,
        document=msgspec.json.encode(openapi.document()),
    )
    app = web.Application(middlewares=[*middlewares, refuse_by_problem])
    for operation in OPERATIONS:
        endpoint = _endpoint(operation, parts)
        app.router.add_route(operation.method, operation.path, endpoint)

    async def stop(_: web.Application) -> None:
        parts.stopping.set()

    app.on_shutdown.append(stop)
    return app


def _endpoint(operation: Operation, parts: Parts) -> AnyHandler:
    if operation.scope is None:
        described = StoredAnswer(200, bodies.JSON, parts.document)

        async def describe(request: web.Request) -> web.StreamResponse:
            bodies.query(request, NoParameters)
            return respond(described)

        return describe
    scope, handler = Scope(operation.scope), HANDLERS[operation.name]
    takes_query, takes_tag = operation.parameters is not NoParameters, is_conditional(operation)

    async def endpoint(request: web.Request) -> web.StreamResponse:
        token = await parts.gate.admit(request.headers.get("Authorization"), scope)
        if request.query_string and not takes_query:
            bodies.query(request, NoParameters)
        tags = read_if_match(request.headers.getall("If-Match", [])) if takes_tag else None
        with expecting(tags):
            return await handler(Call(request, parts, token))

    return endpoint


@web.middleware
async def refuse_by_problem(request: web.Request, handler: AnyHandler) -> web.StreamResponse:
    """Turn every error of ours into problem+json; log those that are ours, without detail."""
    try:
        return await handler(request)
    except ConnectionError:
        raise
    except web.HTTPException as refusal:
        if not request.path.startswith(PREFIXES):
            raise
        return _of_http(refusal)
    except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets a code
        headers = error.headers if isinstance(error, ApiError) else {}
        return _refuse(request, error, headers)


def _refuse(request: web.Request, error: Exception, headers: dict[str, str]) -> web.Response:
    described = problems.of_error(error)
    log_failure(request, error, described.status)
    if described.status >= SERVER_ERROR:
        headers = {**headers, "Retry-After": str(problems.RETRY_AFTER_S)}
    return _respond(described, headers)


def refuse_unreadable(status: int, error: BaseException | None) -> web.Response:
    """Answer what never became a request (`node.listening.Refusal`), in the form of all errors."""
    code, headers = _UNREADABLE.get(status, "internal"), {}
    if isinstance(error, BadHttpMethod):
        code, headers = "method_not_allowed", {"Allow": _ALLOWED}
    elif isinstance(error, ContentEncodingError):
        code, headers = "wrong_content_encoding", {"Accept-Encoding": "gzip, deflate"}
    mend = None if code == "internal" else problems.MEANING[code]
    return _respond(problems.problem(code, mend, _FIELD.get(code)), headers)


def _of_http(refusal: web.HTTPException) -> web.StreamResponse:
    codes = {404: "unknown_path", 405: "method_not_allowed", 413: "body_too_large"}
    code = codes.get(refusal.status)
    if code is None:
        described = problems.problem("internal", None, None)
    else:
        described = problems.problem(code, problems.MEANING[code], None)
    allow = refusal.headers.get("Allow")
    return _respond(described, {} if allow is None else {"Allow": allow})


def _respond(described: problems.Problem, headers: dict[str, str]) -> web.Response:
    body = problems.encode(described)
    return respond(StoredAnswer(described.status, problems.CONTENT_TYPE, body), headers)
