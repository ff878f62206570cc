"""`/api/v1/items`: what is known of items, and what analysts record about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from node.api import bodies
from node.api.calls import json_answer, once, respond
from node.api.conditions import etag
from node.api.parameters import ItemsParameters
from node.api.problems import ApiError
from node.api.service import ItemsPage
from node.casework.ending.erasing import ErasureDraft
from node.casework.errors import UnknownItemError
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    MessageDraft,
    ProxyNoticeDraft,
    RetractionDraft,
    WrongFileDraft,
)
from node.casework.unchanged import expected
from node.ids import time_of
from node.jurisdiction.codes import country_mend
from node.store.items.queries import ItemQuery
from protocol.fields import is_subject_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from node.api.access import Reserved, StoredAnswer
    from node.api.calls import Call
    from node.casework.showing.views import ActionView, AssessmentView, ItemView, MessageView

MAX_WORK_BYTES: Final = 1 << 16

D = TypeVar(
    "D",
    AssessmentDraft,
    ActionDraft,
    HashesDraft,
    ProxyNoticeDraft,
    RetractionDraft,
    WrongFileDraft,
)
_assessment: Final = msgspec.json.Decoder(AssessmentDraft)
_action: Final = msgspec.json.Decoder(ActionDraft)
_hashes: Final = msgspec.json.Decoder(HashesDraft)
_proxy_notice: Final = msgspec.json.Decoder(ProxyNoticeDraft)
_retraction: Final = msgspec.json.Decoder(RetractionDraft)
_wrong_file: Final = msgspec.json.Decoder(WrongFileDraft)
_message: Final = msgspec.json.Decoder(MessageDraft)
_erasure: Final = msgspec.json.Decoder(ErasureDraft)


async def list_items(call: Call) -> web.StreamResponse:
    """List items, page by page."""
    asked = bodies.query(call.request, ItemsParameters)
    given = {
        name: value for name, value in msgspec.structs.asdict(asked).items() if value is not UNSET
    }
    _check_country(given.get("country"))
    items = tuple(await call.parts.desk.items(ItemQuery(**given)))
    after = items[-1].id if len(items) == asked.limit else None
    return respond(json_answer(ItemsPage(items, after)))


def _check_country(code: str | None) -> None:
    mend = None if code is None else country_mend(code)
    if mend is not None:
        raise ApiError("bad_parameter", mend, "country")


async def read_item(call: Call) -> web.StreamResponse:
    """Read one item."""
    view = await present(call)
    return respond(json_answer(view), {"ETag": etag(view)})


async def assess_item(call: Call) -> web.StreamResponse:
    """Record a verdict."""
    return await _work(call, _assessment, call.parts.desk.assess, _is_assessed)


async def act_on_item(call: Call) -> web.StreamResponse:
    """Record an action."""
    return await _work(call, _action, call.parts.desk.act, _is_acted)


async def retract_notice(call: Call) -> web.StreamResponse:
    """Record that a notice or referral was retracted."""
    return await _work(call, _retraction, call.parts.desk.correcting.retract, _is_retracted)


async def notify_proxy(call: Call) -> web.StreamResponse:
    """Record a notice to the proxy that hides an item."""
    return await _work(call, _proxy_notice, call.parts.desk.notify_proxy, _is_notified)


async def withdraw_verdict(call: Call) -> web.StreamResponse:
    """Take a verdict back; again, there is none (404)."""
    verdict_id = call.request.match_info["verdict_id"]
    correcting = call.parts.desk.correcting
    return respond(
        json_answer(await correcting.withdraw(named_item(call), verdict_id, actor=call.actor))
    )


async def withdraw_verdict_by_id(call: Call) -> web.StreamResponse:
    """Take a verdict back though its item may be gone; again, nobody is told twice."""
    verdict_id = call.request.match_info["verdict_id"]
    correcting = call.parts.desk.correcting
    done = await correcting.withdraw_everywhere(verdict_id, actor=call.actor)
    return respond(json_answer(done))


async def add_hashes(call: Call) -> web.StreamResponse:
    """Add hashes; the same again change nothing."""
    return await _work(call, _hashes, call.parts.desk.add_hashes, lambda *_: False)


async def take_file_off(call: Call) -> web.StreamResponse:
    """Take a file off an item to which it does not belong."""
    return await _work(call, _wrong_file, call.parts.desk.correcting.take_off, _is_taken_off)


async def write_to_peer(call: Call) -> web.StreamResponse:
    """Preview a message to a peer (200), or send it (201)."""
    item_id = named_item(call)
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_WORK_BYTES)
    draft = bodies.decode(_message, raw)

    async def work(reserved: Reserved | None) -> StoredAnswer:
        if reserved is not None and not reserved.fresh and not draft.preview:
            sent = _sent(await present(call), draft, call.parts.member, reserved.created_ms)
            if sent is not None:
                return json_answer(sent, 201)
        written = await call.parts.desk.write(item_id, draft, actor=call.actor)
        return json_answer(written, 200 if draft.preview else 201)

    return await once(call, raw, work, shown_id)


async def erase_item(call: Call) -> web.StreamResponse:
    """Erase an item, by a person's word."""
    item_id = named_item(call)
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_WORK_BYTES)
    draft = bodies.decode(_erasure, raw)
    desk = call.parts.desk

    async def work(reserved: Reserved | None) -> StoredAnswer:
        if reserved is not None and not reserved.fresh:
            done = await desk.erased(item_id)
            if done is not None and done[1] >= reserved.created_ms and done[0].cause == draft.cause:
                return json_answer(done[0])
        return json_answer(await desk.erase(item_id, draft, actor=call.actor))

    return await once(call, raw, work)


async def _work(
    call: Call,
    decoder: msgspec.json.Decoder[D],
    record: Callable[..., Awaitable[ItemView]],
    is_recorded: Callable[[ItemView, Any, str, int], bool],
) -> web.Response:
    item_id = named_item(call)
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_WORK_BYTES)
    draft = bodies.decode(decoder, raw)

    async def work(reserved: Reserved | None) -> StoredAnswer:
        # Under a condition what is found may be another's, which the caller is to hear of: then the
        # tag tells whether it was done.
        if reserved is not None and not reserved.fresh and expected() is None:
            view = await present(call)
            if is_recorded(view, draft, call.parts.member, reserved.created_ms):
                return json_answer(view, 201)
        return json_answer(await record(item_id, draft, actor=call.actor), 201)

    return await once(call, raw, work, shown_id)


def named_item(call: Call) -> str:
    """Return the item that the path names.

    Raises:
        UnknownItemError: it is no id.
    """
    item_id = call.request.match_info["item_id"]
    if not is_subject_id(item_id):
        raise UnknownItemError
    return item_id


async def present(call: Call) -> ItemView:
    """Return the item that the path names as it stands.

    Raises:
        UnknownItemError: it is not here.
    """
    view = await call.parts.desk.item(named_item(call))
    if view is None:
        raise UnknownItemError
    return view


async def shown_id(call: Call) -> str:
    """Return the id of the item that the path names, perhaps by an alias.

    Raises:
        UnknownItemError: it is not here.
    """
    return (await present(call)).id


# -- after a crash between the work and its answer: was the work done? -----------------------------


def _is_assessed(view: ItemView, draft: AssessmentDraft, member: str, since_ms: int) -> bool:
    said = (draft.verdict, draft.law, draft.labels, draft.reason)
    return any(
        (one.verdict, one.law, one.labels, one.reason) == said
        and _by_us(one, draft, member, since_ms)
        for one in view.assessments
    )


def _is_acted(view: ItemView, draft: ActionDraft, member: str, since_ms: int) -> bool:
    said = (draft.action, draft.reason)
    return any(
        (one.action, one.reason) == said and _by_us(one, draft, member, since_ms)
        for one in view.actions
    )


def _is_retracted(view: ItemView, draft: RetractionDraft, _member: str, _since_ms: int) -> bool:
    told = [(one.id, one.retraction) for one in view.actions]
    told += [(one.id, one.retraction) for one in view.proxy_notices]
    return (draft.action, "done") in told


def _is_notified(view: ItemView, draft: ProxyNoticeDraft, _member: str, since_ms: int) -> bool:
    times = [milliseconds(one.at) for one in view.proxy_notices]
    if draft.at is None:
        return any(at >= since_ms for at in times)
    return milliseconds(draft.at) in times


def _is_taken_off(view: ItemView, draft: WrongFileDraft, _member: str, _since_ms: int) -> bool:
    value = None if draft.hash is None else draft.hash.lower()
    return any(
        one.place == draft.place
        if value is None
        else value in (one.sha256, one.sha1, one.md5, one.pdq)
        for one in view.wrong_files
    )


def _sent(view: ItemView, draft: MessageDraft, member: str, since_ms: int) -> MessageView | None:
    for one in view.messages:
        same = (one.author, one.to, one.text) == (member, draft.to, draft.text)
        if same and milliseconds(one.at) >= since_ms:
            return one
    return None


def _by_us(
    one: AssessmentView | ActionView,
    draft: AssessmentDraft | ActionDraft,
    member: str,
    since_ms: int,
) -> bool:
    """Whether we recorded it since the key was first used, at the time that the draft says.

    A verdict has a later one than it was said with, where it corrects another word of ours.
    """
    if one.member != member or time_of(one.id) < since_ms:
        return False
    at_ms, said_ms = milliseconds(one.at), milliseconds(draft.at) if draft.at else since_ms
    is_later = draft.at is None or isinstance(draft, AssessmentDraft)
    return at_ms >= said_ms if is_later else at_ms == said_ms


def milliseconds(text: str) -> int:
    """Return an RFC 3339 time in milliseconds UTC."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
