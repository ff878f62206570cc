"""XML in the style of NCMEC's hash sharing API, version 2: images and videos, and those deleted.

Read are `md5`, `sha1`, `sha256` and `pdq` (with an attribute `quality`) of the fingerprints, the
classification, the timestamp, and the member with its id of the entry, which together name it.
`deletedImage` and `deletedVideo` take an entry back. A field counts as a child of the entry, a hash
also below `fingerprints`, and nowhere else: `feedback` names members too, those that looked at it.

A document with a DOCTYPE is refused before anything in it is believed: entities could name files,
or grow without end. Depth, texts and tokens are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from node.interchange.errors import WrongFileError
from node.interchange.lists.fields import (
    Fields,
    ListLine,
    RefusedError,
    entry,
    read,
    retraction,
    shown,
)
from node.matching.lists import Entry, Retraction

if TYPE_CHECKING:
    from typing import BinaryIO

NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
UNCLASSIFIED: Final = "unclassified"
"""The category of an entry that has no classification, as videos often have none."""
CHUNK_BYTES: Final = 1 << 16
MAX_DEPTH: Final = 16
MAX_TEXT: Final = 1024
MAX_TOKEN_BYTES: Final = 1 << 20
_ENTRIES: Final = {"image": False, "video": False, "deletedImage": True, "deletedVideo": True}
_HASHES: Final = frozenset({"md5", "sha1", "sha256", "pdq"})
_TEXTS: Final = frozenset({"timestamp", "id", "classification"}) | _HASHES
_FINGERPRINTS: Final = "fingerprints"
_AT: Final = 3
"""Depth at which entries stand: queryResult, images, image."""
_NAMES: Final = Fields(
    sha256="sha256",
    sha1="sha1",
    md5="md5",
    pdq="pdq",
    pdq_quality="pdq",
    category="classification",
    date="timestamp",
    external_id="id",
)


def read_entries(file: BinaryIO) -> Iterator[ListLine]:
    """Yield the entries of a document, open at its start.

    Raises:
        WrongFileError: it is not such a document, or is broken: what stands before was yielded.
    """
    reader, parser = _Reader(), expat.ParserCreate(namespace_separator=" ")
    reader.listen_to(parser)
    fed = 0
    while True:
        chunk = file.read(CHUNK_BYTES)
        try:
            parser.Parse(chunk, not chunk)
        except (expat.ExpatError, ValueError, LookupError):
            yield from reader.done()
            raise WrongFileError(f"entry {reader.number + 1}: {_BROKEN}") from None
        except WrongFileError:
            yield from reader.done()
            raise
        yield from reader.done()
        fed += len(chunk)
        if not chunk:
            return
        if fed - max(0, parser.CurrentByteIndex) > MAX_TOKEN_BYTES:
            raise WrongFileError(f"entry {reader.number + 1}: a tag or text never ends")


_BROKEN: Final = "is not XML that can be read; what stands before it was taken"


class _Reader:
    """What has been read of a document so far."""

    def __init__(self) -> None:
        self.number = 0
        self._done: list[ListLine] = []
        self._depth = 0
        self._deleted: bool | None = None
        self._fields: dict[str, str] = {}
        self._twice: str | None = None
        self._within: str | None = None
        self._text: list[str] | None = None
        self._text_depth = 0
        self._length = 0

    def listen_to(self, parser: expat.XMLParserType) -> None:
        """Be told of what the parser meets."""
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._chars

    def done(self) -> Iterator[ListLine]:
        """Hand over what is complete."""
        done, self._done = self._done, []
        yield from done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        tag = name.rpartition(" ")[2]
        if self._depth > MAX_DEPTH:
            raise WrongFileError(f"entry {self.number + 1}: is nested too deeply")
        if self._depth == 1 and tag != "queryResult":
            raise WrongFileError("document: must be a queryResult of NCMEC's hash sharing")
        if self._depth == _AT and tag in _ENTRIES:
            self.number += 1
            self._deleted, self._fields, self._twice = _ENTRIES[tag], {}, None
        if self._deleted is None or not self._may_count(tag):
            return
        if tag == "member":
            self._note("member", attributes.get("id", ""))
        elif tag in _TEXTS:
            self._text, self._text_depth, self._length = [], self._depth, 0
            if tag == "pdq" and "quality" in attributes:
                self._note("quality", attributes["quality"])

    def _may_count(self, tag: str) -> bool:
        """Whether an element that begins stands where fields of the entry do."""
        if self._depth == _AT + 1:
            self._within = tag
            return True
        return self._depth == _AT + 2 and self._within == _FINGERPRINTS and tag in _HASHES

    def _chars(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length <= MAX_TEXT:
                self._text.append(text)

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        if self._text is not None and self._depth == self._text_depth:
            text = "".join(self._text).strip() if self._length <= MAX_TEXT else "\0"
            self._note(tag, text)
            self._text = None
        if self._depth == _AT and self._deleted is not None:
            self._done.append(read(self.number, self._make))
            self._deleted = None
        self._depth -= 1

    def _note(self, field: str, value: str) -> None:
        if field in self._fields:
            self._twice = field
        self._fields[field] = value

    def _make(self) -> Entry | Retraction:
        if self._twice is not None:
            raise RefusedError("invalid_value", self._twice, "must stand once")
        found, own = self._fields, self._fields.get("id")
        if not own or not found.get("member"):
            raise RefusedError("missing", "id", "member and id name an entry; write both")
        fields = Fields(
            sha256=found.get("sha256"),
            sha1=found.get("sha1"),
            md5=found.get("md5"),
            pdq=found.get("pdq"),
            pdq_quality=found.get("quality"),
            category=found.get("classification") or UNCLASSIFIED,
            date=found.get("timestamp"),
            external_id=f"{_one_word(found['member'])}/{own}",
        )
        return retraction(fields, _NAMES) if self._deleted else entry(fields, _NAMES)


def _one_word(member: str) -> str:
    """A member's id without a slash: else `a/b` with id `c` and `a` with id `b/c` were one name."""
    return member.replace("%", "%25").replace("/", "%2F")


def _refuse(*_: object) -> int:
    raise WrongFileError("document: has a DOCTYPE, which is refused; take it out")


def write_entries(
    entries: Iterator[Entry], retractions: Iterator[tuple[int, str, int]], member: str
) -> Iterator[bytes]:
    """Write entries, all as images, and then what was taken back.

    `member` is who gives entries that have no member and id of their own.
    """
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<queryResult xmlns="{NAMESPACE}"><images>\n'.encode()
    for number, one in enumerate(entries, start=1):
        yield _shown(one, member, number).encode()
    for _, name, at_ms in retractions:
        told = f"<timestamp>{shown(at_ms)}</timestamp>"
        yield f"<deletedImage>{_named(name, member)}{told}</deletedImage>\n".encode()
    yield b"</images></queryResult>\n"


def _named(name: str, member: str) -> str:
    author, slash, own = name.partition("/")
    if not slash:
        author, own = member, name
    author = author.replace("%2F", "/").replace("%25", "%") if slash else author
    quoted = escape(author, {'"': "&quot;"})
    return f'<member id="{quoted}"/><id>{escape(own)}</id>'


def _shown(one: Entry, member: str, number: int) -> str:
    content = one.content
    prints = "".join(
        f"<{tag}>{digest.hex()}</{tag}>"
        for tag, digest in (("md5", content.md5), ("sha1", content.sha1))
        if digest is not None
    )
    if content.sha256 is not None:
        prints += f"<sha256>{content.sha256.hex()}</sha256>"
    if content.pdq is not None:
        prints += f'<pdq quality="{content.pdq_quality}">{content.pdq.hex()}</pdq>'
    strongest = content.sha256 or content.sha1 or content.md5 or content.pdq
    own = one.external_id or (strongest.hex() if strongest is not None else str(number))
    when = "" if one.dated_ms is None else f"<timestamp>{shown(one.dated_ms)}</timestamp>"
    classed = (
        ""
        if one.category == UNCLASSIFIED
        else f"<classification>{escape(one.category)}</classification>"
    )
    return (
        f"<image>{_named(own, member)}{when}{classed}"
        f"<fingerprints>{prints}</fingerprints></image>\n"
    )
