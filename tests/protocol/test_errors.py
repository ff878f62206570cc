"""What is said of a message that breaks the protocol."""

from __future__ import annotations

from protocol.errors import MalformedError


def test_a_malformed_message_is_told_by_field_and_mend() -> None:
    """Together for people; apart for who names the place in a larger message."""
    error = MalformedError("page.note", "must be of the channel that was asked for")
    assert str(error) == "page.note: must be of the channel that was asked for"
    assert (error.field, error.mend) == ("page.note", "must be of the channel that was asked for")
