"""One entry of a list, from fields that somebody else wrote: checked, named, or refused.

A refusal names the field and the mend, never a value. Hashes of an empty file are refused: real
lists hold them, and they would match what harms nobody. Nothing but zeros is what some tools write
where they have no hash: it is passed over, and refused where it is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from node.interchange.lines import Rejection
from node.matching.contents import EMPTY_FILE
from node.matching.lists import Entry, Retraction
from protocol.facts import Content

MAX_CATEGORY: Final = 64
MAX_ID: Final = 128
MAX_LENGTH: Final = (1 << 53) - 1
_BYTES: Final = {"sha256": 32, "sha1": 20, "md5": 16, "pdq": 32}
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z")
_WHOLE: Final = re.compile(r"[0-9]{1,16}\Z", re.ASCII)
_YES: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MAX_QUALITY: Final = 100


class ListLine(NamedTuple):
    """What stands at one place of a file, counted from 1: lines of a table, entries otherwise."""

    number: int
    what: Entry | Retraction | Rejection
    without: Rejection | None = None
    """The field without which the entry was taken, since it cannot be read."""
    unrated: bool = False
    """The entry was taken without its PDQ hash: nothing says of what quality that is."""


class RefusedError(Exception):
    """An entry cannot be taken; carries its `Rejection`."""

    def __init__(self, code: str, field: str | None, reason: str) -> None:
        self.rejection = Rejection(code, field, reason)
        super().__init__(reason)


class PartlyReadError(Exception):
    """Something of an entry cannot be taken, and the entry is worth taking without it."""

    def __init__(self, entry: Entry, why: Rejection | None, *, unrated: bool) -> None:
        self.entry = entry
        self.rejection = why
        self.unrated = unrated
        super().__init__("the entry was taken in part")


class Fields(NamedTuple):
    """What an entry says, unverified; None or an empty text is absent.

    `names` are what its format calls each of these, by which refusals speak of them.
    """

    sha256: object = None
    sha1: object = None
    md5: object = None
    length: object = None
    pdq: object = None
    pdq_quality: object = None
    category: object = None
    date: object = None
    external_id: object = None


def read(number: int, make: Callable[[], Entry | Retraction]) -> ListLine:
    """Return what stands at a place, or why it is refused."""
    try:
        return ListLine(number, make())
    except PartlyReadError as partly:
        return ListLine(number, partly.entry, partly.rejection, partly.unrated)
    except RefusedError as refused:
        return ListLine(number, refused.rejection)


def entry(fields: Fields, names: Fields) -> Entry:
    """Make an entry.

    Raises:
        PartlyReadError: its date cannot be read, or its PDQ hash has no quality.
        RefusedError
    """
    content, unrated = content_of(fields, names), _is_unrated(fields)
    if content is None:
        if unrated:
            raise _no_quality(names)
        known = [str(n) for n in (names.sha256, names.sha1, names.md5, names.pdq) if n]
        raise RefusedError("missing", known[-1], f"no hash: write one of {', '.join(known)}")
    category = _category(fields.category, str(names.category))
    made, why = Entry(content, category, None, external_id(fields, names)), None
    try:
        made = msgspec.structs.replace(made, dated_ms=date(fields.date, str(names.date)))
    except RefusedError as refused:
        why = refused.rejection
    if unrated or why is not None:
        raise PartlyReadError(made, why, unrated=unrated)
    return made


def retraction(fields: Fields, names: Fields) -> Retraction:
    """Make a retraction.

    Raises:
        RefusedError
    """
    content, name = content_of(fields, names), external_id(fields, names)
    if content is None and name is None:
        if _is_unrated(fields):
            raise _no_quality(names)
        raise RefusedError("missing", str(names.external_id), "names nothing: write id or a hash")
    return Retraction(name, content)


def _is_unrated(fields: Fields) -> bool:
    """Whether there is a PDQ hash of which nothing says what it is worth."""
    is_told = isinstance(fields.pdq, str) and fields.pdq.strip("0") != ""
    return is_told and fields.pdq_quality in (None, "")


def _no_quality(names: Fields) -> RefusedError:
    reason = (
        "no quality stands beside the PDQ hash, which says nothing without; write it, or a hash"
    )
    return RefusedError("missing", str(names.pdq_quality), reason)


def content_of(fields: Fields, names: Fields) -> Content | None:
    """Read the hashes; None: there is none.

    Raises:
        RefusedError
    """
    found = {
        sort: _digest(getattr(fields, sort), str(getattr(names, sort)), sort) for sort in _BYTES
    }
    zeros = [sort for sort, digest in found.items() if digest is not None and not any(digest)]
    sha256, sha1, md5, pdq = (None if sort in zeros else found[sort] for sort in _BYTES)
    quality = _whole(fields.pdq_quality, str(names.pdq_quality), _MAX_QUALITY)
    if pdq is None or quality is None:  # nobody knows what it is worth
        pdq = quality = None
    length = _whole(fields.length, str(names.length), MAX_LENGTH) or None
    if sha256 is sha1 is md5 is pdq is None:
        if zeros:
            reason = "is nothing but zeros, and no other hash is there; take the entry out"
            raise RefusedError("no_content", str(getattr(names, zeros[0])), reason)
        return None
    return Content(sha256, sha1, md5, length, pdq, quality)


def _digest(raw: object, name: str, sort: str) -> bytes | None:
    if raw is None or raw == "":
        return None
    count = _BYTES[sort]
    try:
        found = bytes.fromhex(raw) if isinstance(raw, str) and len(raw) == 2 * count else b""
    except ValueError:
        found = b""
    if len(found) != count:
        raise RefusedError("bad_hash", name, f"must be {2 * count} hexadecimal digits, or empty")
    if found in EMPTY_FILE:
        raise RefusedError("no_content", name, "is the hash of an empty file; take it out")
    return found


def _whole(raw: object, name: str, most: int) -> int | None:
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _WHOLE.match(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= most:
        raise RefusedError("invalid_value", name, f"must be a whole number up to {most}, or empty")
    return raw


def _category(raw: object, name: str) -> str:
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 1000:  # noqa: PLR2004 - three digits
        return str(raw)
    found = raw.strip() if isinstance(raw, str) else ""
    if not found:
        raise RefusedError("missing", name, "must be a category of the list: a word or a number")
    if len(found) > MAX_CATEGORY or not _PRINTABLE.match(found) or found == "*":
        reason = f"must have at most {MAX_CATEGORY} printable characters, and not be *"
        raise RefusedError("invalid_value", name, reason)
    return found


def external_id(fields: Fields, names: Fields) -> str | None:
    """Read by what its author knows an entry.

    Raises:
        RefusedError
    """
    raw = fields.external_id
    if raw is None or raw == "":
        return None
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= MAX_LENGTH:
        raw = str(raw)
    if not isinstance(raw, str) or len(raw) > MAX_ID or not _PRINTABLE.match(raw):
        reason = f"must have at most {MAX_ID} printable characters"
        raise RefusedError("invalid_value", str(names.external_id), reason)
    return raw.strip() or None


def date(raw: object, name: str) -> int | None:
    """Read a time, in milliseconds UTC; None: there is none.

    Raises:
        RefusedError: it cannot be read, or is before 1970.
    """
    if raw is None or raw == "":
        return None
    at_ms = _time(raw) if isinstance(raw, str) and len(raw) <= MAX_ID else None
    if at_ms is None:
        reason = "is no time since 1970 such as 2026-01-31T12:00:00Z; the entry was taken without"
        raise RefusedError("bad_date", name, reason)
    return at_ms


def _time(raw: str) -> int | None:
    try:
        moment = datetime.fromisoformat(raw.strip())
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        at_ms = int(aware.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None
    return at_ms if at_ms > 0 else None


def yes(raw: object, name: str) -> bool:
    """Read a yes or no in the ways in which tables say it; empty is no.

    Raises:
        RefusedError
    """
    if raw is None or raw == "":
        return False
    found = raw if isinstance(raw, bool) else _YES.get(str(raw).strip().lower())
    if found is None:
        raise RefusedError("invalid_value", name, "must be true or false")
    return found


def shown(at_ms: int | None) -> str | None:
    """Write a time as files do."""
    if at_ms is None:
        return None
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
