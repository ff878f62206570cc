"""`hotline list import | export | status | set | retract`: lists of known content."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from node.cli.exits import Exit
from node.cli.list_import import BATCH, BATCH_BESIDE, PAUSE_BESIDE_S, Counts, Into, take_file
from node.cli.list_words import (
    check_name,
    check_new,
    check_ours,
    known_of,
    provenance_of,
    strange_to,
    trusts_of,
    version_of_word,
)
from node.cli.looking import probe
from node.cli.output import CliError, Progress, Result, table
from node.config import load
from node.interchange.lists.fields import Fields, RefusedError, content_of, shown
from node.interchange.lists.files import ListRejects, open_list
from node.interchange.rejects import free_path
from node.matching.fingerprints import Fingerprints
from node.matching.lists import ANY, QUORUM, Provenance, Retraction, Settled, Terms, Trust
from node.setup.opening import open_keys, store_place
from node.store.beside import reading, writing
from node.store.contents.list_taking import take_in
from node.store.contents.lists import (
    ContentList,
    all_lists,
    change_terms,
    find_list,
    of_one_file,
    retracted,
    version_of,
)
from node.store.contents.newcomers import unmatched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.config import Config
    from node.interchange.lists.files import ListFormat
    from node.store.beside import Beside

_FOLLOWED: Final = frozenset(Trust) - {Trust.NONE}
_NAMES: Final = Fields("--sha256", "--sha1", "--md5", "", "", "", "", "", "--id")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says of a list; None and an empty `trust` leave it as it is."""

    name: str
    provenance: str | None = None
    license: str | None = None
    may_use: bool | None = None
    may_share: bool | None = None
    trusts_weak: bool | None = None
    trust: tuple[str, ...] = ()


def import_file(
    path: Path,
    file: Path,
    wish: Wish,
    form: ListFormat | None,
    version: str | None,
    may_go: int | None = None,
) -> Result:
    """Take a file into a list, which is made if it is new.

    `may_go`: the file is the whole list, and so many percent of what stood before may go by it.

    Raises:
        InterchangeError: the file cannot be read; what stands before the place was taken.
        CliError: what was said of the list is wrong, or too little.
        ConfigError, KeysError, StoreError: the store cannot be opened or written.
    """
    check_ours(wish.name)
    config = load(path)
    with opened_store(config) as (store, fingerprints), open_list(file, form) as opened:
        _terms(store, wish)
        last = store.read(version_of, wish.name, opened.sha256)
        beside = probe(config).answers
        into = Into(
            store,
            fingerprints,
            wish.name,
            version_of_word(version, last or int(f"{datetime.now(UTC):%Y%m%d}")),
            _now_ms,
            BATCH_BESIDE if beside else BATCH,
            (lambda: time.sleep(PAUSE_BESIDE_S)) if beside else (lambda: None),
            may_go,
        )
        rejects = ListRejects(free_path(file, "ndjson"))
        progress = Progress(opened.size, time.monotonic)
        try:
            counts = take_file(into, opened, rejects, progress.show)
        finally:
            progress.end()
            rejects.close()
        known = known_of(store.read(find_list, wish.name))
    return _imported(known, into.version, counts, (rejects.path, _earlier(file, counts, rejects)))


def _earlier(file: Path, counts: Counts, rejects: ListRejects) -> Path | None:
    """What a run that began with the file refused, which nobody may have been told."""
    first = file.with_name(f"{file.name}.rejects.ndjson")
    return first if counts.before and first != rejects.path else None


def _imported(
    known: ContentList, version: int, counts: Counts, rejects: tuple[Path, Path | None]
) -> Result:
    name = known.terms.name
    here, earlier = rejects
    settled = {str(what): counts.settled[what] for what in Settled if counts.settled[what]}
    data = {
        "list": name,
        "version": version,
        "entries": counts.before + counts.entries,
        "taken_before": counts.before,
        "settled": settled,
        "taken_back": counts.gone,
        "rejected": counts.rejected,
        "partly": counts.partly,
        "pdq_alone": counts.pdq_alone,
        "pdq_left_out": counts.unrated,
        "rejects_file": str(here) if counts.rejected or counts.partly else None,
        "rejects_before": None if earlier is None else str(earlier),
        "not_followed": _not_followed(known),
        "told_to_members": _told_to_members(known),
    }
    told = ", ".join(f"{what} {count}" for what, count in settled.items()) or "nothing new"
    text = f"{name}, version {version}: {told}, rejected {counts.rejected}"
    if counts.gone:
        text += f"\n{counts.gone} entries that it does not name were taken back"
    if counts.before:
        text += f"; {counts.before} entries had been taken before"
    if counts.rejected:
        text += f"\nrejected entries: {here}; mend them where they came from"
    if counts.partly:
        text += f"\ntaken without a date that cannot be read: {counts.partly}; see {here}"
    if counts.pdq_alone:
        text += f"\n{counts.pdq_alone} entries have nothing but a PDQ hash: they only suggest"
    if counts.unrated:
        text += f"\n{counts.unrated} entries were taken without their PDQ hash: no quality is told"
    if earlier is not None:
        text += f"\nrejected by an earlier run: {earlier}; mend them, and take that file away"
    if data["not_followed"]:
        text += f"\nnot followed: {', '.join(_not_followed(known))}; say so with --trust, as set"
    text += _warning(known)
    return Result(
        data, text, Exit.PROBLEM if counts.rejected or counts.partly or earlier else Exit.OK
    )


def status(path: Path) -> Result:
    """Show every list: its terms, versions, categories and how far each is followed.

    Raises:
        ConfigError, KeysError, StoreError: the store cannot be opened.
    """
    config = load(path)
    with reading(store_place(config), open_keys(config).database_key) as store:
        lists = [(one, store.read(retracted, one.terms.name)) for one in store.read(all_lists)]
        waits, copies = store.read(unmatched), store.read(of_one_file)
    data = [
        _shown(one, *back)
        | {"to_match": waits.get(one.terms.name, 0), "same_file_as": _beside(one, copies)}
        for one, back in lists
    ]
    rows = [
        (
            one["name"],
            one["provenance"],
            one["version"],
            one["entries"],
            one["retracted"],
            ", ".join(f"{category}={trust}" for category, trust in one["trust"].items()) or "-",
            _under_way(one),
        )
        for one in data
    ]
    headings = ("list", "provenance", "version", "entries", "keys retracted", "trust", "")
    return Result({"lists": data}, table(headings, rows) if rows else "no list")


def _beside(one: ContentList, copies: list[tuple[str, ...]]) -> list[str]:
    """Return the other lists that a file of this one was taken into: they are no second source."""
    name = one.terms.name
    return sorted({other for names in copies if name in names for other in names} - {name})


def _under_way(one: dict[str, Any]) -> str:
    waits = f"{one['to_match']} entries to be matched with items here" if one["to_match"] else ""
    same = ", ".join(one["same_file_as"])
    twice = f"warning: the same file as {same}, and no second source" if same else ""
    begun = "unfinished import" if one["unfinished"] else ""
    return "; ".join(filter(None, [begun, waits, twice]))


def set_terms(path: Path, wish: Wish) -> Result:
    """Make a list, or change its terms.

    Raises:
        CliError: what was said is wrong, or too little.
        ConfigError, KeysError, StoreError: the store cannot be opened or written.
    """
    with opened_store(load(path)) as (store, _):
        _terms(store, wish)
        known = known_of(store.read(find_list, wish.name))
        shown = _shown(known, *store.read(retracted, wish.name))
    strange = strange_to(known.entries, wish.trust)
    mend = f"\nwarning: no entry has {', '.join(strange)}; it has {', '.join(known.entries)}"
    text = f"{wish.name}: kept{mend if strange else ''}{_warning(known)}"
    return Result(shown | {"not_in_list": strange}, text)


def retract(path: Path, name: str, fields: Fields, version: str | None) -> Result:
    """Take entries of a list back, by the author's id or by hashes.

    Raises:
        CliError: there is no such list, or nothing is named.
        ConfigError, KeysError, StoreError: the store cannot be opened or written.
    """
    check_ours(name)
    try:
        content = content_of(fields, _NAMES)
    except RefusedError as refused:
        raise CliError("usage", f"{refused.rejection.field}: {refused}", Exit.USAGE) from None
    external_id = fields.external_id
    if content is None and external_id is None:
        raise CliError("usage", "--id: name an entry by its id or by a hash", Exit.USAGE)
    one = Retraction(None if external_id is None else str(external_id), content)
    with opened_store(load(path)) as (store, fingerprints):
        known = known_of(store.read(find_list, name))
        said = version_of_word(version, known.version)
        before = sum(known.entries.values())
        (what,) = store.write(take_in, fingerprints, name, said, [one], _now_ms())
        after = known_of(store.read(find_list, name))
    gone = before - sum(after.entries.values())
    data = {"list": name, "version": said, "settled": str(what), "entries": gone}
    text = f"{what}: {gone} entries are gone; only a version after {said} lists them again"
    return Result(data, text, Exit.OK if what is not Settled.OLDER else Exit.PROBLEM)


def _shown(one: ContentList, count: int, unfinished: bool) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(one.terms),
        "version": one.version,
        "changed": shown(one.changed_ms),
        "entries": sum(one.entries.values()),
        "categories": one.entries,
        "trust": one.trusts,
        "not_followed": _not_followed(one),
        "told_to_members": _told_to_members(one),
        "retracted": count,
        "unfinished": unfinished,
    }


def _not_followed(one: ContentList) -> list[str]:
    rest = one.trusts.get(ANY)
    return [name for name in one.entries if one.trusts.get(name, rest) is None]


def _told_to_members(one: ContentList) -> list[str]:
    """Return the categories whose verdicts other members hear, though the list is not shared."""
    terms = one.terms
    of_a_member = terms.provenance is Provenance.MEMBER  # told by its author, in its name
    if of_a_member or terms.may_share or not terms.may_use:
        return []
    return [name for name, trust in one.trusts.items() if trust in QUORUM]


def _warning(one: ContentList) -> str:
    told = ", ".join(_told_to_members(one))
    if not told:
        return ""
    return (
        f"\nwarning: {told}: auto, of a list that may not be shared. Other members hear the verdict"
        " as yours, not whose list it is, and may answer hosting companies from it; HashCheck here"
        " does not. If its terms forbid that, --trust CATEGORY=suggestion asks a person"
    )


@contextmanager
def opened_store(config: Config) -> Iterator[tuple[Beside, Fingerprints]]:
    """Open the store of a configuration for writing, beside a node or while none runs.

    Raises:
        KeysError, StoreError: it cannot be opened.
    """
    keys = open_keys(config)
    with writing(store_place(config), keys.database_key) as store:
        yield store, Fingerprints(keys.fingerprint_secret)


def _terms(store: Beside, wish: Wish) -> None:
    """Keep what was said of a list."""
    trusts = trusts_of(wish.trust)
    said = {
        name: value
        for name in ("license", "may_use", "may_share", "trusts_weak")
        if (value := getattr(wish, name)) is not None
    }
    if wish.provenance is not None:
        said["provenance"] = provenance_of(wish.provenance)
        check_name(wish.name, wish.provenance)

    def change(known: Terms | None) -> Terms | None:
        if known is not None:
            terms = msgspec.structs.replace(known, **said)
            return None if terms == known and not trusts else terms
        if "provenance" not in said:
            mend = f"--provenance: a new list needs it, one of {', '.join(Provenance)}"
            raise CliError("usage", mend, Exit.USAGE)
        check_new(wish.name)
        return Terms(wish.name, **said)

    store.write(change_terms, wish.name, change, trusts, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
