"""VICS as real files are: repeated hashes, contradictions, numbers without an end."""

from __future__ import annotations

import io

import pytest

from node.interchange.lines import Rejection
from node.interchange.lists import vics
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
