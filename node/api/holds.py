"""`/api/v1/items/{item_id}/holds`: legal holds, put and lifted by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from node.api import bodies
from node.api.calls import json_answer, once, respond
from node.api.items import MAX_WORK_BYTES, milliseconds, named_item, present, shown_id
from node.casework.reports.draft import HoldDraft

if TYPE_CHECKING:
    from aiohttp import web

    from node.api.access import Reserved, StoredAnswer
    from node.api.calls import Call
    from node.casework.showing.views import HoldView, ItemView

_hold: Final = msgspec.json.Decoder(HoldDraft)


async def hold_item(call: Call) -> web.StreamResponse:
    """Put a legal hold on an item."""
    item_id = named_item(call)
    bodies.content_type(call.request, bodies.JSON)
    raw = await bodies.whole(call.request, MAX_WORK_BYTES)
    draft = bodies.decode(_hold, raw)

    async def work(reserved: Reserved | None) -> StoredAnswer:
        if reserved is not None and not reserved.fresh:
            put = _put(await present(call), draft, reserved.created_ms)
            if put is not None:
                return json_answer(put, 201)
        return json_answer(await call.parts.desk.hold(item_id, draft, actor=call.actor), 201)

    return await once(call, raw, work, shown_id)


async def lift_hold(call: Call) -> web.StreamResponse:
    """Lift a legal hold."""
    hold_id = call.request.match_info["hold_id"]
    return respond(
        json_answer(await call.parts.desk.lift(named_item(call), hold_id, actor=call.actor))
    )


def _put(view: ItemView, draft: HoldDraft, since_ms: int) -> HoldView | None:
    """The hold that an earlier attempt under the same key has put, if it got as far as that."""
    for one in view.holds:
        same = (one.reason, milliseconds(one.until)) == (draft.reason, milliseconds(draft.until))
        if same and milliseconds(one.since) >= since_ms:
            return one
    return None
