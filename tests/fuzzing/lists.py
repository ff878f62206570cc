"""Lists of known content in the formats of others: what reads them, and good inputs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from node.interchange.errors import InterchangeError
from node.interchange.lines import Rejection
from node.interchange.lists import ncmec, tables, vics
from node.interchange.lists.fields import ListLine
from node.interchange.lists.files import ListFormat, written
from node.matching.lists import Entry
from protocol.facts import Content
from tests.fuzzing.target import Target

ENTRIES = (
    Entry(Content(md5=b"\xab" * 16, sha1=b"\xcd" * 20, length=7), "1", 1_700_000_000_000, "42/a"),
    Entry(Content(sha256=b"\xef" * 32, pdq=b"\x5a" * 32, pdq_quality=90), "baseline"),
    Entry(Content(md5=b"\x12" * 16), "A1", None, "42/b"),
)
CASES = (
    b'\xef\xbb\xbf{"@odata.context":"http://a.example/2.0.xml/US/$metadata#Cases","value":[{"CaseID":'
    b'"c","TotalMediaFiles":9,"Media":[{"MediaID":1,"Category":2,"MD5":"' + b"aB" * 16 + b'",'
    b'"IsDistributed":"True","Exifs":[{"PropertyName":"Make","PropertyValue":"x"}],"MediaFiles":['
    b'{"FileName":"a.jpg","FilePath":"c:\\\\x"}]}]}]}'
)


def targets() -> Iterator[Target]:
    """Yield a target for each format."""
    readers: dict[ListFormat, Callable[[BinaryIO], Iterator[ListLine]]] = {
        "vics-2.0": vics.read_media,
        "vics-1.3": partial(vics.read_media, version="1.3"),
        "icse": tables.read_icse,
        "ncmec": ncmec.read_entries,
        "csv": tables.read_plain,
    }
    for form, read in readers.items():
        seeds = [seed(form)]
        if form == "vics-2.0":
            seeds.append(CASES)
        yield Target(f"list.{form}", partial(_read, read), (InterchangeError,), seeds)


def seed(form: ListFormat) -> bytes:
    """Return a good file."""
    gone = iter([(3, "42/gone", 1_700_000_000_000)])
    return b"".join(written(form, iter(ENTRIES), gone, "nl-eokm"))


def _read(read: Callable[[BinaryIO], Iterator[ListLine]], raw: bytes) -> int:
    """Read all of it; a refusal names a field and a mend, in words of our own."""
    count = 0
    for line in read(io.BytesIO(raw)):
        count += 1
        if isinstance(line.what, Rejection):
            assert line.what.reason.isascii()
            assert line.what.field is None or line.what.field.isascii()
    return count
