"""Cursors that lose nothing over a restore. docs/api.md, change feed."""

from __future__ import annotations

import pytest

from node.casework.errors import CursorGoneError
from node.casework.showing.feed import Feed


class TestCursors:
    """A reader goes on where it was, or is told from where to read again."""

    def test_cursor_is_the_number_while_nothing_was_restored(self) -> None:
        """And comes back as it went."""
        assert Feed().cursor(7) == 7
        assert Feed().number(7) == 7

    def test_reader_that_saw_no_more_than_the_backup_goes_on(self) -> None:
        """Up to there the history is the same."""
        assert Feed((100,)).number(100) == 100

    def test_reader_that_saw_more_is_told_where_to_read_again(self) -> None:
        """Else it would miss what bears the same numbers now."""
        feed = Feed((100,))
        with pytest.raises(CursorGoneError) as gone:
            feed.number(101)

        assert feed.number(gone.value.read_from) == 100

    def test_cursor_of_this_history_may_pass_the_backup(self) -> None:
        """What came after the restore has cursors of its own."""
        feed = Feed((100,))
        assert feed.number(feed.cursor(101)) == 101

    def test_of_several_restores_the_one_that_held_least_counts(self) -> None:
        """A reader may have been away over both."""
        with pytest.raises(CursorGoneError) as gone:
            Feed((100, 40)).number(50)

        assert Feed((100, 40)).number(gone.value.read_from) == 40

    def test_cursor_from_a_future_restore_is_refused(self) -> None:
        """It is of another history."""
        with pytest.raises(CursorGoneError):
            Feed().number(Feed((1,)).cursor(1))

    def test_cursors_grow_over_a_restore(self) -> None:
        """An order is an order."""
        assert Feed((3,)).cursor(4) > Feed().cursor(10**9)

    def test_fact_of_the_store_is_read(self) -> None:
        """As the backup keeps it."""
        assert Feed.of("100,40") == Feed((100, 40))
        assert Feed.of(None) == Feed()
