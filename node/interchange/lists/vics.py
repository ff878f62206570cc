"""VICS (Project VIC) 2.0 and 1.3: an OData document of media, or of cases with media.

Read from `Media` are MD5, SHA1, MediaSize, Category, DateUpdated, and of AlternativeHashes SHA-256
and PDQ with its quality. The public readers of the format were the source; the specification is
shared under agreement only. MediaID is not taken: it is a number within one file. An entry without
a category is refused, since such a file lists what nobody has decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from node.interchange.errors import WrongFileError
from node.interchange.lists.fields import Fields, ListLine, RefusedError, entry, read, shown
from node.interchange.lists.json_stream import JsonStream
from node.matching.lists import Entry

if TYPE_CHECKING:
    from typing import BinaryIO

Version = Literal["2.0", "1.3"]

_CONTEXT: Final = re.compile(r"/(?P<version>1\.[23]|2\.0)\.xml(?:/[^#]*)?#(?P<set>Media|Cases)\Z")
_CONTEXTS: Final = {
    "2.0": (
        "@odata.context",
        "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media",
    ),
    "1.3": ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"),
}
_NAMES: Final = Fields(
    sha256="AlternativeHashes",
    sha1="SHA1",
    md5="MD5",
    length="MediaSize",
    pdq="AlternativeHashes",
    pdq_quality="AlternativeHashes",
    category="Category",
    date="DateUpdated",
)
_READ: Final = frozenset(str(name) for name in _NAMES if name)
"""A file that lies at thousands of places has as many `MediaFiles`, which are passed over."""
_OTHERS: Final = {"sha256": "sha256", "pdq": "pdq", "pdqquality": "pdq_quality"}
_MAX_OTHERS: Final = 32
_json: Final = msgspec.json.Encoder().encode


def read_media(file: BinaryIO, version: Version | None = None) -> Iterator[ListLine]:
    """Yield the media of a document, open at its start; any version that is read if None is given.

    Raises:
        WrongFileError: it is not such a document, or is broken: what stands before was yielded.
    """
    stream = JsonStream(file)
    context: object = None
    found = False
    for key in stream.members():
        if key in ("@odata.context", "odata.metadata"):
            context = stream.value()
        elif key == "value" and not found:
            found = True
            yield from _sets(stream, _kind(context, version))
        else:
            stream.skip()
    stream.end()
    if not found:
        raise WrongFileError("value: is missing; the file holds no media")


def _kind(context: object, version: Version | None) -> str:
    match = _CONTEXT.search(context) if isinstance(context, str) else None
    if match is None:
        raise WrongFileError(
            "@odata.context: must come before value and name VICS 2.0 or 1.3, #Media or #Cases"
        )
    if version is not None and match["version"][0] != version[0]:
        raise WrongFileError(f"@odata.context: the file is not of VICS {version}")
    return match["set"]


def _sets(stream: JsonStream, kind: str) -> Iterator[ListLine]:
    if kind == "Media":
        yield from _media(stream, 0)
        return
    number = 0
    for _ in stream.elements():
        for key in stream.members():
            if key == "Media" and stream.peek() == "[":
                for line in _media(stream, number):
                    number = line.number
                    yield line
            else:
                stream.skip()


def _media(stream: JsonStream, number: int) -> Iterator[ListLine]:
    for _ in stream.elements():
        number += 1
        stream.where = f"entry {number}"
        media = stream.some(_READ)
        yield read(number, lambda: _entry(media))  # noqa: B023 - called at once


def _entry(media: object) -> Entry:
    if not isinstance(media, dict):
        raise RefusedError("invalid_value", None, "must be an object")
    fields = Fields(
        sha1=media.get("SHA1"),
        md5=media.get("MD5"),
        length=media.get("MediaSize"),
        category=media.get("Category"),
        date=media.get("DateUpdated"),
    )
    return entry(fields._replace(**_others(media.get("AlternativeHashes"))), _NAMES)


def _others(raw: object) -> dict[str, Any]:
    """Read hashes that the format has no field of its own for.

    Raises:
        RefusedError: it gives two values of one hash.
    """
    found: dict[str, Any] = {}
    for one in raw[:_MAX_OTHERS] if isinstance(raw, list) else ():
        name = one.get("HashName") if isinstance(one, dict) else None
        plain = name.lower().replace("-", "").replace("_", "") if isinstance(name, str) else ""
        value = one.get("HashValue") if plain in _OTHERS else None
        if value is None or value == "":
            continue
        known = found.setdefault(_OTHERS[plain], value)
        if str(known).lower() != str(value).lower():
            mend = "gives two values of one hash; leave the right one"
            raise RefusedError("invalid_value", "AlternativeHashes", mend)
    return found


def write_media(entries: Iterator[Entry], version: Version) -> Iterator[bytes]:
    """Write entries as media; what was taken back cannot be said in this format."""
    name, context = _CONTEXTS[version]
    yield b"{" + _json(name) + b":" + _json(context) + b',"value":['
    for number, one in enumerate(entries, start=1):
        yield (b",\n" if number > 1 else b"\n") + _json(_shown(number, one))
    yield b"\n]}\n"


def _shown(number: int, one: Entry) -> dict[str, object]:
    content = one.content
    others = (
        ("SHA256", content.sha256),
        ("PDQ", content.pdq),
        ("PDQ-Quality", content.pdq_quality),
    )
    category = int(one.category) if re.fullmatch("-?[0-9]{1,3}", one.category) else one.category
    media = {
        "MediaID": number,
        "Category": category,
        "MD5": None if content.md5 is None else content.md5.hex().upper(),
        "SHA1": None if content.sha1 is None else content.sha1.hex().upper(),
        "MediaSize": content.length,
        "DateUpdated": shown(one.dated_ms),
        "AlternativeHashes": [
            {
                "HashName": name,
                "HashValue": str(value) if isinstance(value, int) else value.hex().upper(),
            }
            for name, value in others
            if value is not None
        ],
    }
    return {key: value for key, value in media.items() if value not in (None, [])}
