"""Bounded types of the fields of messages (docs/protocol.md §6.2).

Every text, number and list that travels has a bound, chosen so that the largest valid message
still fits into one entry. The bounds are part of the protocol: intake applies the same ones, so
that nothing is accepted from a hotline that cannot be said to another.
"""

import re
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

MEMBER_PATTERN: Final = r"^(?:[a-z]{2}-)?[a-z0-9]{2,16}\Z"
ULID_PATTERN: Final = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
SUBJECT_PATTERN: Final = rf"^(?:[a-z]{{2}}-)?[a-z0-9]{{2,16}}\.{ULID_PATTERN}\Z"
CODE_PATTERN: Final = r"^[a-z0-9][a-z0-9_.:-]{0,63}\Z"
# GB and GR are often written UK and EL; two spellings of one country would be two countries.
COUNTRY_PATTERN: Final = r"^(?!UK|EL)[A-Z]{2}\Z"

MAX_LOCATION_BYTES: Final = 8192
MAX_ACCESS_BYTES: Final = 8192
MAX_INTEGER: Final = (1 << 53) - 1
MAX_TIME_MS: Final = 253_402_300_799_999
MAX_CONTENTS: Final = 4
MAX_HOPS: Final = 32
MAX_EVIDENCE: Final = 24
MAX_EVIDENCE_BYTES: Final = 384
MAX_LABELS: Final = 16
MAX_ASSESSMENTS: Final = 12
MAX_ACTIONS: Final = 48
MAX_SIGHTINGS: Final = 48
MAX_KNOWN_CONTENTS: Final = 256
MAX_MESSAGE: Final = 2000
MAX_CITED: Final = 1000

Member: TypeAlias = Annotated[str, Meta(pattern=MEMBER_PATTERN)]
"""A member's id such as `gb-iwf`; a body outside any country has no prefix."""

SubjectId: TypeAlias = Annotated[str, Meta(pattern=SUBJECT_PATTERN)]
"""`<member>.<ULID>`: the id of an item, report, sighting or event, minted by that member."""

Code: TypeAlias = Annotated[str, Meta(pattern=CODE_PATTERN)]
"""A lower-case code of at most 64 characters, never prose."""

Country: TypeAlias = Annotated[str, Meta(pattern=COUNTRY_PATTERN)]
"""ISO 3166-1 alpha-2, upper case."""

Line: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Address: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_LOCATION_BYTES)]
ShortText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
LongText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
MessageText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_MESSAGE)]

TimeMs: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
"""Milliseconds since 1970 in UTC, up to the year 9999."""

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
"""A number that every language reads exactly: 0 to 2^53 - 1."""

Quality: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
Sha256: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Sha1: TypeAlias = Annotated[bytes, Meta(min_length=20, max_length=20)]
Md5: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]
Pdq: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
EpochId: TypeAlias = Annotated[bytes, Meta(min_length=8, max_length=8)]

Labels: TypeAlias = Annotated[tuple[Code, ...], Meta(max_length=MAX_LABELS)]
"""Labels of the Universal Classification Schema, as codes."""

_MEMBER: Final = re.compile(MEMBER_PATTERN)
_SUBJECT: Final = re.compile(SUBJECT_PATTERN)


def is_member(text: str) -> bool:
    """Whether `text` is a member id."""
    return _MEMBER.match(text) is not None


def is_subject_id(text: str) -> bool:
    """Whether `text` is a `<member>.<ULID>` id."""
    return _SUBJECT.match(text) is not None
