"""VICS as real files are: repeated hashes, contradictions, numbers without an end."""

from __future__ import annotations

import io

import pytest

from node.interchange.errors import WrongFileError
from node.interchange.lines import Rejection
from node.interchange.lists import vics
from node.interchange.lists.json_stream import MAX_VALUE
from node.matching.lists import Entry
from protocol.facts import Content

CONTEXT = '{"@odata.context":"http://a.example/2.0.xml/Default/$metadata#Media","value":['
MD5 = "ab" * 16
GOOD = Entry(Content(md5=b"\xab" * 16), "1")


def read(*media: str) -> list[object]:
    """Return what stands in a document of these media."""
    raw = (CONTEXT + ",".join(media) + "]}").encode()
    return [line.what for line in vics.read_media(io.BytesIO(raw))]


def medium(**more: str) -> str:
    """Return a medium in JSON, with these members as they are written."""
    parts = {"Category": "1", "MD5": f'"{MD5}"', **more}
    return "{" + ",".join(f'"{name}":{value}' for name, value in parts.items()) + "}"


def sha256(*values: str) -> str:
    """Return alternative hashes in JSON."""
    one = '{{"HashName":"SHA256","HashValue":"{}"}}'
    return "[" + ",".join(one.format(value) for value in values) + "]"


@pytest.mark.parametrize("field", ["MediaSize", "Category", "DateUpdated"])
def test_attack_number_of_thousands_of_digits_costs_its_entry_alone(field: str) -> None:
    """It ended the whole file, at a place that somebody chose."""
    long, after = read(medium(**{field: "9" * 5000}), medium())
    assert after == GOOD
    assert isinstance(long, Rejection) or (field, long) == ("DateUpdated", GOOD)


def test_long_number_that_nobody_reads_costs_nothing() -> None:
    """Of a field that is passed over."""
    assert read(medium(MediaID="9" * 5000)) == [GOOD]


def test_attack_two_values_of_one_hash_are_refused() -> None:
    """Whichever was taken, the other file would be known by it, or not at all."""
    (found,) = read(medium(AlternativeHashes=sha256("cd" * 32, "ef" * 32)))
    assert isinstance(found, Rejection)
    assert (found.field, "cdcd" in found.reason) == ("AlternativeHashes", False)


def test_one_value_twice_is_one() -> None:
    """In whatever case; and an empty one is none."""
    (found,) = read(medium(AlternativeHashes=sha256("", "cd" * 32, "CD" * 32, "")))
    assert isinstance(found, Entry)
    assert found.content.sha256 == b"\xcd" * 32


def test_zeros_beside_a_good_hash_are_passed_over() -> None:
    """Some tools write them where they have no hash; the entry is known by the other."""
    (found,) = read(medium(SHA1=f'"{"cd" * 20}"', MD5=f'"{"0" * 32}"'))
    assert found == Entry(Content(sha1=b"\xcd" * 20), "1")


PLACES = ",".join(f'{{"FileName":"{n}.jpg","Spans":[{n}]}}' for n in range(40_000))
"""Of one file on a disk: more than is read of an entry."""


@pytest.mark.parametrize(
    "places", [f"[{PLACES}]", f'{{"here":[[{PLACES}]]}}'], ids=["as they are", "within others"]
)
def test_file_at_very_many_places_is_read_and_so_is_what_stands_behind_it(places: str) -> None:
    """Thumbnails are; such an entry ended the import, whatever came after it."""
    assert len(places) > MAX_VALUE
    assert read(medium(), medium(MediaFiles=places), medium(Category="2")) == [
        GOOD,
        GOOD,
        Entry(GOOD.content, "2"),
    ]


def test_what_a_document_says_of_itself_may_be_as_long() -> None:
    """Behind the media, too; nothing of it is read."""
    raw = f'{CONTEXT}{medium()}],"Log":[{PLACES}]}}'.encode()
    assert [line.what for line in vics.read_media(io.BytesIO(raw))] == [GOOD]


@pytest.mark.parametrize(
    "value",
    [
        f'"{"a" * (2 * MAX_VALUE)}"',
        "[" * 40 + PLACES + "]" * 40,
        f"[{PLACES}, oops, {PLACES}]",
        f"[{PLACES}",
    ],
    ids=["one text", "too deep", "broken", "never ends"],
)
def test_attack_what_is_passed_over_is_bounded_and_is_json(value: str) -> None:
    """The place is named; what stands before it was yielded."""
    raw = (CONTEXT + medium() + "," + medium(MediaFiles=value)).encode()
    lines = vics.read_media(io.BytesIO(raw + b" " * MAX_VALUE))
    assert next(lines).what == GOOD
    with pytest.raises(WrongFileError, match=r"^entry 2: "):
        list(lines)


def test_attack_hash_of_a_very_large_entry_is_bounded() -> None:
    """As of any other."""
    long = medium(MediaFiles=f"[{PLACES}]", MD5='"' + "a" * (2 * MAX_VALUE) + '"')
    with pytest.raises(WrongFileError, match=r"^entry 1: "):
        read(long)
