"""Ids are minted once: whoever mints, however many, at whatever moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from node.ids import Ids
from protocol.fields import is_subject_id

NOW_MS = 1_790_000_000_000
MANY = 3000


def test_no_two_ids_of_one_moment_are_the_same() -> None:
    """Also where randomness is drawn anew."""
    ids = Ids("gb-iwf")
    minted = {ids.mint(NOW_MS) for _ in range(MANY)}
    assert len(minted) == MANY
    assert all(is_subject_id(one) for one in minted)


def test_every_digit_may_stand_at_every_place_of_the_randomness() -> None:
    """Each place tells five bits: none is fixed, and none is rarer."""
    ids = Ids("gb-iwf")
    minted = [ids.mint(NOW_MS)[-16:] for _ in range(MANY)]
    assert {len(set(place)) for place in zip(*minted, strict=True)} == {32}


def test_two_nodes_of_one_member_never_mint_the_same() -> None:
    """A restarted process draws its own randomness."""
    first, second = Ids("gb-iwf"), Ids("gb-iwf")
    minted = {one.mint(NOW_MS) for one in (first, second) for _ in range(MANY)}
    assert len(minted) == 2 * MANY


def test_threads_that_mint_at_once_never_get_the_same() -> None:
    """The event loop and the store's writer share one mint."""
    ids = Ids("gb-iwf")
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda n: [ids.mint(NOW_MS + n) for _ in range(MANY)], [0, 1, 0, 1])
    minted = [one for part in parts for one in part]
    assert len(set(minted)) == len(minted)


def test_later_ids_sort_later() -> None:
    """Whatever randomness follows; a clock that is set back is followed."""
    ids = Ids("gb-iwf")
    first, later, back = ids.mint(NOW_MS), ids.mint(NOW_MS + 1), ids.mint(NOW_MS)
    assert first[:17] < later[:17]
    assert back[:17] == first[:17]


@pytest.mark.parametrize(
    ("now_ms", "random", "text"),
    [
        (0, bytes(10), "gb-iwf." + "0" * 26),
        ((1 << 48) - 1, b"\xff" * 10, "gb-iwf.7" + "Z" * 25),
        (1_469_918_176_385, bytes(9) + b"\x01", "gb-iwf.01ARYZ6S41" + "0" * 15 + "1"),
    ],
)
def test_id_is_the_time_then_the_randomness(now_ms: int, random: bytes, text: str) -> None:
    """As the ULID specification writes them; the last is its own example of a time."""
    assert Ids("gb-iwf", lambda _: random).mint(now_ms) == text
