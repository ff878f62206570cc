"""What the local API offers: one table, from which the routes and the OpenAPI document are made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.api.access import Scope
from node.api.bodies import JSON, NDJSON
from node.api.hashcheck_bodies import (
    ComplaintsPage,
    ComplaintsParameters,
    ComplaintView,
    DecisionDraft,
    KeyDraft,
    KeysPage,
    KeyView,
)
from node.api.parameters import ChangesParameters, ItemsParameters, Name, NoParameters
from node.api.service import ChangesPage, ItemsPage, LineAnswer, ReportAnswer
from node.casework.ending.erasing import ErasureDraft, ErasureView
from node.casework.mistakes.correcting import VerdictWithdrawnView
from node.casework.reports.draft import (
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    HoldDraft,
    MessageDraft,
    ProxyNoticeDraft,
    ReportDraft,
    RetractionDraft,
    WrongFileDraft,
)
from node.casework.showing.views import HoldView, ItemView, MessageView


class TokenDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made. `expires_days` from now; left out: it does not expire."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(Scope))]
    expires_days: Annotated[int, Meta(ge=1, le=3650)] | UnsetType = UNSET


class TokenView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token as it is kept; the token itself is shown once, when it is made."""

    token_id: str
    name: str
    scopes: tuple[Scope, ...]
    created: str
    expires: str | None = None
    revoked: str | None = None
    token: str | None = None


class TaskView(msgspec.Struct, frozen=True):
    """Something that waits for a person: its code (docs/operating/tasks.md), ids, since when."""

    code: str
    subject: str
    opened: str
    age_s: int


class TasksPage(msgspec.Struct, frozen=True):
    """What waits for a person, oldest first; at most 1000."""

    tasks: tuple[TaskView, ...]


class TokensPage(msgspec.Struct, frozen=True):
    """All tokens, oldest first."""

    tokens: tuple[TokenView, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path. `scope` None: open to whoever reaches the listener.

    `takes` leads from a content type to the type of the body; `gives` from a status to content type
    and type of the answer; `refuses` lists the statuses of problems beside those that all have;
    `item_at` points to the id of an item in the answer, which other operations take.
    """

    name: str
    method: str
    path: str
    scope: StrEnum | None
    summary: str
    gives: dict[int, tuple[str, Any]]
    takes: dict[str, Any] | None = None
    parameters: type[msgspec.Struct] = NoParameters
    refuses: tuple[int, ...] = ()
    keyed: bool = False
    example: dict[str, Any] | None = None
    item_at: str | None = None


_ITEM: Final = "/api/v1/items/{item_id}"
_WORK: Final = (404, 409, 413, 415, 422, 503)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "submit_reports",
        "POST",
        "/api/v1/reports",
        Scope.REPORTS_WRITE,
        "Hand in one report (JSON), or any number of them, one a line (NDJSON).",
        {200: (JSON, ReportAnswer), 201: (JSON, ReportAnswer)},
        {JSON: ReportDraft, NDJSON: ReportDraft},
        refuses=(409, 413, 415, 422, 429, 503),
        keyed=True,
        example={
            "source": "public",
            "reference": "2026-001234",
            "found_via": "webform",
            "received": "2026-11-23T18:00:00+01:00",
            "items": [
                {
                    "url": "https://pictures.example/albums/17?page=2",
                    "kind": "page",
                    "access": {"referrer": "https://portal.example/"},
                },
                {"url": "https://pictures.example/17/a.jpg", "hashes": {"md5": "c0" * 16}},
            ],
        },
        item_at="/items/0/item_id",
    ),
    Operation(
        "list_items",
        "GET",
        "/api/v1/items",
        Scope.ITEMS_READ,
        "List items in the order of their ids.",
        {200: (JSON, ItemsPage)},
        parameters=ItemsParameters,
        refuses=(410, 422, 503),
    ),
    Operation(
        "read_item",
        "GET",
        _ITEM,
        Scope.ITEMS_READ,
        "Read one item, by its id or by an id under which another member knows it.",
        {200: (JSON, ItemView)},
        refuses=(404, 503),
    ),
    Operation(
        "assess_item",
        "POST",
        _ITEM + "/assessments",
        Scope.ITEMS_WRITE,
        "Record this hotline's verdict; every member concerned is told.",
        {201: (JSON, ItemView)},
        {JSON: AssessmentDraft},
        refuses=_WORK,
        keyed=True,
        example={"verdict": "baseline", "labels": ["self_generated"]},
    ),
    Operation(
        "withdraw_verdict",
        "DELETE",
        _ITEM + "/assessments/{verdict_id}",
        Scope.ITEMS_WRITE,
        "Take a verdict of this hotline back; what followed from it is undone, wherever it went.",
        {200: (JSON, ItemView)},
        refuses=(404, 503),
    ),
    Operation(
        "withdraw_verdict_by_id",
        "DELETE",
        "/api/v1/assessments/{verdict_id}",
        Scope.ITEMS_WRITE,
        "Take a verdict of this hotline back by its id, though its item is gone; all hear so.",
        {200: (JSON, VerdictWithdrawnView)},
        refuses=(404, 503),
    ),
    Operation(
        "act_on_item",
        "POST",
        _ITEM + "/actions",
        Scope.ITEMS_WRITE,
        "Record what was done; only the responsible member acts.",
        {201: (JSON, ItemView)},
        {JSON: ActionDraft},
        refuses=_WORK,
        keyed=True,
        example={"action": "host_notified", "at": "2026-11-23T18:00:00Z"},
    ),
    Operation(
        "retract_notice",
        "POST",
        _ITEM + "/retractions",
        Scope.ITEMS_WRITE,
        "Record that a notice or referral by a verdict that is gone was retracted.",
        {201: (JSON, ItemView)},
        {JSON: RetractionDraft},
        refuses=_WORK,
        keyed=True,
        example={"action": "nl-eokm.01M8504K47NN0SQRGQYM9AZB5T"},
    ),
    Operation(
        "notify_proxy",
        "POST",
        _ITEM + "/proxy-notices",
        Scope.ITEMS_WRITE,
        "Record a notice to the proxy that hides an item; once for each proxy.",
        {201: (JSON, ItemView)},
        {JSON: ProxyNoticeDraft},
        refuses=_WORK,
        keyed=True,
        example={"at": "2026-11-23T18:00:00Z"},
    ),
    Operation(
        "add_hashes",
        "POST",
        _ITEM + "/hashes",
        Scope.ITEMS_WRITE,
        "Add hashes that were computed later; the matching runs again.",
        {201: (JSON, ItemView)},
        {JSON: HashesDraft},
        refuses=_WORK,
        keyed=True,
        example={"md5": "c0" * 16, "length": 48213},
    ),
    Operation(
        "take_file_off",
        "POST",
        _ITEM + "/wrong-files",
        Scope.ITEMS_WRITE,
        "Say that one of its files does not belong to an item; what followed from it is undone.",
        {201: (JSON, ItemView)},
        {JSON: WrongFileDraft},
        refuses=_WORK,
        keyed=True,
        example={"place": 1},
    ),
    Operation(
        "write_to_peer",
        "POST",
        _ITEM + "/messages",
        Scope.ITEMS_WRITE,
        "Write to a member about an item: a preview of exactly what would be sent, or sent.",
        {200: (JSON, MessageView), 201: (JSON, MessageView)},
        {JSON: MessageDraft},
        refuses=_WORK,
        keyed=True,
        example={"to": "nl-eokm", "text": "Is the second page the same album?", "preview": True},
    ),
    Operation(
        "hold_item",
        "POST",
        _ITEM + "/holds",
        Scope.ADMIN,
        "Put a legal hold on an item: nothing and nobody erases it until it is lifted or over.",
        {201: (JSON, HoldView)},
        {JSON: HoldDraft},
        refuses=_WORK,
        keyed=True,
        example={"reason": "order 12/2026 of the court", "until": "2027-06-30T00:00:00Z"},
    ),
    Operation(
        "lift_hold",
        "DELETE",
        _ITEM + "/holds/{hold_id}",
        Scope.ADMIN,
        "Lift a legal hold.",
        {200: (JSON, HoldView)},
        refuses=(404, 503),
    ),
    Operation(
        "erase_item",
        "POST",
        _ITEM + "/erasure",
        Scope.ADMIN,
        "Erase an item by a person's word; members concerned are told, and nothing brings it back.",
        {200: (JSON, ErasureView)},
        {JSON: ErasureDraft},
        refuses=_WORK,
        keyed=True,
        example={"cause": "withdrawal"},
    ),
    Operation(
        "read_changes",
        "GET",
        "/api/v1/changes",
        Scope.CHANGES_READ,
        "Read what changed after a cursor: ordered, gap-free, resumable; waits if asked to.",
        {200: (JSON, ChangesPage)},
        parameters=ChangesParameters,
        refuses=(410, 422, 503),
    ),
    Operation(
        "list_tasks",
        "GET",
        "/api/v1/tasks",
        Scope.ITEMS_READ,
        "List what waits for a person, oldest first.",
        {200: (JSON, TasksPage)},
        refuses=(503,),
    ),
    Operation(
        "list_tokens",
        "GET",
        "/api/v1/tokens",
        Scope.ADMIN,
        "List the tokens, never their secrets.",
        {200: (JSON, TokensPage)},
        refuses=(503,),
    ),
    Operation(
        "make_token",
        "POST",
        "/api/v1/tokens",
        Scope.ADMIN,
        "Make a token; the answer is the only place where it stands.",
        {201: (JSON, TokenView)},
        {JSON: TokenDraft},
        refuses=(409, 413, 415, 503),
        keyed=True,
        example={"name": "case-system", "scopes": ["changes:read", "items:read"]},
    ),
    Operation(
        "revoke_token",
        "DELETE",
        "/api/v1/tokens/{token_id}",
        Scope.ADMIN,
        "Let a token be refused from now on.",
        {200: (JSON, TokenView)},
        refuses=(404, 409, 503),
    ),
    Operation(
        "list_complaints",
        "GET",
        "/api/v1/hashcheck/complaints",
        Scope.ITEMS_READ,
        "List complaints of hosting companies about hits of HashCheck.",
        {200: (JSON, ComplaintsPage)},
        parameters=ComplaintsParameters,
        refuses=(503,),
    ),
    Operation(
        "decide_complaint",
        "POST",
        "/api/v1/hashcheck/complaints/{complaint_id}/decision",
        Scope.ITEMS_WRITE,
        "Uphold a complaint, which blocks its contents from HashCheck at once, or reject it.",
        {200: (JSON, ComplaintView)},
        {JSON: DecisionDraft},
        refuses=(404, 409, 413, 415, 422, 503),
        keyed=True,
        example={"decision": "uphold", "reason": "a picture of a stock library"},
    ),
    Operation(
        "list_hashcheck_keys",
        "GET",
        "/api/v1/hashcheck/keys",
        Scope.ADMIN,
        "List the keys of hosting companies, never the keys themselves.",
        {200: (JSON, KeysPage)},
        refuses=(503,),
    ),
    Operation(
        "make_hashcheck_key",
        "POST",
        "/api/v1/hashcheck/keys",
        Scope.ADMIN,
        "Make a key for a hosting company; the answer is the only place where it stands.",
        {201: (JSON, KeyView)},
        {JSON: KeyDraft},
        refuses=(409, 413, 415, 422, 503),
        keyed=True,
        example={"hoster": "pictures-hosting", "ends": "2030-12-31T00:00:00Z"},
    ),
    Operation(
        "revoke_hashcheck_key",
        "DELETE",
        "/api/v1/hashcheck/keys/{key_id}",
        Scope.ADMIN,
        "Let a key be refused from now on.",
        {200: (JSON, KeyView)},
        refuses=(404, 503),
    ),
    Operation(
        "describe_api",
        "GET",
        "/api/v1/openapi.json",
        None,
        "This document.",
        {200: (JSON, dict[str, Any])},
    ),
)

BULK_ANSWER: Final = (NDJSON, LineAnswer)
