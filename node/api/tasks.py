"""`/api/v1/tasks`: what waits for a person, with its age. Tasks are closed by `hotline tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from node.api.calls import json_answer, respond
from node.api.operations import TasksPage, TaskView
from node.casework.showing.views import moment

if TYPE_CHECKING:
    from aiohttp import web

    from node.api.calls import Call

SHOWN: Final = 1000


async def list_tasks(call: Call) -> web.StreamResponse:
    """List what waits for a person."""
    now_ms = call.parts.now_ms()
    found = [
        TaskView(code, subject, moment(opened_ms), max(0, now_ms - opened_ms) // 1000)
        for code, subject, opened_ms in await call.parts.store.open_tasks(SHOWN)
    ]
    return respond(json_answer(TasksPage(tuple(found))))
