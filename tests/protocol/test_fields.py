"""§3: names that travel."""

from __future__ import annotations

import pytest

from protocol.fields import is_member, is_subject_id

ULID = "01HQ3ZQX8W4R5T6Y7V8A9BCDEF"


@pytest.mark.parametrize("text", ["gb-iwf", "nl-eokm", "umbrella", "de-a1", "gb-" + "x" * 16])
def test_3_1_member_ids_are_short_and_lower_case(text: str) -> None:
    """Country and name, or a name alone."""
    assert is_member(text)
    assert is_subject_id(f"{text}.{ULID}")


@pytest.mark.parametrize(
    "text",
    ["", "gb-", "-iwf", "GB-IWF", "gb_iwf", "gb-iwf\n", "gb-iwf-uk", "gb-i", "gb-" + "x" * 17,
     "gb-\u0456wf", "gb/iwf", "gb-iwf "],
)  # fmt: skip
def test_3_1_other_texts_are_no_member_ids(text: str) -> None:
    """Not even with a newline behind, or a letter that only looks alike."""
    assert not is_member(text)
    assert not is_subject_id(f"{text}.{ULID}")


@pytest.mark.parametrize(
    "text",
    ["gb-iwf", "gb-iwf.", f"gb-iwf.{ULID}\n", f"gb-iwf.{ULID.lower()}", f"gb-iwf.{ULID[:-1]}",
     f"gb-iwf.8{ULID[1:]}", f"gb-iwf.{ULID[:-1]}I", f"gb-iwf.{ULID}.{ULID}"],
)  # fmt: skip
def test_3_3_ids_are_a_member_and_a_ulid(text: str) -> None:
    """In Crockford's letters, upper case, within 128 bits."""
    assert not is_subject_id(text)
