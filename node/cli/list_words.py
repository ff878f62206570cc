"""What a person says of a list in `hotline list ...`: read, or refused with the mend."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from node.cli.exits import Exit
from node.cli.output import CliError
from node.matching.lists import ANY, Provenance, Trust, list_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from node.store.contents.lists import ContentList

MAX_NAME: Final = 64
_NUMBER: Final = re.compile(r"[0-9]{1,15}\Z", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)


def check_ours(name: str) -> None:
    """Say no to changing what a member said of contents: only it may.

    Raises:
        CliError: it is the list of a member.
    """
    if name.startswith(list_of("")):
        mend = "--list: a member fills its list itself; hotline list set is for how far that counts"
        raise CliError("list_of_a_member", mend)


def check_name(name: str, provenance: str) -> None:
    """See that lists named after members are theirs, and no others.

    Raises:
        CliError: name and provenance do not fit.
    """
    if (provenance == Provenance.MEMBER) != name.startswith(list_of("")):
        mend = f"--provenance: {Provenance.MEMBER} is for lists named {list_of('MEMBER')}"
        raise CliError("usage", mend, Exit.USAGE)


def check_new(name: str) -> None:
    """See that a list to be made has a name that stands on one line, wherever it is shown.

    Raises:
        CliError: it has not.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        mend = f"--list: write a name of at most {MAX_NAME} printable characters, on one line"
        raise CliError("usage", mend, Exit.USAGE)


def provenance_of(word: str) -> Provenance:
    """Read who vouches for a list.

    Raises:
        CliError: it is no such word.
    """
    try:
        return Provenance(word)
    except ValueError:
        words = ", ".join(Provenance)
        raise CliError("usage", f"--provenance: write one of {words}", Exit.USAGE) from None


def trusts_of(said: tuple[str, ...]) -> dict[str, Trust]:
    """Read how far categories are followed.

    Raises:
        CliError: it is not CATEGORY=WORD.
    """
    trusts = {}
    for one in said:
        category, _, word = one.rpartition("=")
        if not category or not category.isprintable() or word not in set(Trust):
            mend = (
                f"--trust: write CATEGORY=WORD, the word one of {', '.join(Trust)}; * is the rest"
            )
            raise CliError("usage", mend, Exit.USAGE)
        trusts[category] = Trust(word)
    return trusts


def known_of(found: ContentList | None) -> ContentList:
    """Return a list that was looked for.

    Raises:
        CliError: there is none.
    """
    if found is None:
        raise CliError("unknown_list", "--list: there is no such list; see hotline list status")
    return found


def strange_to(categories: Collection[str], said: tuple[str, ...]) -> list[str]:
    """Return the categories of which something was said, and of which a list has no entry."""
    if not categories:  # said before the first file, or a member's first word
        return []
    return [name for name in trusts_of(said) if name != ANY and name not in categories]


def version_of_word(said: str | None, otherwise: int) -> int:
    """Read a version of a list: a number, or a day as the number of its digits.

    Raises:
        CliError: it is neither; a day that the calendar does not have is a slip.
    """
    if said is None:
        return otherwise
    if _NUMBER.match(said):
        return int(said)
    try:
        if _DAY.match(said):
            return int(date.fromisoformat(said).strftime("%Y%m%d"))
    except ValueError:
        pass
    mend = "--version: write a number, or a day that there is, as 2026-11-29"
    raise CliError("usage", mend, Exit.USAGE)


def may_go_of(percent: int | None, *, full: bool) -> int | None:
    """Return how many percent of a list may go by a file; None: it is not the whole list.

    Raises:
        CliError: something may go, by a file that takes nothing away.
    """
    if percent is not None and not full:
        mend = "--allow-shrink: by a file that is not the whole list nothing goes; add --full"
        raise CliError("usage", mend, Exit.USAGE)
    return percent
