"""Whether a node answers at the local listener, or something else that stands there."""

from __future__ import annotations

import pytest

from node.cli.looking import Running, read_running


def test_a_node_says_what_it_still_needs() -> None:
    """And how far an upgrade of its store is."""
    raw = b'{"ready": false, "missing": ["store"], "step": {"name": "copy", "done": 3, "of": 12}}'
    upgrades = "step 1 of 7, copies the database as it was: 25 %"
    assert read_running(raw) == Running(answers=True, missing=("store",), upgrades=upgrades)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[]", b"7", b"null", b"{}", b'{"missing": 7}', b"[" * 5000]
)
def test_what_else_answers_there_is_no_node(raw: bytes) -> None:
    """Another program has the port: a verb that looks for the node goes on without it."""
    assert read_running(raw) == Running(answers=False)
