"""From drafts to facts: what makes no sense is rejected with the field and the mend."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from msgspec.structs import replace

from node.casework.errors import DraftRejectedError
from node.casework.reports.draft import (
    AccessDraft,
    ActionDraft,
    AssessmentDraft,
    HashesDraft,
    ItemDraft,
    ReportDraft,
)
from node.casework.reports.prepare import (
    PreparedItem,
    PreparedReport,
    check_action,
    prepare_report,
    read_time,
)
from protocol.facts import Access, Content
from protocol.vocabulary import Action, ItemKind, Matter, Reason, Source, Verdict
from tests.builders.cases import FINGERPRINTS, PLACE
from tests.builders.network import NOW_MS

FUTURE = "2099-01-01T00:00:00Z"
EMPTY = {name: hashlib.new(name).hexdigest() for name in ("sha256", "sha1", "md5")}


def report(*items: ItemDraft, **changes: Any) -> ReportDraft:
    """A report from the public."""
    return ReportDraft(items=items or (ItemDraft(url=PLACE),), source=Source.PUBLIC, **changes)


def prepared(draft: ReportDraft, identity: str = "file:1") -> PreparedReport:
    """Prepare it now."""
    return prepare_report(draft, FINGERPRINTS, NOW_MS, identity)


def one(item: ItemDraft, **changes: Any) -> PreparedItem:
    """Prepare a report of one item."""
    return prepared(report(item, **changes)).items[0]


REJECTED = {
    "no place, no hashes": (report(ItemDraft()), "items[0]", "no_place"),
    "an account without its service": (
        report(ItemDraft(account="somebody")),
        "items[0]",
        "no_place",
    ),
    "a service without an account": (report(ItemDraft(service="chat")), "items[0]", "no_place"),
    "a url beside a service and account": (
        report(ItemDraft(url=PLACE, service="chat", account="somebody")),
        "items[0]",
        "draft_rejected",
    ),
    "a url beside an account": (
        report(ItemDraft(url=PLACE, account="somebody")),
        "items[0]",
        "draft_rejected",
    ),
    "no address at all": (report(ItemDraft(url="not a url")), "items[0].url", None),
    "a scheme that is no place": (report(ItemDraft(url="javascript:0")), "items[0].url", None),
    "the second item, named": (
        report(ItemDraft(url=PLACE), ItemDraft(url="http://")),
        "items[1].url",
        None,
    ),
    **{
        f"the {name} of an empty file": (
            report(
                ItemDraft(
                    url=PLACE, hashes=replace(HashesDraft(sha256="a1" * 32), **{name: digest})
                )
            ),
            f"items[0].hashes.{name}",
            "draft_rejected",
        )
        for name, digest in EMPTY.items()
    },
    "hashes of zeros alone": (
        report(ItemDraft(url=PLACE, hashes=HashesDraft(sha1="0" * 40, md5="0" * 32))),
        "items[0].hashes",
        "draft_rejected",
    ),
    "a length alone": (
        report(ItemDraft(url=PLACE, hashes=HashesDraft(length=5))),
        "items[0].hashes",
        "draft_rejected",
    ),
    "no hash in hashes": (
        report(ItemDraft(url=PLACE, hashes=HashesDraft())),
        "items[0].hashes",
        "draft_rejected",
    ),
    "a PDQ hash without its quality": (
        report(ItemDraft(url=PLACE, hashes=HashesDraft(pdq="0" * 64))),
        "items[0].hashes.pdq_quality",
        "draft_rejected",
    ),
    "a quality without its PDQ hash": (
        report(ItemDraft(url=PLACE, hashes=HashesDraft(md5="0" * 32, pdq_quality=5))),
        "items[0].hashes.pdq_quality",
        "draft_rejected",
    ),
    "found in the future": (
        report(ItemDraft(url=PLACE, found=FUTURE)),
        "items[0].found",
        "bad_time",
    ),
    "found before there was a web": (
        report(ItemDraft(url=PLACE, found="1989-01-01T00:00:00Z")),
        "items[0].found",
        "bad_time",
    ),
    "found on the thirtieth of February": (
        report(ItemDraft(url=PLACE, found="2026-02-30T00:00:00Z")),
        "items[0].found",
        "bad_time",
    ),
    "found outside of all time": (
        report(ItemDraft(url=PLACE, found="9999-12-31T23:59:59-23:59")),
        "items[0].found",
        "bad_time",
    ),
    "found before all time": (
        report(ItemDraft(url=PLACE, found="0001-01-01T00:00:00+23:59")),
        "items[0].found",
        "bad_time",
    ),
    "received in the future": (report(received=FUTURE), "received", "bad_time"),
    "national without its law": (
        report(ItemDraft(url=PLACE, assessments=(AssessmentDraft(verdict=Verdict.NATIONAL),))),
        "items[0].assessments[0].law",
        "draft_rejected",
    ),
    "baseline with a law": (
        report(
            ItemDraft(
                url=PLACE, assessments=(AssessmentDraft(verdict=Verdict.BASELINE, law="law-1"),)
            )
        ),
        "items[0].assessments[0].law",
        "draft_rejected",
    ),
    "unassessable without its reason": (
        report(ItemDraft(url=PLACE, assessments=(AssessmentDraft(verdict=Verdict.UNASSESSABLE),))),
        "items[0].assessments[0].reason",
        "draft_rejected",
    ),
}


@pytest.mark.parametrize(("draft", "field", "reason"), REJECTED.values(), ids=list(REJECTED.keys()))
def test_draft_that_makes_no_sense_is_rejected_by_field(
    draft: ReportDraft, field: str, reason: str | None
) -> None:
    """The message begins with the field and says how to mend it."""
    with pytest.raises(DraftRejectedError) as caught:
        prepared(draft)
    assert caught.value.field == field
    assert str(caught.value).startswith(field + ": ")
    assert reason in (None, caught.value.reason)


@pytest.mark.parametrize("draft", [row[0] for row in REJECTED.values()], ids=list(REJECTED))
def test_rejection_says_nothing_of_the_address_or_hash(draft: ReportDraft) -> None:
    """Messages are logged; what was handed in is not."""
    with pytest.raises(DraftRejectedError) as caught:
        prepared(draft)
    assert "nl1.example" not in str(caught.value)
    assert not any(digest in str(caught.value) for digest in EMPTY.values())


def test_only_moved_names_a_country() -> None:
    """Elsewhere a country would be silently ignored."""
    check_action(ActionDraft(action=Action.MOVED, country="FR"))
    with pytest.raises(DraftRejectedError, match=r"^country: "):
        check_action(ActionDraft(action=Action.REMOVED, country="FR"))


class TestTimes:
    """Times are UTC, in milliseconds."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("2026-09-21T14:13:20Z", 1_790_000_000_000),
            ("2026-09-21T16:13:20+02:00", 1_790_000_000_000),
            ("2026-09-21T14:13:20.5Z", 1_790_000_000_500),
            ("2000-01-01T00:00:00Z", 946_684_800_000),
        ],
    )
    def test_offset_is_taken_off(self, text: str, value: int) -> None:
        """Local time sent as UTC has cost others years."""
        assert read_time("found", text, NOW_MS) == value

    def test_clock_that_is_a_day_fast_is_forgiven(self) -> None:
        """Not a millisecond more."""
        assert read_time("found", "2026-09-22T14:13:20Z", NOW_MS) == NOW_MS + 86_400_000
        with pytest.raises(DraftRejectedError):
            read_time("found", "2026-09-22T14:13:20.001Z", NOW_MS)

    def test_item_without_a_time_was_found_when_its_report_was_received(self) -> None:
        """And that is now, where nothing is said."""
        assert one(ItemDraft(url=PLACE)).found_ms == NOW_MS
        received = "2026-09-20T00:00:00Z"
        assert one(ItemDraft(url=PLACE), received=received).found_ms == 1_789_862_400_000


class TestKinds:
    """What an item is, where nobody says it."""

    @pytest.mark.parametrize(
        ("url", "kind"),
        [
            ("https://nl1.example/a.JPG?x=1", ItemKind.IMAGE),
            ("https://nl1.example/a.mp4", ItemKind.VIDEO),
            ("https://nl1.example/a.7z", ItemKind.ARCHIVE),
            ("https://nl1.example/a.jpg/", ItemKind.PAGE),
            ("https://nl1.example/thread?file=a.jpg", ItemKind.PAGE),
            ("https://nl1.example/", ItemKind.PAGE),
        ],
    )
    def test_ending_of_the_path_tells_the_kind(self, url: str, kind: ItemKind) -> None:
        """Whatever stands in the query."""
        assert one(ItemDraft(url=url)).kind is kind

    def test_kind_that_is_said_is_believed(self) -> None:
        """The ending may lie."""
        made = one(ItemDraft(url=PLACE, kind=ItemKind.PAGE))
        assert made.kind is ItemKind.PAGE

    def test_zeros_beside_a_hash_are_none(self) -> None:
        """Some programs write them where they have none; every file would have them in common."""
        hashes = HashesDraft(sha256="a1" * 32, sha1="0" * 40, md5="0" * 32, length=5)
        draft = ItemDraft(url=PLACE, hashes=hashes)
        assert one(draft).content == (Content(sha256=bytes.fromhex("a1" * 32), length=5),)

    @pytest.mark.parametrize("kind", [None, *ItemKind])
    def test_hashes_are_of_a_file_and_a_page_is_none(self, kind: ItemKind | None) -> None:
        """Equal pages, an error of a host say, would be one content at a thousand places."""
        hashes = HashesDraft(sha256="1" * 64)
        for url in ("https://nl1.example/thread?id=7", None):
            draft = ItemDraft(url=url, kind=kind, hashes=hashes)
            if kind is not ItemKind.PAGE:
                assert one(draft).kind is (kind or ItemKind.IMAGE)
                continue
            with pytest.raises(DraftRejectedError) as refused:
                one(draft)
            assert refused.value.field == "items[0].kind"
        video = ItemDraft(url="https://nl1.example/a.mp4", hashes=hashes)
        assert one(video).kind is ItemKind.VIDEO

    def test_matter_is_csam_unless_it_is_said(self) -> None:
        """What hotlines are for."""
        assert prepared(report()).matter is Matter.CSAM
        assert prepared(report(matter=Matter.SPAM)).matter is Matter.SPAM


class TestAccess:
    """What one needs to see it."""

    def test_user_and_password_in_the_address_are_access(self) -> None:
        """They are no part of the place."""
        made = one(ItemDraft(url="https://user:secret@nl1.example/a.jpg"))
        assert made.access == Access(user_name="user", password="secret")
        assert made.location.canonical == "https://nl1.example/a.jpg"

    def test_access_that_is_said_goes_before_that_of_the_address(self) -> None:
        """The analyst knows better."""
        draft = ItemDraft(url="https://u:p@nl1.example/", access=AccessDraft(user_name="real"))
        assert one(draft).access == Access(user_name="real", password="p")

    def test_empty_access_is_none(self) -> None:
        """Not a structure full of nothing."""
        assert one(ItemDraft(url=PLACE, access=AccessDraft(referrer="", steps=""))).access is None

    def test_access_that_could_not_be_said_to_others_is_rejected(self) -> None:
        """The protocol has the same bound."""
        too_much = AccessDraft(steps="é" * 4000, referrer="é" * 4000)
        with pytest.raises(DraftRejectedError, match=r"^items\[0\]\.access: "):
            one(ItemDraft(url=PLACE, access=too_much))


class TestLineIdentity:
    """SOURCE + REFERENCE + canonical location; else the line it came from."""

    def line(self, url: str | None = PLACE, sha256: str | None = None, **changes: Any) -> bytes:
        """Return the identity of a report's only line."""
        identity = changes.pop("line", "file:1")
        source = changes.pop("source", Source.PUBLIC)
        hashes = None if sha256 is None else HashesDraft(sha256=sha256)
        draft = ReportDraft(items=(ItemDraft(url=url, hashes=hashes),), source=source, **changes)
        return prepared(draft, identity).items[0].line

    def test_same_reference_and_place_is_the_same_line_wherever_it_stands(self) -> None:
        """Another file, another line number, another spelling of the address."""
        first = self.line(reference="R-1")
        assert self.line(reference="R-1", line="other:9") == first
        assert self.line("HTTPS://NL1.example:443/album/./1.jpg#x", reference="R-1") == first

    def test_line_with_other_facts_is_the_same_line(self) -> None:
        """A revision of the first."""
        assert self.line(reference="R-1", sha256="a1" * 32) == self.line(reference="R-1")

    @pytest.mark.parametrize(
        "changes",
        [
            {"reference": "R-2"},
            {"reference": "R-1", "source": Source.HELPLINE},
            {"reference": "R-1", "url": "https://nl1.example/album/2.jpg"},
            {},
        ],
        ids=["reference", "source", "place", "no reference"],
    )
    def test_line_that_differs_in_its_identity_is_another(self, changes: dict[str, Any]) -> None:
        """Each part counts."""
        assert self.line(**changes) != self.line(reference="R-1")

    def test_without_a_reference_the_file_and_line_are_the_identity(self) -> None:
        """The same file again changes nothing; another line is another report."""
        assert self.line(line="file:1") == self.line("https://nl2.example/", line="file:1")
        assert self.line(line="file:1") != self.line(line="file:2")

    def test_draft_that_names_its_own_line_is_believed(self) -> None:
        """Readers of files do."""
        assert self.line(identity="abc:1", line="x") == self.line(identity="abc:1", line="y")

    def test_two_files_under_one_reference_without_a_place_are_two_lines(self) -> None:
        """A victim hands in several hashes in one conversation."""
        one_file = self.line(None, "1" * 64, reference="R-1")
        assert self.line(None, "2" * 64, reference="R-1") != one_file
        assert self.line(None, "1" * 64, reference="R-1") == one_file

    def test_items_of_one_line_are_told_apart(self) -> None:
        """Also two with the same address, without a reference."""
        both = prepared(report(ItemDraft(url=PLACE), ItemDraft(url=PLACE))).items
        assert both[0].line != both[1].line


def test_reason_codes_of_an_assessment_are_kept() -> None:
    """They do not collapse into one word."""
    draft = AssessmentDraft(verdict=Verdict.UNASSESSABLE, reason=Reason.PASSWORD)
    made = one(ItemDraft(url=PLACE, assessments=(draft,)))
    assert made.assessments[0].reason is Reason.PASSWORD
