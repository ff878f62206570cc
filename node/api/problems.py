"""How errors look: `application/problem+json` (RFC 9457) with a stable `code`, `field` and mend.

One table leads from a code to the HTTP status; `docs/api.md` shows it and is tested against it. An
error whose code is not in the table is a mistake of ours: 500, with no detail at all.

    ApiError                 base of what the API itself refuses: code, field, mend
"""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        # the form of the request
        "bad_request": 400,
        "bad_json": 400,
        "bad_body": 400,
        "invalid_value": 400,
        "missing": 400,
        "unknown_field": 400,
        "field_twice": 400,
        "bad_parameter": 400,
        "unknown_parameter": 400,
        "bad_idempotency_key": 400,
        "bad_if_match": 400,
        "line_too_long": 400,
        # who asks
        "token_missing": 401,
        "token_invalid": 401,
        "token_expired": 401,
        "scope_missing": 403,
        "contract_over": 403,
        # what is asked for
        "unknown_path": 404,
        "unknown_item": 404,
        "unknown_token": 404,
        "unknown_hold": 404,
        "unknown_verdict": 404,
        "foreign_verdict": 404,
        "unknown_key": 404,
        "unknown_complaint": 404,
        "unknown_reference": 404,
        "method_not_allowed": 405,
        # the state of things
        "idempotency_conflict": 409,
        "token_in_use": 409,
        "not_responsible": 409,
        "being_located": 409,
        "item_closed": 409,
        "item_moved": 409,
        "place_doubted": 409,
        "not_hidden": 409,
        "already_notified": 409,
        "message_unreadable": 409,
        "item_open": 409,
        "item_reported_again": 409,
        "under_referral": 409,
        "under_legal_hold": 409,
        "cursor_gone": 410,
        "conflict": 409,
        "answer_unread": 409,
        "changed_since": 412,
        "body_too_large": 413,
        "wrong_content_type": 415,
        "wrong_content_encoding": 415,
        "expectation_failed": 417,
        # what there is room for
        "intake_busy": 429,
        "quota_spent": 429,
        # what the request means
        "draft_rejected": 422,
        "control_character": 422,
        "unknown_cursor": 422,
        "bad_time": 422,
        "no_place": 422,
        "bad_address": 422,
        "unlocatable": 422,
        "location_empty": 422,
        "location_too_long": 422,
        "location_not_text": 422,
        "scheme_missing": 422,
        "scheme_defanged": 422,
        "scheme_unsupported": 422,
        "url_malformed": 422,
        "host_malformed": 422,
        "host_not_public": 422,
        "service_malformed": 422,
        # ours
        "internal": 500,
        "recovering": 503,
        "starting": 503,
        "store": 503,
        "store_busy": 503,
        "store_full": 503,
        "store_damaged": 503,
        "store_away": 503,
        "store_unsure": 503,
        "store_refused": 503,
        "store_set_back": 503,
        "store_in_use": 503,
        "store_moved": 503,
        "shutting_down": 503,
    }
)

MEANING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad_request": "not HTTP as it should be, or a line or header of more than 8 KiB",
        "bad_json": "the body is not one complete JSON value in UTF-8, or is nested too deeply",
        "bad_body": "the body could not be read: broken compression or chunks, or it stopped"
        " coming",
        "invalid_value": "a field has a value that its type or bounds do not permit",
        "missing": "a field that is needed is missing",
        "unknown_field": "a field is not known here",
        "field_twice": "an object has the same field twice",
        "bad_parameter": "a parameter of the query has a value that is not permitted",
        "unknown_parameter": "a parameter of the query is not known here, or stands twice",
        "unknown_cursor": "a cursor past the newest change: this node never gave it",
        "bad_idempotency_key": "`Idempotency-Key` must be one of 1 to 255 visible ASCII characters",
        "bad_if_match": "`If-Match` is no list of entity tags, nor `*`",
        "line_too_long": "a line of a bulk body exceeds the bound",
        "token_missing": "there is no `Authorization: Bearer` header",
        "token_invalid": "the token is not known, or was revoked",
        "token_expired": "the token has expired; make a new one",
        "scope_missing": "the token lacks the scope that `field` names",
        "contract_over": "the contract of this HashCheck key is over",
        "unknown_path": "there is nothing under this path",
        "unknown_item": "there is no such item at this node",
        "unknown_token": "there is no such token",
        "method_not_allowed": "the path does not take this method; see `Allow`",
        "idempotency_conflict": "the same `Idempotency-Key` was used for another request",
        "token_in_use": "a token cannot revoke itself",
        "not_responsible": "another member is responsible for the item, and alone acts",
        "being_located": "the item is being located, for an hour at most; `lea_notified` and"
        " `moved` can be recorded meanwhile",
        "item_closed": "the item is closed",
        "item_moved": "before a notice the item was located again: it is hosted elsewhere, and went"
        " there; nothing was recorded",
        "place_doubted": "before a notice the item was located again: it may be hosted elsewhere,"
        " and a person must look; nothing was recorded",
        "not_hidden": "no proxy hides the item; its hoster is whom to notify",
        "already_notified": "the proxy that hides the item was notified before",
        "message_unreadable": "the node of the member written to does not read messages yet",
        "item_open": "the item is open here; retention does not erase it",
        "item_reported_again": "the item was reported again and nobody has looked; retention waits",
        "under_legal_hold": "a legal hold is on the item; it is not erased while that lasts",
        "unknown_hold": "the item has no such legal hold",
        "unknown_verdict": "the item has no such verdict of this hotline",
        "foreign_verdict": "this id bears the name of no verdict of this hotline",
        "unknown_key": "there is no such HashCheck key",
        "unknown_complaint": "there is no such complaint",
        "unknown_reference": "this key has no such hit, or it is older than hits are kept",
        "under_referral": "the police were told of the item, and it is open; it is not erased",
        "cursor_gone": "the history was restored from a backup; `detail` says where to read again",
        "conflict": "the state of things does not permit it",
        "answer_unread": "the answer to a bulk body is not read while it comes; send less at once",
        "changed_since": "the item changed since it had that `ETag`; nothing was recorded",
        "body_too_large": "the body exceeds the bound",
        "intake_busy": "others hand in as much as this node takes at once; nothing was read",
        "quota_spent": "a quota of this HashCheck key is spent; nothing was counted",
        "wrong_content_type": "the body is of a type that this path does not take",
        "wrong_content_encoding": "the body is compressed in another way than gzip or deflate",
        "expectation_failed": "`Expect` may only be `100-continue`",
        "draft_rejected": "fields contradict each other, or make no sense together",
        "control_character": "a text holds NUL or another control character",
        "bad_time": "no such time, or not between 2000 and now",
        "no_place": "an item has neither location nor hashes, or only half of a location",
        "bad_address": "an address that cannot be an address",
        "unlocatable": "the text is no location",
        "location_empty": "the location is empty",
        "location_too_long": "the location has more than 8192 characters, escapes counted",
        "location_not_text": "the location is not valid text",
        "scheme_missing": "there is no `http://` or the like in front",
        "scheme_defanged": "`hxxp` or the like instead of `http`",
        "scheme_unsupported": "a scheme that names no place which can be located",
        "url_malformed": "not a valid URL",
        "host_malformed": "a host that no DNS name can be",
        "host_not_public": "a host that exists only inside somebody's own network",
        "service_malformed": "a service without account, or the reverse",
        "recovering": "this node lost its database and comes back; hand it in again later",
        "starting": "the node has just started and reads what it knows; ask again in a moment",
        "internal": "a mistake of this program; its log has more",
        "store": "the database refused; nothing was kept, try again later",
        "store_busy": "another process holds the store for a moment; nothing was kept, try again",
        "store_full": "the disk is full or read-only; nothing was kept, try again later",
        "store_damaged": "the database is damaged; nothing was kept",
        "store_away": "the database server does not answer; nothing was kept, try again later",
        "store_unsure": "the database server went away meanwhile; ask again, nothing is done twice",
        "store_refused": "the database server does not let the node in; nothing was kept",
        "store_set_back": "the database server lost what it had confirmed; a person must say so",
        "store_in_use": "another process of this node took over; ask it",
        "store_moved": "the database went to a server; ask again when the node runs there",
        "shutting_down": "the node is stopping; try again when it runs",
    }
)

UNPROCESSABLE: Final = 422
RETRY_AFTER_S: Final = 5
_encode: Final = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error (RFC 9457). `detail` is the mend; it never repeats a value."""

    title: str
    status: int
    code: str
    detail: str | None = None
    field: str | None = None
    type: str = "about:blank"


class ApiError(Exception):
    """Something the API itself refuses. `headers` go with the answer."""

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        code: str,
        mend: str,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` need not be in the table: one that the desk gave a rejected draft means 422."""
        super().__init__(f"{field}: {mend}" if field else mend)
        self.code = code
        self.mend = mend
        self.field = field
        self.headers = dict(headers or {})


def problem(code: str, mend: str | None, field: str | None, status: int | None = None) -> Problem:
    """Describe an error; `status` where it does not follow from the table."""
    number = status or STATUS[code]
    return Problem(
        title=HTTPStatus(number).phrase, status=number, code=code, detail=mend, field=field
    )


def of_error(error: Exception) -> Problem:
    """Describe an exception: ours by its code, field and mend, any other as `internal`."""
    code = getattr(error, "reason", None) or getattr(error, "code", None)
    if not isinstance(code, str) or not hasattr(error, "retryable"):
        return problem("internal", None, None)
    status = STATUS.get(code) or STATUS.get(str(getattr(error, "code", "")))
    if status is None:
        return problem("internal", None, None)
    field = getattr(error, "field", None)
    return problem(code, _mend(error, field), field, status)


def _mend(error: Any, field: str | None) -> str:
    mend = getattr(error, "mend", None)
    return str(mend or str(error).removeprefix(f"{field}: "))


def encode(described: Problem) -> bytes:
    """Return the JSON of a problem."""
    return _encode(described)
