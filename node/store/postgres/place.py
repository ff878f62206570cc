"""Where a store in PostgreSQL stands. Imports no driver: who has a file need not have one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database of a PostgreSQL server: its URL, and the password if it asks for one."""

    url: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url
