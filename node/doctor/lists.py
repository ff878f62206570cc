"""Judging lists of known content: what makes of one source two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_lists(copies: Iterable[tuple[str, ...]]) -> list[Finding]:
    """Name lists into which the very same file was taken: `auto:2` takes them for two sources."""
    mend = "hotline list set --list NAME --trust CATEGORY=none for all but one, or =suggestion"
    return [
        Finding(
            Severity.WARNING,
            "lists",
            "lists_of_one_file",
            f"the same file was imported into {', '.join(names)}: auto:2 counts each of them",
            mend,
        )
        for names in copies
    ]
