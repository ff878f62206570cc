"""Cursors that lose nothing over a restore. docs/api.md, change feed."""

from __future__ import annotations

import pytest

from node.casework.errors import CursorGoneError
from node.casework.showing.feed import Feed, restore_tag
from tests.builders.network import NOW_MS

TAG = restore_tag(NOW_MS) >> 32


class TestCursors:
    """A reader goes on where it was, or is told from where to read again."""

    def test_cursor_is_the_number_while_nothing_was_restored(self) -> None:
        """And comes back as it went."""
        assert Feed().cursor(7) == 7
        assert Feed().number(7) == 7

    def test_reader_that_saw_no_more_than_the_backup_goes_on(self) -> None:
        """Up to there the history is the same."""
        assert Feed(((TAG, 100),)).number(100) == 100

    def test_reader_that_saw_more_is_told_where_to_read_again(self) -> None:
        """Else it would miss what bears the same numbers now."""
        feed = Feed(((TAG, 100),))
        with pytest.raises(CursorGoneError) as gone:
            feed.number(101)

        assert feed.number(gone.value.read_from) == 100

    def test_cursor_of_this_history_may_pass_the_backup(self) -> None:
        """What came after the restore has cursors of its own."""
        feed = Feed(((TAG, 100),))
        assert feed.number(feed.cursor(101)) == 101

    def test_of_several_restores_the_one_that_held_least_counts(self) -> None:
        """A reader may have been away over both."""
        with pytest.raises(CursorGoneError) as gone:
            Feed(((TAG, 100), (TAG + 1, 40))).number(50)

        assert Feed(((TAG, 100), (TAG + 1, 40))).number(gone.value.read_from) == 40

    def test_cursor_from_a_future_restore_is_refused(self) -> None:
        """It is of another history."""
        with pytest.raises(CursorGoneError):
            Feed().number(Feed(((TAG, 1),)).cursor(1))

    def test_cursors_grow_over_a_restore(self) -> None:
        """An order is an order."""
        assert Feed(((TAG, 3),)).cursor(4) > Feed().cursor(10**9)

    def test_cursor_of_another_restore_of_the_same_backup_is_refused(self) -> None:
        """Its numbers are of other events, however few of them there are."""
        first, second = Feed(((TAG, 100),)), Feed(((TAG + 6, 100),))
        for number in (1, 100, 130):
            with pytest.raises(CursorGoneError) as gone:
                second.number(first.cursor(number))

            assert second.number(gone.value.read_from) == 0

    def test_cursor_of_before_a_loss_of_all_is_refused_though_it_followed_a_restore(self) -> None:
        """A node that lost everything does not know how often it was restored before."""
        with pytest.raises(CursorGoneError):
            Feed.of(str(restore_tag(NOW_MS))).number(Feed.of("500").cursor(700))

    def test_fact_of_the_store_is_read(self) -> None:
        """As the backup keeps it."""
        later = restore_tag(NOW_MS)
        assert Feed.of(f"{later + 100},{later + 40}") == Feed(
            ((later >> 32, 100), ((later >> 32) + 1, 40))
        )
        assert Feed.of(None) == Feed()

    def test_restores_that_an_earlier_version_counted_hold(self) -> None:
        """With the cursors that it gave."""
        feed = Feed.of(f"100,40,{restore_tag(NOW_MS) + 70}")
        assert Feed.of("100,40").cursor(50) == 2 * 2**40 + 50
        assert feed.number(2 * 2**40 + 50) == 50
        assert feed.number(30) == 30
        with pytest.raises(CursorGoneError) as gone:
            feed.number(2 * 2**40 + 71)
        assert feed.number(gone.value.read_from) == 70

    def test_cursor_is_read_exactly_in_every_language_until_the_last_tag(self) -> None:
        """A double has 53 bits."""
        assert restore_tag(10**15) + 2**32 - 1 < 2**53
