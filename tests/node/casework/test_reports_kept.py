"""A report whose items all are here already is a report all the same."""

from __future__ import annotations

from node.casework.casebook import Casebook, Loaded
from node.casework.postbox import Postbox
from node.casework.reports.draft import ItemDraft, ReportDraft
from node.casework.reports.intake import take_report
from node.casework.reports.prepare import prepare_report
from node.ids import Ids
from node.matching.fingerprints import Fingerprints
from protocol.vocabulary import Source

NOW = 1_790_000_000_000
FINGERPRINTS = Fingerprints(bytes(32))


def hand_in(book: Casebook, reference: str | None, note: str, identity: str = "file:1") -> str:
    """Hand in a report of always the same address; gives the report's id."""
    draft = ReportDraft(
        items=(ItemDraft(url="http://one.example/1.jpg"),),
        source=Source.PUBLIC,
        reference=reference,
        note=note,
    )
    prepared = prepare_report(draft, FINGERPRINTS, book.now, identity)
    return take_report(book, prepared, Ids(book.us), Postbox(bytes(32))).report_id


class TestReportOfADuplicate:
    """The item is a sighting; reference, note and workuser of the report are kept."""

    def test_is_kept_with_its_note(self) -> None:
        """A later report of a known address does not lose what its source wrote."""
        book = Casebook("gb-iwf", NOW, FINGERPRINTS, Loaded())
        hand_in(book, "A-1", "first")
        again = hand_in(book, "A-2", "second")
        assert [report.note for report in book.new_reports] == ["first", "second"]
        assert book.new_reports[1].id == again

    def test_is_kept_without_a_reference_too(self) -> None:
        """It is then known by its line."""
        book = Casebook("gb-iwf", NOW, FINGERPRINTS, Loaded())
        hand_in(book, None, "first")
        hand_in(book, None, "second", "file:2")
        assert [report.note for report in book.new_reports] == ["first", "second"]

    def test_is_opened_once(self) -> None:
        """The same line again opens nothing."""
        book = Casebook("gb-iwf", NOW, FINGERPRINTS, Loaded())
        hand_in(book, "A-1", "first")
        hand_in(book, "A-2", "second")
        hand_in(book, "A-2", "second")
        assert len(book.new_reports) == 2
