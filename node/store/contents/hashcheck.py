"""HashCheck's own memory: keys with their contracts, counts, hits, complaints, the block list.

Fulfils `node.hashcheck.seam.HashCheckStore`. Hashes that were asked stand only in hits and
complaints; what is looked up by them are keyed fingerprints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from node.hashcheck.contract import (
    Complaint,
    ComplaintState,
    Contract,
    Counts,
    Decision,
    Hit,
    Key,
)
from node.matching.fingerprints import Fingerprints
from node.store.bulk import insert_rows, select_in
from node.store.contents.list_removing import retract_everywhere, retract_pictures
from node.store.items.tasks import close_task, open_once, open_task
from node.store.seam import Connection
from node.store.writer import Readers, Writer
from protocol.facts import Content

COMPLAINED: Final = "hashcheck_complaint"
"""The task of a complaint; its subject is the complaint's id."""
_KEYS = "SELECT key_sha256, state, created_ms, ends_ms, revoked_ms FROM hashcheck_keys"
_COMPLAINTS = "SELECT id, reference, opened_ms, decided_ms, state FROM hashcheck_complaints"
_WAITING = (
    " WHERE decided_ms IS NULL OR id IN"
    " (SELECT subject FROM tasks WHERE code = ? AND closed_ms IS NULL)"
)
"""Not decided, or broken off between the word and what follows from it: to be said once more."""
_HIT = (
    "SELECT h.state, h.key_sha256, k.state FROM hashcheck_hits h"
    " LEFT JOIN hashcheck_keys k ON k.key_sha256 = h.key_sha256 WHERE h.reference = ?"
)

_encode = msgspec.msgpack.Encoder().encode
_contract = msgspec.msgpack.Decoder(Contract).decode
_hit = msgspec.msgpack.Decoder(Hit).decode
_complaint_state = msgspec.msgpack.Decoder(ComplaintState).decode


class HashChecks:
    """Reads on a connection of its own, writes in the node's one writer."""

    def __init__(self, writer: Writer, readers: Readers, fingerprints: Fingerprints) -> None:
        self._writer = writer
        self._readers = readers
        self._fingerprints = fingerprints

    def find_key(self, key_sha256: bytes) -> Key | None:
        """See `HashCheckStore.find_key`."""

        def query(connection: Connection) -> Any:
            return connection.execute(_KEYS + " WHERE key_sha256 = ?", (key_sha256,)).fetchone()

        row = self._readers.look_up(query)
        return None if row is None else _key(row)

    async def add_key(self, key: Key) -> None:
        """See `HashCheckStore.add_key`."""
        row = key.key_sha256, key.created_ms, key.ends_ms, key.revoked_ms, _encode(key.contract)
        into = "INSERT OR FAIL INTO hashcheck_keys"
        columns = " (key_sha256, created_ms, ends_ms, revoked_ms, state)"
        await self._writer.run(lambda connection: insert_rows(connection, into + columns, [row]))

    async def keys(self) -> Sequence[Key]:
        """See `HashCheckStore.keys`."""
        sql = _KEYS + " ORDER BY created_ms, key_sha256"
        rows = await self._readers.run(lambda connection: connection.execute(sql).fetchall())
        return [_key(row) for row in rows]

    async def revoke_key(self, key_sha256: bytes, now_ms: int) -> None:
        """See `HashCheckStore.revoke_key`."""

        def job(connection: Connection) -> None:
            connection.execute(
                "UPDATE hashcheck_keys SET revoked_ms = ?"
                " WHERE key_sha256 = ? AND revoked_ms IS NULL",
                (now_ms, key_sha256),
            )

        await self._writer.run(job)

    async def count(self, day: int, counts: Mapping[bytes, Counts]) -> None:
        """See `HashCheckStore.count`."""

        def job(connection: Connection) -> None:
            for key, more in counts.items():
                of = (day, key)
                row = connection.execute(
                    "SELECT checks, near, hits, reviews, near_reviews FROM hashcheck_counts"
                    " WHERE day = ? AND key_sha256 = ?",
                    of,
                ).fetchone()
                now = more if row is None else more.plus(Counts(*row))
                connection.execute(
                    "INSERT OR REPLACE INTO hashcheck_counts (day, key_sha256, checks, near, hits,"
                    " reviews, near_reviews) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*of, *now),
                )

        await self._writer.run(job)

    async def counts(self, first_day: int) -> Mapping[bytes, Counts]:
        """See `HashCheckStore.counts`."""
        sql = (
            "SELECT key_sha256, checks, near, hits, reviews, near_reviews FROM hashcheck_counts"
            " WHERE day >= ?"
        )
        rows = await self._readers.run(lambda c: c.execute(sql, (first_day,)).fetchall())
        summed: defaultdict[bytes, Counts] = defaultdict(Counts)
        for key, *numbers in rows:
            summed[bytes(key)] = summed[bytes(key)].plus(Counts(*numbers))
        return dict(summed)

    async def keep_hits(
        self, key_sha256: bytes, hits: Sequence[tuple[str, Hit]], now_ms: int
    ) -> Sequence[str]:
        """See `HashCheckStore.keep_hits`."""

        def job(connection: Connection) -> list[str]:
            company = _keys_of_company(connection, key_sha256)
            return [self._keep_hit(connection, company, hit, now_ms) for hit in hits]

        return await self._writer.run(job)

    def _keep_hit(
        self, connection: Connection, company: Sequence[bytes], hit: tuple[str, Hit], now_ms: int
    ) -> str:
        reference, state = hit
        mark = self._mark(state.asked)
        sql = "SELECT reference FROM hashcheck_hits WHERE mark = ? AND key_sha256 IN ({})"
        known = min((row[0] for row in select_in(connection, sql, company, (mark,))), default=None)
        if known is None:
            connection.execute(
                "INSERT OR FAIL INTO hashcheck_hits (reference, key_sha256, mark, answered_ms,"
                " state) VALUES (?, ?, ?, ?, ?)",
                (reference, company[0], mark, now_ms, _encode(state)),
            )
            return reference
        connection.execute(
            "UPDATE hashcheck_hits SET answered_ms = ?, state = ? WHERE reference = ?",
            (now_ms, _encode(state), known),
        )
        return str(known)

    def _mark(self, asked: Content) -> bytes:
        """By what the same question is known again: the strongest hash, a picture's where alone."""
        keys = self._fingerprints.content(asked)
        return keys[0] if keys else self._fingerprints.listed(0, b"pdq" + (asked.pdq or b""))

    async def blocked(self, contents: Sequence[Content]) -> Sequence[Content]:
        """See `HashCheckStore.blocked`."""
        keys = self._accounts(contents)

        return self._readers.look_up(
            lambda connection: [one for hit in _upheld(connection, keys) for one in hit.removed]
        )

    async def complain(
        self, key: Key, reference: str, complaint_id: str, state: ComplaintState, now_ms: int
    ) -> Complaint | None:
        """See `HashCheckStore.complain`."""

        def job(connection: Connection) -> Complaint | None:
            sql = _COMPLAINTS + " WHERE reference = ?"
            row = connection.execute(sql, (reference,)).fetchone()
            if row is not None:
                known = _complaint(row)
                theirs = known.state.hoster == key.contract.hoster
                return self._complain_again(connection, known, state, now_ms) if theirs else None
            row = connection.execute(_HIT, (reference,)).fetchone()
            if row is None or not _is_of_company(key, *row[1:]):
                return None
            whole = msgspec.structs.replace(state, hit=_hit(row[0]))
            connection.execute(
                "INSERT OR FAIL INTO hashcheck_complaints (id, reference, key_sha256, opened_ms,"
                " decided_ms, upheld, state) VALUES (?, ?, ?, ?, NULL, 0, ?)",
                (complaint_id, reference, key.key_sha256, now_ms, _encode(whole)),
            )
            open_task(connection, COMPLAINED, complaint_id, now_ms)
            return Complaint(complaint_id, reference, now_ms, None, whole)

        return await self._writer.run(job)

    def _complain_again(
        self, connection: Connection, known: Complaint, said: ComplaintState, now_ms: int
    ) -> Complaint:
        """Open a rejected complaint again for grounds that nobody has looked at; else it stands."""
        again = known.state.again(said.why, said.text) if known.status == "rejected" else None
        if again is None:
            return known
        connection.execute(
            "UPDATE hashcheck_complaints SET decided_ms = NULL, state = ? WHERE id = ?",
            (_encode(again), known.complaint_id),
        )
        open_task(connection, COMPLAINED, known.complaint_id, now_ms)
        return known._replace(decided_ms=None, state=again)

    async def complaint(self, complaint_id: str) -> Complaint | None:
        """See `HashCheckStore.complaint`."""
        sql = _COMPLAINTS + " WHERE id = ?"
        row = await self._readers.run(lambda c: c.execute(sql, (complaint_id,)).fetchone())
        return None if row is None else _complaint(row)

    async def complaints(self, *, open_only: bool) -> Sequence[Complaint]:
        """See `HashCheckStore.complaints`."""
        where, of = (_WAITING, (COMPLAINED,)) if open_only else ("", ())
        sql = f"{_COMPLAINTS}{where} ORDER BY opened_ms, id"
        rows = await self._readers.run(lambda connection: connection.execute(sql, of).fetchall())
        return [_complaint(row) for row in rows]

    async def decide(self, complaint_id: str, decision: Decision, now_ms: int) -> Complaint | None:
        """See `HashCheckStore.decide`."""

        def job(connection: Connection) -> Complaint | None:
            sql = _COMPLAINTS + " WHERE id = ?"
            row = connection.execute(sql, (complaint_id,)).fetchone()
            if row is None:
                return None
            before = _complaint(row)
            decisions = (*before.state.decisions, decision)
            state = msgspec.structs.replace(before.state, decisions=decisions)
            connection.execute(
                "UPDATE hashcheck_complaints SET decided_ms = ?, upheld = ?, state = ?"
                " WHERE id = ?",
                (now_ms, int(decision.upheld), _encode(state), complaint_id),
            )
            self._block(connection, complaint_id, state.hit if decision.upheld else None)
            if decision.upheld:
                hit = state.hit
                retract_everywhere(connection, self._fingerprints, hit.removed, now_ms)
                retract_pictures(connection, self._fingerprints, hit, now_ms)
            return before._replace(decided_ms=now_ms, state=state)

        return await self._writer.run(job)

    async def close(self, complaint_id: str, now_ms: int) -> None:
        """See `HashCheckStore.close`."""
        await self._writer.run(lambda c: close_task(c, COMPLAINED, complaint_id, now_ms))

    def _block(self, connection: Connection, complaint_id: str, hit: Hit | None) -> None:
        """Block the contents of a hit by this complaint, and nothing else; None: nothing."""
        connection.execute("DELETE FROM hashcheck_blocked WHERE complaint = ?", (complaint_id,))
        contents = () if hit is None else hit.disproved
        keys = sorted(set(self._accounts(contents)))
        into = "INSERT OR FAIL INTO hashcheck_blocked (key, complaint)"
        insert_rows(connection, into, [(key, complaint_id) for key in keys])

    def _accounts(self, contents: Iterable[Content]) -> list[bytes]:
        return [key for one in contents for key in self._fingerprints.account(one)]

    async def open_task(self, code: str, subject: str, now_ms: int) -> None:
        """See `HashCheckStore.open_task`."""
        await self._writer.run(lambda connection: open_task(connection, code, subject, now_ms))

    async def open_task_of_item(self, code: str, item: str, now_ms: int) -> None:
        """See `HashCheckStore.open_task_of_item`."""
        await self._writer.run(lambda connection: open_once(connection, code, item, now_ms))

    async def forget_before(self, hits_ms: int, complaints_ms: int, first_day: int) -> int:
        """See `HashCheckStore.forget_before`."""
        jobs = (
            ("DELETE FROM hashcheck_hits WHERE answered_ms < ?", hits_ms),
            ("DELETE FROM hashcheck_complaints WHERE upheld = 0 AND decided_ms < ?", complaints_ms),
            ("DELETE FROM hashcheck_counts WHERE day < ?", first_day),
        )
        return await self._writer.run(
            lambda c: sum(c.execute(sql, (before,)).rowcount for sql, before in jobs)
        )


def is_kept(connection: Connection, complaint_id: str) -> bool:
    """Whether a complaint can be decided; a rejected one is erased after a year."""
    sql = "SELECT 1 FROM hashcheck_complaints WHERE id = ?"
    return connection.execute(sql, (complaint_id,)).fetchone() is not None


def disproved(connection: Connection, keys: Iterable[bytes]) -> list[Content]:
    """Return the contents of upheld complaints that have one of these keys; mostly none."""
    return [one for hit in _upheld(connection, keys) for one in hit.disproved]


def _upheld(connection: Connection, keys: Iterable[bytes]) -> list[Hit]:
    if connection.execute("SELECT 1 FROM hashcheck_blocked LIMIT 1").fetchone() is None:
        return []
    sql = "SELECT complaint FROM hashcheck_blocked WHERE key IN ({})"
    ids = {row[0] for row in select_in(connection, sql, sorted(keys))}
    sql = "SELECT state FROM hashcheck_complaints WHERE upheld = 1 AND id IN ({})"
    return [_complaint_state(row[0]).hit for row in select_in(connection, sql, sorted(ids))]


def _keys_of_company(connection: Connection, key_sha256: bytes) -> list[bytes]:
    """Return the keys of the company that has this one, which comes first; revoked ones too."""
    hosters = {bytes(row[0]): _contract(row[1]).hoster for row in connection.execute(_KEYS)}
    ours = hosters.get(key_sha256)
    others = [key for key, hoster in hosters.items() if hoster == ours and key != key_sha256]
    return [key_sha256, *others]


def _is_of_company(key: Key, answered: bytes, contract: bytes | None) -> bool:
    """Whether the key that was answered, under this contract, is one of the same company."""
    if bytes(answered) == key.key_sha256:
        return True
    return contract is not None and _contract(contract).hoster == key.contract.hoster


def _key(row: Sequence[Any]) -> Key:
    return Key(bytes(row[0]), _contract(row[1]), *row[2:])


def _complaint(row: Sequence[Any]) -> Complaint:
    complaint_id, reference, opened_ms, decided_ms, state = row
    return Complaint(complaint_id, reference, opened_ms, decided_ms, _complaint_state(state))
