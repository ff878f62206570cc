"""From a draft to facts: times to UTC milliseconds, hashes to bytes, addresses to canonical form.

What makes no sense is rejected here, with the field and the mend, before anything is decided.
Pure: the same draft gives the same facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from node.casework.errors import DraftRejectedError
from node.casework.reports.draft import (
    AccessDraft,
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.ids import digits_of
from node.jurisdiction.codes import country_mend
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import VERSION as CANONICAL_VERSION
from node.jurisdiction.locations import canonical, canonical_service
from node.matching.contents import EMPTY_FILE
from node.matching.fingerprints import Fingerprints
from protocol.facts import Access, Content, Location
from protocol.vocabulary import ItemKind, Matter, Verdict

EARLIEST_MS = 946_684_800_000
"""1 January 2000: an earlier time in a report is a mistake, not a fact."""
CLOCK_SLACK_MS = 86_400_000
"""How far in the future a time may lie: a day, for clocks and time zones that are wrong."""

_KIND_BY_ENDING = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "bmp", "avif", "heic"), ItemKind.IMAGE),
    **dict.fromkeys(("mp4", "webm", "mov", "avi", "mkv", "m4v", "wmv", "flv"), ItemKind.VIDEO),
    **dict.fromkeys(("zip", "rar", "7z", "tar", "gz"), ItemKind.ARCHIVE),
}

_encode = msgspec.json.Encoder().encode


class PreparedItem(msgspec.Struct, frozen=True, gc=False):
    """One item of a handed-in report, as facts; `line` is the fingerprint of its identity.

    `line_here`: where that names no location, the fingerprint of both; else None. `said`: by what
    the ids of the assessments end, as they were handed in with this line.
    """

    location: Location
    content: tuple[Content, ...]
    access: Access | None
    kind: ItemKind
    found_ms: int
    line: bytes
    assessments: tuple[AssessmentDraft, ...]
    kind_said: bool = False
    line_here: bytes | None = None
    said: tuple[str, ...] = ()

    @property
    def judged(self) -> Iterator[tuple[AssessmentDraft, str]]:
        """The assessments, each with the end of its id."""
        return zip(self.assessments, self.said, strict=True)


class PreparedReport(msgspec.Struct, frozen=True, gc=False):
    """One handed-in report, as facts."""

    draft: ReportDraft
    matter: Matter
    received_ms: int
    items: tuple[PreparedItem, ...]


def prepare_report(
    draft: ReportDraft, fingerprints: Fingerprints, now_ms: int, identity: str
) -> PreparedReport:
    """Return the facts of `draft`; `identity` names the line where the draft itself names none.

    Raises:
        DraftRejectedError: a field makes no sense; nothing of the report is taken.
    """
    received = read_time("received", draft.received, now_ms)
    base = draft.identity or identity
    items = []
    for number, item in enumerate(draft.items):
        items.append(_item(draft, item, f"items[{number}]", fingerprints, received, now_ms, base))
    return PreparedReport(draft, draft.matter or Matter.CSAM, received, tuple(items))


def _item(
    draft: ReportDraft,
    item: ItemDraft,
    field: str,
    fingerprints: Fingerprints,
    received: int,
    now_ms: int,
    base: str,
) -> PreparedItem:
    location, userinfo = _location(item, field)
    content = read_hashes(item.hashes, f"{field}.hashes")
    if location.canonical is None and not content:
        raise DraftRejectedError(field, "give a url, a service with account, or hashes", "no_place")
    if item.kind is ItemKind.PAGE and content:
        mend = "hashes are of a file, and a page is none: say what the file is, or leave kind out"
        raise DraftRejectedError(f"{field}.kind", mend)
    for number, assessment in enumerate(item.assessments):
        check_assessment(assessment, f"{field}.assessments[{number}]")
    line = _line(draft, location, content, fingerprints, base, field)
    which = f"{draft.matter or Matter.CSAM}\0{location.canonical or ''}".encode()
    return PreparedItem(
        location,
        content,
        _access(item.access, userinfo, f"{field}.access"),
        item.kind or _guess_kind(location, file=bool(content)),
        read_time(f"{field}.found", item.found, now_ms, default=received),
        line,
        item.assessments,
        item.kind is not None,
        _line_here(draft, location, fingerprints, base, field),
        tuple(digits_of(fingerprints.said(line, which + _encode(one))) for one in item.assessments),
    )


def _line(
    draft: ReportDraft,
    location: Location,
    content: tuple[Content, ...],
    fingerprints: Fingerprints,
    base: str,
    field: str,
) -> bytes:
    """SOURCE + REFERENCE + canonical location (or content, where there is none).

    Without a reference, the line it came from.
    """
    if draft.reference is None:
        return fingerprints.line("line", base, field)
    where = location.canonical or _strongest(content[0])
    return fingerprints.line(draft.source, draft.reference, where)


def _line_here(
    draft: ReportDraft, location: Location, fingerprints: Fingerprints, base: str, field: str
) -> bytes | None:
    """The line it came from and its canonical location, for a line that named another before."""
    if draft.reference is not None or location.canonical is None:
        return None
    return fingerprints.line("line", base, f"{field} {location.canonical}")


def _strongest(content: Content) -> str:
    hashes = (content.sha256, content.sha1, content.md5, content.pdq)
    return next(one.hex() for one in hashes if one is not None)


def _location(item: ItemDraft, field: str) -> tuple[Location, str]:
    on_service = item.service is not None or item.account is not None
    if item.url is not None and on_service:  # a second place would be dropped without a word
        mend = "give a url, or a service with account, not both: each place is an item of its own"
        raise DraftRejectedError(field, mend)
    try:
        if item.url is not None:
            found = canonical(item.url, f"{field}.url")
            raw = item.url.strip()
            return Location(found.canonical, CANONICAL_VERSION, raw), found.userinfo
        if on_service:
            if item.service is None or item.account is None:
                raise DraftRejectedError(field, "service and account stand together", "no_place")
            found = canonical_service(item.service, item.account, f"{field}.service")
            place = Location(found.canonical, CANONICAL_VERSION, None, item.service, item.account)
            return place, ""
    except UnlocatableError as error:
        raise DraftRejectedError(error.field, str(error).split(": ", 1)[-1], error.code) from None
    except ValueError:
        raise DraftRejectedError(
            f"{field}.url", "too long, or it holds a character that no address has", "bad_address"
        ) from None
    return Location(), ""


def _guess_kind(location: Location, *, file: bool) -> ItemKind:
    """The kind by the ending of the path; where it says nothing a page, or of hashes an image."""
    if location.canonical is None:
        return ItemKind.IMAGE
    path = location.canonical.split("?", 1)[0]
    last = path.rsplit("/", 1)[-1]
    unsaid = ItemKind.IMAGE if file else ItemKind.PAGE
    return _KIND_BY_ENDING.get(last.rsplit(".", 1)[-1].lower(), unsaid)


def read_hashes(draft: HashesDraft | None, field: str) -> tuple[Content, ...]:
    """Return the content of a draft's hashes; none if there are none.

    Nothing but zeros is what some programs write where they have no hash: it is passed over.

    Raises:
        DraftRejectedError: hashes of the empty file, PDQ without its quality, or a length alone.
    """
    if draft is None:
        return ()
    if (draft.pdq is None) != (draft.pdq_quality is None):
        raise DraftRejectedError(f"{field}.pdq_quality", "pdq and pdq_quality stand together")
    names = ("sha256", "sha1", "md5")
    sha256, sha1, md5 = (_digest(getattr(draft, name), f"{field}.{name}") for name in names)
    pdq = None if draft.pdq is None else bytes.fromhex(draft.pdq)
    if sha256 is None and sha1 is None and md5 is None and pdq is None:
        mend = "give at least one of sha256, sha1, md5, pdq, not of zeros alone"
        raise DraftRejectedError(field, mend)
    return (Content(sha256, sha1, md5, draft.length, pdq, draft.pdq_quality),)


def _digest(text: str | None, field: str) -> bytes | None:
    digest = b"" if text is None else bytes.fromhex(text)
    if digest in EMPTY_FILE:
        raise DraftRejectedError(field, "this is the hash of an empty file; leave it out")
    return digest if any(digest) else None


def _access(draft: AccessDraft | None, userinfo: str, field: str) -> Access | None:
    user, _, password = userinfo.partition(":")
    if draft is None:
        return Access(user_name=user, password=password or None) if user else None
    if draft.vantage is not None:
        check_country(draft.vantage, f"{field}.vantage")
    parts = (
        draft.referrer or None,
        draft.steps or None,
        draft.user_name or user or None,
        draft.password or password or None,
        draft.vantage,
        draft.user_agent or None,
    )
    if all(part is None for part in parts):
        return None
    try:
        return Access(*parts)
    except ValueError:
        raise DraftRejectedError(field, "too long, or it holds a NUL character") from None


def read_time(field: str, text: str | None, now_ms: int, *, default: int | None = None) -> int:
    """Return milliseconds UTC of an RFC 3339 time; `default` (or now) where there is none.

    Raises:
        DraftRejectedError: no such time, before 2000, or more than a day in the future.
    """
    if text is None:
        return now_ms if default is None else default
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DraftRejectedError(field, "no such date or time", "bad_time") from None
    value = int(moment.timestamp() * 1000)
    if not EARLIEST_MS <= value <= now_ms + CLOCK_SLACK_MS:
        raise DraftRejectedError(
            field, "must lie between 2000 and now, with its offset", "bad_time"
        )
    return value


def check_assessment(draft: AssessmentDraft, field: str) -> None:
    """Check what binds several fields of an assessment.

    Raises:
        DraftRejectedError: `national` without its law, another with one, `unassessable` without
            its reason.
    """
    if (draft.law is None) == (draft.verdict is Verdict.NATIONAL):
        raise DraftRejectedError(f"{field}.law", "present exactly when the verdict is `national`")
    if draft.reason is None and draft.verdict is Verdict.UNASSESSABLE:
        raise DraftRejectedError(f"{field}.reason", "needed when the verdict is `unassessable`")


def check_action(draft: ActionDraft) -> None:
    """Check what binds several fields of an action.

    Raises:
        DraftRejectedError: a country with anything but `moved`.
    """
    if draft.country is not None and draft.action != "moved":
        raise DraftRejectedError("country", "only `moved` names a country")
    if draft.country is not None:
        check_country(draft.country, "country")


def check_country(code: str, field: str) -> None:
    """Check that a country exists.

    Raises:
        DraftRejectedError: ISO 3166-1 alpha-2 has no such code.
    """
    mend = country_mend(code)
    if mend is not None:
        raise DraftRejectedError(field, mend)


def hashes_as_given(draft: HashesDraft | None) -> tuple[Content, ...]:
    """Return the content of a draft's hashes; none if they make no sense yet."""
    try:
        return read_hashes(draft, "hashes")
    except DraftRejectedError:
        return ()
