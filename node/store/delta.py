"""Rows that came last, kept in front of a table whose keys come in no order.

Fingerprints and entry ids are random. Once such a table is larger than a few pages, each row that
is put into it writes a page of its own: encrypted, authenticated and flushed for fifty bytes. So
new rows are appended to a delta of the table, in the order they come: many to a page. When the
delta is full, the rows of one share of the keys (an eighth, then the next) move into the table in
the order of their keys, in the transaction of whoever filled it: several of them meet on a page.

Where each key of the delta stands is known in memory, read from the delta when the first job asks.
Memory is only a cache, asked and filled on the writer's thread, and read again if something of it
was rolled back. At every commit a row stands in the delta or in the table; whoever reads beside
the writer looks into both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from node.store.bulk import insert_rows, select_in
from node.store.seam import Connection

AT_MOST = 32_768
"""Rows in one delta: some 10 MB of memory, read back in a twentieth of a second."""
SHARES = 8
_FIRST_BYTES = 256


class Delta:
    """A table together with its delta, whose rows have a `number` besides."""

    def __init__(self, table: str, columns: Sequence[str], at_most: int = AT_MOST) -> None:
        """Stand in front of `table`; the first of its `columns` is the random key."""
        names, key, delta = ", ".join(columns), columns[0], f"{table}_delta"
        self._at_most = at_most
        self._share = 0
        self._numbers: dict[bytes, int] | None = None
        self._more: dict[bytes, list[int]] = {}  # of keys that several rows have: few
        self._sure = False
        self._count = self._last = 0
        own = "{}"  # filled by `select_in`, and by what else a caller asks of a row
        self._by_key = f"SELECT {names} FROM {table} WHERE {own}{key} IN ({own})"  # noqa: S608 - own names
        self._by_number = f"SELECT {names} FROM {delta} WHERE {own}number IN ({own})"  # noqa: S608 - own names
        self._newest = f"SELECT coalesce(max(number), 0) FROM {delta}"  # noqa: S608 - own names
        self._all = f"SELECT number, {key} FROM {delta} ORDER BY number"  # noqa: S608 - own names
        self._add = f"INSERT OR FAIL INTO {delta} (number, {names})"
        self._move = (
            f"INSERT OR IGNORE INTO {table} ({names}) SELECT {names} FROM {delta}"  # noqa: S608 - own names
            f" WHERE number IN ({own}) ORDER BY {key}"
        )
        self._drop = f"DELETE FROM {table} WHERE {' AND '.join(f'{one} = ?' for one in columns)}"  # noqa: S608 - own names
        self._drop_new = self._drop.replace(table, delta) + " AND number = ?"
        self._take_away = f"DELETE FROM {delta} WHERE number IN ({own})"  # noqa: S608 - own names

    def forget(self) -> None:
        """Something was rolled back: memory may be of rows that do not stand."""
        self._sure = False

    def find(
        self,
        connection: Connection,
        keys: Iterable[bytes],
        where: str = "",
        values: Sequence[Any] = (),
    ) -> Iterator[Any]:
        """Yield the rows that have one of `keys`.

        Of those only the ones that fulfil `where` (it ends with AND), with `values` for its marks.
        """
        wanted = list(keys)
        yield from select_in(connection, self._by_key.format(where, "{}"), wanted, values)
        numbers = self.numbers(connection, wanted)
        if numbers:
            yield from select_in(connection, self._by_number.format(where, "{}"), numbers, values)

    def numbers(self, connection: Connection, keys: Sequence[bytes]) -> list[int]:
        """Return the numbers of those rows of the delta that have one of `keys`."""
        known, more = self._known(connection), self._more
        found = [known[key] for key in keys if key in known]
        if more:
            found += [number for key in keys if key in more for number in more[key]]
        return found

    def append(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows; one that is there already makes no difference."""
        if not rows:
            return
        known = self._known(connection)
        numbered = [(number, *row) for number, row in enumerate(rows, self._last + 1)]
        insert_rows(connection, self._add, numbered)
        for number, row in enumerate(rows, self._last + 1):
            self._know(known, row[0], number)
        self._last += len(rows)
        self._count += len(rows)
        while self._count > self._at_most:
            self._merge(connection, known)

    def remove(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Take rows away, wherever they stand; one that is not there makes no difference.

        Memory still knows the numbers, which lead nowhere then: if this is rolled back they do.
        """
        if not rows:
            return
        new = [(*row, number) for row in rows for number in self.numbers(connection, [row[0]])]
        connection.executemany(self._drop, rows)
        if new:
            connection.executemany(self._drop_new, new)

    def _know(self, known: dict[bytes, int], key: bytes, number: int) -> None:
        if known.setdefault(key, number) != number:
            self._more.setdefault(key, []).append(number)

    def _known(self, connection: Connection) -> dict[bytes, int]:
        """Return the numbers by key.

        Memory changes only with rows that are appended: if the last of them stands, so do all.
        """
        if not self._sure:
            newest = connection.execute(self._newest).fetchone()[0]
            self._sure = self._numbers is not None and newest == self._last
        if self._numbers is None or not self._sure:
            self._sure = True
            known: dict[bytes, int] = {}
            self._numbers, self._more = known, {}
            self._count = self._last = 0
            for number, key in connection.execute(self._all):
                self._know(known, key, number)
                self._count += 1
                self._last = number
        return self._numbers

    def _merge(self, connection: Connection, known: dict[bytes, int]) -> None:
        """Move the next share of the keys into the table."""
        low, high = (_FIRST_BYTES * n // SHARES for n in (self._share, self._share + 1))
        self._share = (self._share + 1) % SHARES
        moving = sorted(key for key in known if low <= key[0] < high)
        numbers = self.numbers(connection, moving)
        for key in moving:
            del known[key]
            self._more.pop(key, None)
        _carry_out(select_in(connection, self._move, numbers))
        _carry_out(select_in(connection, self._take_away, sorted(numbers)))
        self._count -= len(numbers)


def _carry_out(statements: Iterator[Any]) -> None:
    """Run statements that yield no rows."""
    deque(statements, maxlen=0)
