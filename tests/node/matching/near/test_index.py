"""The index against a flat scan: what that finds, it finds, whatever is put in, in any order."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import fields
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from node.matching.near.bands import FLAT, PLANS, Mark
from node.matching.near.compiled import Finder, finder, near_rows_compiled
from node.matching.near.index import NearIndex, Segment
from node.matching.near.probing import near_rows
from node.matching.near.tables import Ids, Tables, Words, make
from tests.builders.pictures import apart, flat_scan, flipped, picture

FINDERS = [near_rows, near_rows_compiled]
BANDED = [name for name, plan in PLANS.items() if plan.bands]


def tables(plan: str, pdqs: list[bytes]) -> Tables:
    """Return the tables of hashes that are numbered from 0."""
    hashes = np.frombuffer(b"".join(pdqs), "<u8").reshape(-1, 4)
    return make(PLANS[plan], np.arange(len(pdqs), dtype=np.uint64), hashes)


def found(find: Finder, made: Tables, query: bytes) -> list[tuple[int, int]]:
    """Return (distance, number) of what is near."""
    rows, distances = find(made, query)
    return sorted(zip(distances.tolist(), made.ids[rows].tolist(), strict=True))


def index_of(*pdqs: bytes, **how: Any) -> NearIndex:
    """Return an index of these, numbered from 0, added one by one."""
    made = NearIndex(**how)
    for number, pdq in enumerate(pdqs):
        made.add(number, pdq)
    return made


def answers(index: NearIndex, query: bytes) -> list[tuple[int, int]]:
    """Return (distance, number) of what the index finds."""
    return [(one.distance, one.id) for one in index.search(query)]


class TestSegment:
    """Bands of every plan, by both ways of looking."""

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", BANDED)
    def test_every_distance_up_to_31_is_found_and_none_beyond(
        self, plan: str, find: Finder
    ) -> None:
        """Wherever the bits lie."""
        chance = Random(1)  # noqa: S311 - the same in every run
        query = picture(0)
        planted = [flipped(query, chance.sample(range(256), n % 34)) for n in range(340)]
        others = [picture(n) for n in range(1, 3_000)]
        rows = planted + others
        wanted = flat_scan({n: [pdq] for n, pdq in enumerate(rows)}, query)
        assert len(wanted) == 10 * 32
        assert found(find, tables(plan, rows), query) == wanted

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", BANDED)
    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.sets(st.integers(0, 255), max_size=33), max_size=20))
    def test_whatever_bits_differ_a_flat_scan_says_the_same(
        self, plan: str, find: Finder, differences: list[set[int]]
    ) -> None:
        """Also all in one band, or spread so that every band has its share."""
        query = picture(0)
        rows = [flipped(query, bits) for bits in differences] + [picture(n) for n in range(1, 400)]
        wanted = flat_scan({n: [pdq] for n, pdq in enumerate(rows)}, query)
        assert found(find, tables(plan, rows), query) == wanted

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", BANDED)
    def test_31_bits_spread_so_that_only_one_band_is_within_its_radius(
        self, plan: str, find: Finder
    ) -> None:
        """The worst that a pigeonhole has to answer for; one bit more is far."""
        query = picture(0)
        bits = [band.start + bit for band in PLANS[plan].bands for bit in range(band.radius + 1)]
        assert len(bits) == 32
        rows = [flipped(query, bits[:spared] + bits[spared + 1 :]) for spared in range(32)]
        rows += [flipped(query, bits)] + [picture(n) for n in range(1, 400)]
        wanted = [(31, number) for number in range(32)]
        assert found(find, tables(plan, rows), query) == wanted

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", [*BANDED, FLAT.name])
    def test_equal_hashes_are_all_found(self, plan: str, find: Finder) -> None:
        """More than any buffer of the search holds."""
        made = tables(plan, [picture(0)] * 5_000)
        assert found(find, made, flipped(picture(0), [7])) == [(1, n) for n in range(5_000)]

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", BANDED)
    def test_all_rows_in_one_value_of_a_band_cost_no_more_than_looking_at_all(
        self, plan: str, find: Finder
    ) -> None:
        """Somebody chose them so; the answer is the same."""
        width = PLANS[plan].bands[0].width
        query = picture(0)
        keep = (1 << width) - 1
        low = int.from_bytes(query, "little") & keep
        rows = [
            ((int.from_bytes(picture(n), "little") & ~keep) | low).to_bytes(32, "little")
            for n in range(1, 3_000)
        ]
        near = flipped(query, range(width, width + 31))
        assert found(find, tables(plan, [*rows, near]), query) == [(31, 2_999)]

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", [*BANDED, FLAT.name])
    def test_the_opposite_hash_is_as_far_as_can_be(self, plan: str, find: Finder) -> None:
        """256 must not be counted as 0, as it would be in one byte."""
        made = tables(plan, [flipped(picture(0), range(256))] * 300)
        assert found(find, made, picture(0)) == []

    @pytest.mark.parametrize("find", FINDERS)
    @pytest.mark.parametrize("plan", [*BANDED, FLAT.name])
    def test_segment_of_one_row_finds_it(self, plan: str, find: Finder) -> None:
        """The least there is."""
        assert found(find, tables(plan, [picture(0)]), picture(0)) == [(0, 0)]

    def test_with_numba_the_compiled_code_is_used(self) -> None:
        """It is installed where tests run."""
        assert finder() is near_rows_compiled


class TestLive:
    """What is added and removed is so at once."""

    def test_empty_index_finds_nothing(self) -> None:
        """And is empty."""
        index = NearIndex()
        assert index.search(picture(0)) == []
        assert len(index) == 0
        assert not index.tidy(everything=True)

    def test_hash_is_found_as_soon_as_it_is_added(self) -> None:
        """With its number, itself, and the distance."""
        near = flipped(picture(0), range(31))
        index = index_of(near)
        assert index.search(picture(0)) == [(0, near, 31)]

    def test_one_bit_more_than_31_is_not_near(self) -> None:
        """The threshold."""
        assert index_of(flipped(picture(0), range(32))).search(picture(0)) == []

    def test_nearest_come_first_then_the_older(self) -> None:
        """Numbers go by age."""
        one, two = flipped(picture(0), [1, 2]), flipped(picture(0), [3])
        assert answers(index_of(one, two, one), picture(0)) == [(1, 1), (2, 0), (2, 2)]

    def test_number_may_have_several_hashes(self) -> None:
        """An item may have several files; all go with it."""
        index = index_of(picture(0))
        index.add(0, picture(1))
        assert answers(index, picture(1)) == [(0, 0)]
        index.remove(0)
        assert len(index) == 0
        assert index.search(picture(0)) == index.search(picture(1)) == []

    @pytest.mark.parametrize("tidied", [False, True])
    def test_what_is_removed_is_not_found_and_may_come_again(self, *, tidied: bool) -> None:
        """Whether it stands in a segment or in the delta."""
        index = index_of(picture(0), picture(1))
        index.tidy(everything=tidied)
        index.remove(0)
        index.remove(0)
        assert index.search(picture(0)) == []
        assert len(index) == 1
        index.add(0, picture(2))
        assert answers(index, picture(2)) == [(0, 0)]
        assert index.search(picture(0)) == []

    def test_what_nobody_added_can_be_removed(self) -> None:
        """Nothing happens."""
        index = index_of(picture(0))
        index.remove(7)
        assert len(index) == 1

    def test_numbers_may_be_as_large_as_64_bits(self) -> None:
        """They are the caller's."""
        index = NearIndex()
        index.add((1 << 64) - 1, picture(0))
        index.tidy(everything=True)
        assert answers(index, picture(0)) == [(0, (1 << 64) - 1)]

    def test_same_hash_under_the_same_number_counts_once(self) -> None:
        """It may have been added again after a start."""
        index = index_of(picture(0))
        index.tidy(everything=True)
        index.add(0, picture(0))
        assert answers(index, picture(0)) == [(0, 0)]


class TestTidy:
    """Segments are built beside what stands."""

    def test_full_delta_waits_for_tidy_and_is_found_meanwhile(self) -> None:
        """Adding never builds."""
        index = index_of(*map(picture, range(10)), delta_rows=4)
        assert index.segments == ()
        assert all(answers(index, picture(n)) == [(0, n)] for n in range(10))

    def test_tidy_leaves_few_segments_each_much_larger_than_the_next(self) -> None:
        """A look-up asks each of them."""
        index = NearIndex(delta_rows=4)
        for number in range(1_000):
            index.add(number, picture(number))
            index.tidy()
        sizes = [one.tables.rows for one in index.segments]
        assert len(sizes) <= 6
        assert all(large > small for large, small in pairwise(sizes))
        assert all(answers(index, picture(n)) == [(0, n)] for n in range(1_000))

    def test_nothing_is_built_while_nothing_waits(self) -> None:
        """A second call does nothing."""
        index = index_of(picture(0))
        assert not index.tidy()
        assert index.tidy(everything=True)
        assert not index.tidy(everything=True)

    def test_rows_that_are_removed_are_dropped_when_they_are_many(self) -> None:
        """Memory is given back."""
        index = index_of(*map(picture, range(8)))
        index.tidy(everything=True)
        index.remove(0)
        index.remove(1)
        assert not index.tidy()
        index.remove(2)
        assert index.tidy()
        assert [one.tables.rows for one in index.segments] == [5]

    def test_index_from_which_everything_is_removed_has_no_segment(self) -> None:
        """Not one of no rows."""
        index = index_of(picture(0))
        index.tidy(everything=True)
        index.remove(0)
        assert index.tidy()
        assert index.segments == ()

    def test_many_hashes_become_one_segment_at_once(self) -> None:
        """As at a start."""
        index = NearIndex()
        index.extend(range(5_000, 10_000), b"".join(map(picture, range(5_000))))
        assert [one.tables.plan.name for one in index.segments] == ["16 bands"]
        assert len(index) == 5_000
        assert answers(index, picture(77)) == [(0, 5_077)]

    def test_mark_of_what_is_built_is_the_one_when_the_delta_was_closed(self) -> None:
        """What came after is not in a segment, and must be read again after a start."""
        index = index_of(picture(0))
        index.mark = Mark(5, b"five")
        index.tidy(everything=True)
        index.add(6, picture(6))
        index.mark = Mark(6, b"six")
        assert index.standing() == (index.segments, Mark(5, b"five"))

    def test_mark_goes_on_while_nothing_comes(self) -> None:
        """So that a start need not read what has no hashes."""
        index = index_of(picture(0))
        index.tidy(everything=True)
        index.mark = Mark(9, b"nine")
        assert not index.tidy()
        assert index.standing()[1] == Mark(9, b"nine")

    def test_segments_are_merged_while_the_index_is_asked_and_changed(self) -> None:
        """No moment at which something is missing, or is there twice, or comes back."""
        index = index_of(*map(picture, range(2_000)), delta_rows=16)
        stop, missing = threading.Event(), list[int]()

        def ask() -> None:
            chance = Random(1)  # noqa: S311 - as above
            while not stop.is_set():
                number = chance.randrange(1_000)
                if answers(index, picture(number)) != [(0, number)]:
                    missing.append(number)

        def change() -> None:
            for number in range(1_000, 2_000):
                index.remove(number)
                index.add(number + 10_000, picture(number + 10_000))

        asking, changing = threading.Thread(target=ask), threading.Thread(target=change)
        asking.start()
        changing.start()
        while changing.is_alive():
            index.tidy()
        index.tidy(everything=True)
        stop.set()
        asking.join()
        assert missing == []
        assert len(index) == 2_000
        assert not any(index.search(picture(number)) for number in range(1_000, 2_000))
        assert all(index.search(picture(number + 10_000)) for number in range(1_000, 2_000))

    def test_row_removed_while_rows_are_copied_is_copied_whole_or_not_at_all(self) -> None:
        """A number beside the hash of another row would accuse another item."""

        class Read(Tables):
            """Of which a row is removed between its numbers and its hashes."""

            def __getattribute__(self, name: str) -> Any:
                if name == "hashes":
                    segment.remove(1)
                return super().__getattribute__(name)

        made = tables(FLAT.name, [picture(n) for n in range(4)])
        segment = Segment(Read(*(getattr(made, one.name) for one in fields(made))))
        segment.remove(0)
        ids, hashes = segment.alive()
        assert [row.tobytes() for row in hashes] == [picture(int(number)) for number in ids]

    def test_what_is_removed_while_a_segment_is_built_is_not_in_it(self) -> None:
        """It was copied already."""

        class Copied(Segment):
            """Of which a row is removed just after all were copied."""

            def alive(self) -> tuple[Ids, Words]:
                rows = super().alive()
                index.remove(3)
                return rows

        index = NearIndex([Copied(tables(FLAT.name, [picture(n) for n in range(5)]))])
        index.add(5, picture(5))
        index.add(6, picture(6))
        index.tidy(everything=True)
        assert [one.tables.rows for one in index.segments] == [7]
        assert [answers(index, picture(n)) for n in (2, 3, 5)] == [[(0, 2)], [], [(0, 5)]]
        assert len(index) == 6

    def test_what_is_added_while_a_segment_is_built_is_not_lost(self) -> None:
        """More than one delta of it; it waits for the next time."""

        class Copied(Segment):
            """To which much is added just after its rows were copied."""

            def alive(self) -> tuple[Ids, Words]:
                rows = super().alive()
                for number in range(10, 20):
                    index.add(number, picture(number))
                return rows

        index = NearIndex([Copied(tables(FLAT.name, [picture(0)]))], delta_rows=4)
        index.add(1, picture(1))
        index.tidy(everything=True)
        assert index.is_due
        assert [one.tables.rows for one in index.segments] == [2]
        assert all(answers(index, picture(n)) == [(0, n)] for n in (0, 1, *range(10, 20)))


class Life(RuleBasedStateMachine):
    """An index and a dictionary live the same life."""

    def __init__(self) -> None:
        super().__init__()
        self.index = NearIndex(delta_rows=3)
        self.rows: defaultdict[int, list[bytes]] = defaultdict(list)

    @rule(number=st.integers(0, 9), base=st.integers(0, 2), bits=st.sets(st.integers(0, 255)))
    def add(self, number: int, base: int, bits: set[int]) -> None:
        """Add a hash near one of three pictures, or far from all."""
        pdq = flipped(picture(base), bits)
        self.index.add(number, pdq)
        self.rows[number].append(pdq)

    @rule(number=st.integers(0, 9))
    def remove(self, number: int) -> None:
        """Remove a number, there or not."""
        self.index.remove(number)
        self.rows[number].clear()

    @rule(everything=st.booleans())
    def tidy(self, *, everything: bool) -> None:
        """Build what is due."""
        self.index.tidy(everything=everything)

    @invariant()
    def answers_as_a_flat_scan(self) -> None:
        """About each picture."""
        for base in range(3):
            assert answers(self.index, picture(base)) == flat_scan(self.rows, picture(base))

    @invariant()
    def counts_what_there_is(self) -> None:
        """Equal rows too."""
        assert len(self.index) == sum(map(len, self.rows.values()))


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_pictures_of_the_builders_look_like_no_other() -> None:
    """Else the tests above would show nothing."""
    assert min(apart(picture(0), picture(n)) for n in range(1, 2_000)) > 32


_HARDENED = """
import ctypes
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0  # PR_SET_MDWE, as systemd asks for it
from node.matching.near.index import NearIndex
index = NearIndex()
index.extend(range(5_000), bytes(160_000))
print(len(index.search(bytes(32))))
"""


def test_process_that_may_make_no_code_searches_without_the_compiler() -> None:
    """`MemoryDenyWriteExecute=yes`: the compiler would not fail there, it would end the process."""
    done = subprocess.run(
        [sys.executable, "-c", _HARDENED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "5000"
