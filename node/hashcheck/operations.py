"""What HashCheck offers: one table, from which the routes and the OpenAPI document are made."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.api.bodies import JSON
from node.api.openapi import About
from node.api.operations import Operation
from node.casework.reports.draft import LINES
from node.hashcheck.contract import ID, Scope, Status, Why
from node.hashcheck.judging import Answer
from protocol.fields import MAX_INTEGER

MAX_ENTRIES: Final = 1000
ABOUT: Final = About(
    "hotline HashCheck",
    "Whether files are known to a hotline, for hosting companies. Errors are problem+json with a"
    " stable `code`; `detail` names the mend and never repeats a value. Within v1 fields are added,"
    " never changed.",
    "given to you by the hotline",
)


def _hex(digits: int) -> Meta:
    pattern = rf"^[0-9a-fA-F]{{{digits}}}\Z"
    return Meta(pattern=pattern, description=f"{digits} hexadecimal digits")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The hashes of one file; at least one of the four.

    `length`: in bytes; with MD5 it says as much as SHA-256. `pdq`: of a picture, never of a video;
    it stands with its `pdq_quality`, and counts from 50 on.
    """

    sha256: Annotated[str, _hex(64)] | None = None
    sha1: Annotated[str, _hex(40)] | None = None
    md5: Annotated[str, _hex(32)] | None = None
    length: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    pdq: Annotated[str, _hex(64)] | None = None
    pdq_quality: Annotated[int, Meta(ge=0, le=100)] | None = None


class CheckDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Files to be checked."""

    entries: Annotated[tuple[Entry, ...], Meta(min_length=1, max_length=MAX_ENTRIES)]


class AnswerView(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is said of one file; of `hit` and `review` with a reference, to complain of it."""

    answer: Answer
    reference: str | None = None


class AnswersView(msgspec.Struct, frozen=True, gc=False):
    """One answer for each entry, in the same order."""

    answers: tuple[AnswerView, ...]


class ComplaintDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A complaint about a hit or a review. Write no names into the text, and no address."""

    reference: Annotated[str, Meta(pattern=ID, description="the reference of an answer")]
    why: Why
    text: Annotated[str, Meta(pattern=LINES, max_length=2000)] | UnsetType = UNSET


class ComplaintTold(msgspec.Struct, frozen=True):
    """How a complaint stands."""

    complaint_id: str
    reference: str
    status: Status


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "check",
        "POST",
        "/hashcheck/v1/check",
        Scope.CHECK,
        "Check up to 1,000 files.",
        {200: (JSON, AnswersView)},
        {JSON: CheckDraft},
        refuses=(413, 415, 422, 429, 503),
        example={"entries": [{"sha256": "c0" * 32, "md5": "c0" * 16, "length": 48213}]},
    ),
    Operation(
        "complain",
        "POST",
        "/hashcheck/v1/complaints",
        Scope.COMPLAIN,
        "Complain about a hit or a review; a person at the hotline decides.",
        {201: (JSON, ComplaintTold)},
        {JSON: ComplaintDraft},
        refuses=(404, 413, 415, 422, 503),
        example={"reference": "gb-iwf.01M8504K47NN0SQRGQYM9AZB5T", "why": "not_illegal"},
    ),
    Operation(
        "read_complaint",
        "GET",
        "/hashcheck/v1/complaints/{complaint_id}",
        Scope.COMPLAIN,
        "Read how a complaint of your company stands.",
        {200: (JSON, ComplaintTold)},
        refuses=(404, 503),
    ),
    Operation(
        "describe",
        "GET",
        "/hashcheck/v1/openapi.json",
        None,
        "This document.",
        {200: (JSON, dict[str, Any])},
    ),
)
