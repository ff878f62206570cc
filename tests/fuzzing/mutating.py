"""Breaking good inputs: one seed gives one sequence of cases, for ever."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

MAX_CASE: Final = 1 << 16
WORDS: Final = (
    b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\xc0",
    b"\xc1", b"\x91" * 24, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xd9\xff",
    b"\xcb" + bytes(8), b"\n", b"\n\n", b"\r\n", "\u2014 ".encode(), b"==", b"+", b";", b'"',
    b"\\u0000", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"{" * 40, b"[" * 3000, b'{"a":' * 1500,
    b"null", b"true", b"-1",
    b"1e999", b"NaN", b"18446744073709551616", b'{"a":1,"a":2}', b"https://", b"//", b"@", b"%00",
    b"%2e", b"xn--", b"[::1]", b"..", b"\xf0\x9f\x92\xa9", b"'", b"=", b"(", b")", b":", b",", b" ",
    b"\t", b"A" * 300,
)  # fmt: skip
"""What formats trip over: lengths that promise too much, marks, nesting, odd numbers, odd text."""

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def case(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return one case: a good input with one to eight things done to it; rarely, noise."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(200))
    raw = bytearray(chance.choice(seeds))
    for _ in range(1 + chance.getrandbits(3)):
        chance.choice(_MUTATIONS)(chance, raw, seeds)
    return bytes(raw[:MAX_CASE])


def _place(chance: random.Random, raw: bytearray) -> int:
    return chance.randrange(len(raw) + 1)


def _flip(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    if raw:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)


def _byte(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    if raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)


def _word(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    at = _place(chance, raw)
    raw[at:at] = chance.choice(WORDS)


def _overwrite(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    at, word = _place(chance, raw), chance.choice(WORDS)
    raw[at : at + len(word)] = word


def _cut(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    del raw[_place(chance, raw) :]


def _remove(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    at = _place(chance, raw)
    del raw[at : at + chance.randrange(1, 17)]


def _repeat(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    at = _place(chance, raw)
    part = bytes(raw[at : at + chance.randrange(1, 65)])
    raw[at:at] = part * chance.randrange(1, 9)


def _swap(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    one, other = sorted((_place(chance, raw), _place(chance, raw)))
    raw[:] = raw[one:other] + raw[:one] + raw[other:]


def _splice(chance: random.Random, raw: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    start = chance.randrange(len(other) + 1)
    at = _place(chance, raw)
    raw[at:] = other[start:]


def _count(chance: random.Random, raw: bytearray, _seeds: Sequence[bytes]) -> None:
    """Change a number of up to four bytes a little, as lengths and counts are."""
    width = chance.choice((1, 2, 4))
    if len(raw) < width:
        return
    at = chance.randrange(len(raw) - width + 1)
    number = int.from_bytes(raw[at : at + width], "big") + chance.choice((-1, 1, 16, -16))
    raw[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "big")


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flip, _flip, _byte, _word, _word, _overwrite, _cut, _remove, _repeat, _swap, _splice, _count,
)  # fmt: skip
