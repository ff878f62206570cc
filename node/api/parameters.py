"""What the queries of the local API may hold, and names in it: bounded field by field."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.api.service import MAX_CURSOR
from node.casework.item import Custody
from node.casework.reports.draft import ONE_LINE
from node.jurisdiction.codes import COUNTRIES
from protocol.fields import SUBJECT_PATTERN

MAX_PAGE: Final = 500
MAX_CHANGES: Final = 1000
MAX_WAIT_S: Final = 30
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z",
        description="1 to 64 lower-case letters, digits, `.`, `_` and `-`,"
        " with a letter or digit first",
    ),
]
"""What a token, a hosting company or a person is called in the API."""
_FIRST_OR_NEXT: Final = rf"^\Z|{SUBJECT_PATTERN}"


class ItemsParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which items to list."""

    after: (
        Annotated[
            str,
            Meta(pattern=_FIRST_OR_NEXT, description="the `next` of the page before, or empty"),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100
    custody: Annotated[Custody, Meta(description="Where responsibility stands.")] | UnsetType = (
        UNSET
    )
    country: (
        Annotated[
            str,
            Meta(
                max_length=8,
                description="Hosting country, ISO 3166-1 alpha-2.",
                extra_json_schema={"enum": sorted(COUNTRIES)},
            ),
        ]
        | UnsetType
    ) = UNSET
    responsible: (
        Annotated[str, Meta(pattern=ONE_LINE, max_length=32, description="Responsible member.")]
        | UnsetType
    ) = UNSET
    review: (
        Annotated[bool, Meta(description="Whether it stands in front of a person.")] | UnsetType
    ) = UNSET
    changed_after: (
        Annotated[
            int,
            Meta(ge=0, le=MAX_CURSOR, description="Changed after this cursor of the change feed."),
        ]
        | UnsetType
    ) = UNSET


class ChangesParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which changes to give, and how long to wait for the first."""

    after: Annotated[
        int,
        Meta(ge=0, le=MAX_CURSOR, description="Cursor of the answer before; 0: from the start."),
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_CHANGES)] = 100
    wait: Annotated[
        int, Meta(ge=0, le=MAX_WAIT_S, description="Seconds to wait while there is nothing.")
    ] = 0


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None at all: an unknown parameter is a mistake that should not pass unseen."""
