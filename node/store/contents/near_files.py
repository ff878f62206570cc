"""The segments of an index in a folder: a cache of the store, so that a start need not build them.

    index                what there is: the mark, and of each segment its name and removed rows
    <name>.segment       the arrays of one segment

Every file is encrypted (`sealed_files`): hashes of known material do not lie on the disk for
whoever takes it, and their distances neither (docs/adr/0028). Nothing is believed that does not
open, and of a folder all or nothing: what cannot be used is built again from the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from node.matching.near.bands import MOST_ROWS, PLANS, Mark
from node.store.sealed_files import SALT_BYTES, UnusableFileError, read, read_head, write

if TYPE_CHECKING:  # NumPy is loaded when there is a segment
    from node.matching.near.index import Segment

_NAME_BYTES = 8
_NOTHING = memoryview(bytearray())


class _Listed(msgspec.Struct, array_like=True, frozen=True):
    """One segment: `removed` are row numbers, four bytes each."""

    name: str
    plan: str
    rows: int
    removed: bytes


class _Index(msgspec.Struct, array_like=True, frozen=True):
    seq: int
    chain: bytes
    segments: tuple[_Listed, ...]


_decode = msgspec.msgpack.Decoder(_Index).decode


class Folder:
    """Keeps the segments of one index; `secret` has 32 bytes, `chance` gives random ones."""

    def __init__(self, path: Path, secret: bytes, chance: Callable[[int], bytes]) -> None:
        self._path = path
        self._secret = secret
        self._chance = chance
        self._names: dict[int, tuple[Segment, str]] = {}

    def load(self) -> tuple[list[Segment], Mark]:
        """Return the segments as they were kept, and the mark up to which they hold everything.

        Raises:
            UnusableFileError: it is to be built anew.
        """
        head = read_head(self._path / "index")
        read(self._path / "index", self._secret, head, _NOTHING)
        try:
            kept = _decode(head)
        except msgspec.DecodeError:
            raise UnusableFileError from None
        return [self._load(one) for one in kept.segments], Mark(kept.seq, kept.chain)

    def _load(self, listed: _Listed) -> Segment:
        import numpy as np  # noqa: PLC0415 - as above

        from node.matching.near.index import Segment  # noqa: PLC0415 - as above
        from node.matching.near.tables import lay_out  # noqa: PLC0415 - as above

        plan = PLANS.get(listed.plan)
        if plan is None or not 0 < listed.rows <= MOST_ROWS:
            raise UnusableFileError
        tables = lay_out(plan, listed.rows)
        path = self._path / f"{listed.name}.segment"
        read(path, self._secret, listed.name.encode(), memoryview(tables.memory))
        dead = None
        if listed.removed:
            dead = np.zeros(listed.rows, np.bool_)
            dead[np.frombuffer(listed.removed, "<u4")] = True
        segment = Segment(tables, dead)
        self._names[id(segment)] = (segment, listed.name)
        return segment

    def save(self, segments: Sequence[Segment], mark: Mark) -> None:
        """Keep what is built; durable on return.

        Raises:
            OSError: it could not be written; what was kept before still stands.
        """
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        listed = tuple(self._save(one) for one in segments)
        head = msgspec.msgpack.encode(_Index(mark.seq, mark.chain, listed))
        write(self._path / "index", self._secret, self._chance(SALT_BYTES), head, _NOTHING)
        names = {one.name for one in listed}
        self._names = {key: one for key, one in self._names.items() if one[1] in names}
        for path in self._path.glob("*.segment"):
            if path.stem not in names:
                path.unlink()

    def _save(self, segment: Segment) -> _Listed:
        known = self._names.get(id(segment))
        name = self._chance(_NAME_BYTES).hex() if known is None else known[1]
        if known is None:
            path, body = self._path / f"{name}.segment", memoryview(segment.tables.memory)
            write(path, self._secret, self._chance(SALT_BYTES), name.encode(), body)
            self._names[id(segment)] = (segment, name)
        removed = segment.dead_rows.astype("<u4").tobytes()
        return _Listed(name, segment.tables.plan.name, segment.tables.rows, removed)
