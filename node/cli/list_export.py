"""`hotline list export`: a list is written into a file, and what does not fit is said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.cli.list_words import known_of
from node.cli.new_file import new_file
from node.cli.output import CliError, Result
from node.config import load
from node.interchange.errors import UnreadableFileError
from node.interchange.lists.files import has_place, takes, written
from node.setup.opening import open_keys, store_place
from node.store.beside import reading
from node.store.contents.list_tombstones import nameless_retracted, retractions_of
from node.store.contents.lists import entries_of, find_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from node.interchange.lists.files import ListFormat
    from node.matching.lists import Entry


def export_file(path: Path, file: Path, name: str, form: ListFormat, *, own_use: bool) -> Result:
    """Write a list into a new file, mode 0600.

    Raises:
        CliError: there is no such list, it may not be shared, or has categories that the format
            has no word for.
        UnreadableFileError: the file is there already, or cannot be written.
        ConfigError, KeysError, StoreError: the store cannot be opened.
    """
    config = load(path)
    place, key = store_place(config), open_keys(config).database_key
    with reading(place, key) as store, store.as_of_now():
        known = known_of(store.read(find_list, name))
        if not known.terms.may_share and not own_use:
            mend = "--own-use: the terms of this list let nobody else have it; set it if it stays"
            raise CliError("list_not_shared", mend)
        if not takes(form, known.entries):
            mend = "--format: icse knows baseline and not_baseline alone, this list has others"
            raise CliError("usage", f"{mend}; write csv, ncmec or vics-2.0", Exit.USAGE)
        placed: Counter[bool] = Counter()
        entries = _placed(form, (entry for _, entry in store.read(entries_of, name)), placed)
        gone = store.read(retractions_of, name)
        count = _write(file, written(form, entries, gone, config.member.id))
        unsaid = sum(1 for _ in gone)
        nameless = store.read(nameless_retracted, name)
    data = {"list": name, "file": str(file), "bytes": count, "entries": placed[True]}
    data |= {"left_out": placed[False], "retractions_left_out": unsaid + nameless}
    text = f"wrote {file}: version {known.version}, {placed[True]} entries"
    if placed[False]:
        text += f"\nleft out: {placed[False]} entries with neither MD5 nor SHA-1, as {form} needs"
    if unsaid:
        text += f"\nleft out: {unsaid} retractions, for which {form} has no place"
    if nameless:
        text += f"\nleft out: {nameless} retractions of entries without an id: hashes are not kept"
    if unsaid or nameless:
        text += "\nwho has an earlier copy keeps those entries, unless import --full takes this one"
    return Result(data, text, Exit.PROBLEM if placed[False] else Exit.OK)


def _placed(form: ListFormat, entries: Iterator[Entry], placed: Counter[bool]) -> Iterator[Entry]:
    """Yield the entries that a format has a place for, and count all of them."""
    for one in entries:
        fits = has_place(form, one)
        placed[fits] += 1
        if fits:
            yield one


def _write(file: Path, pieces: Iterator[bytes]) -> int:
    count = 0
    try:
        with new_file(file) as out:
            for piece in pieces:
                count += out.write(piece)
    except FileExistsError:
        mend = "stands already and is never overwritten; name another"
        raise UnreadableFileError(f"file: {mend}") from None
    except OSError as error:
        raise UnreadableFileError(f"file: cannot be written ({error.strerror})") from None
    return count
