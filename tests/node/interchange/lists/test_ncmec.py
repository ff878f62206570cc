"""NCMEC's XML as its hash sharing really gives it: which elements are fields of an entry."""

from __future__ import annotations

import io

import pytest

from node.interchange.lists import ncmec
from node.matching.lists import Entry, Retraction
from protocol.facts import Content

MD5 = "a1" * 16
FEEDBACK = (
    '<feedback lastUpdateTimestamp="2023-06-01T12:48:14Z"><affirmativeFeedback type="Md5">'
    '<members timestamp="2023-06-01T12:48:14Z"><member id="7">Other</member></members>'
    "</affirmativeFeedback></feedback>"
)
OURS = '<member id="42">Example</member><id>image1</id><classification>A1</classification>'
PRINTS = f"<fingerprints><md5>{MD5}</md5></fingerprints>"


def read(entry: str) -> list[object]:
    """Return what stands in a document of these entries."""
    raw = f'<queryResult xmlns="{ncmec.NAMESPACE}"><images>{entry}</images></queryResult>'
    return [line.what for line in ncmec.read_entries(io.BytesIO(raw.encode()))]


@pytest.mark.parametrize("parts", [(OURS, PRINTS, FEEDBACK), (FEEDBACK, OURS, PRINTS)])
def test_members_that_gave_feedback_do_not_give_the_entry(parts: tuple[str, ...]) -> None:
    """Nearly every entry of the real service has feedback: each was refused for a second member."""
    known = Entry(Content(md5=b"\xa1" * 16), "A1", None, "42/image1")
    assert read(f"<image>{''.join(parts)}</image>") == [known]


@pytest.mark.parametrize("field", ["id", "md5", "classification", "timestamp"])
def test_attack_field_within_another_element_is_none_of_the_entry(field: str) -> None:
    """Neither does it count for the entry, nor as a second one."""
    inner = f"<feedback><why><{field}>{'b2' * 16}</{field}></why></feedback>"
    (found,) = read(f"<image>{OURS}{inner}{PRINTS}</image>")
    assert found == Entry(Content(md5=b"\xa1" * 16), "A1", None, "42/image1")


def test_entry_does_not_inherit_where_the_last_one_ended() -> None:
    """Else what follows a broken entry would be read in its fingerprints."""
    gone = '<deletedImage><member id="1"/><id>a</id><x><id>b</id></x></deletedImage>'
    (_, found) = read(f"<image>{OURS}{PRINTS}</image>{gone}")
    assert found == Retraction("1/a")
