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

    def test_restores_of_one_backup_seconds_apart_are_two_histories(self) -> None:
        """An operator that brings it back, sees that something is wrong, and does it again."""
        first, second = (
            Feed.of(str(restore_tag(NOW_MS + after_ms) + 100)) for after_ms in (0, 1000)
        )
        with pytest.raises(CursorGoneError) as gone:
            second.number(first.cursor(101))
        assert second.number(gone.value.read_from) == 0

    def test_restores_have_their_order_from_the_history_and_not_from_their_tags(self) -> None:
        """Tags come round, and clocks are set back."""
        feed = Feed(((TAG, 100), (TAG - 1, 140)))
        assert feed.number(Feed(((TAG, 100),)).cursor(120)) == 120
        assert feed.number(feed.cursor(150)) == 150
        with pytest.raises(CursorGoneError) as gone:
            feed.number(Feed(((TAG, 100),)).cursor(150))
        assert feed.number(gone.value.read_from) == 140

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
        later, last = TAG << 32, (2**21 - 1) << 32
        assert Feed.of(f"{later + 100},{later + 40}") == Feed(((TAG, 100), (TAG + 1, 40)))
        assert Feed.of(f"{last + 100},{last + 40}") == Feed(((2**21 - 1, 100), (1, 40)))
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
        """A double has 53 bits. None is that of a history that was never restored."""
        for second in (0, 2**21 - 2, 2**21 - 1, 2**21):
            assert 2**32 <= restore_tag(second * 1000) <= 2**53 - 2**32
