"""Log lines hold ids, codes and numbers, whatever they were given."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from node.telemetry.fields import FIELDS, keep_known
from node.telemetry.logs import configure, log_loop_error, logger

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "https://canary.example/gallery/7?token=x"
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
FORMS_OF_CANARY = (
    CANARY,
    "canary.example",
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode(),
    base64.urlsafe_b64encode(CANARY.encode()).decode(),
    base64.b32encode(CANARY.encode()).decode().lower(),
    CANARY.encode().hex(),
    hashlib.sha256(CANARY.encode()).hexdigest(),
    hashlib.md5(CANARY.encode(), usedforsecurity=False).hexdigest(),
    "analyst@hotline.example",
    "192.0.2.17",
    "2001:db8::1",
)


class KeyedError(Exception):
    """One of ours, with a wire code."""

    code = "wrong_start"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was: configuration is per process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def written() -> io.StringIO:
    """Give the stream that log lines go to, as JSON at level info."""
    stream = io.StringIO()
    configure("info", "json", "gb-iwf", stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read the lines back."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_known_fields_are_written(written: io.StringIO) -> None:
    """A line carries its time, level, member, event and fields."""
    logger().info("push_sent", peer="nl-eokm", lane="reports", count=12, item=f"gb-iwf.{ULID}")
    (line,) = lines(written)
    assert line["event"] == "push_sent"
    assert line["item"] == f"gb-iwf.{ULID}"
    assert (line["member"], line["level"], line["count"]) == ("gb-iwf", "info", 12)
    assert "dropped" not in line


def test_lines_below_the_level_are_not_written(written: io.StringIO) -> None:
    """`log_level` is the least severe line."""
    logger().debug("chatter")
    assert lines(written) == []


@pytest.mark.parametrize("canary", FORMS_OF_CANARY)
@pytest.mark.parametrize("field", sorted(FIELDS))
def test_no_field_takes_an_address_or_a_hash(field: str, canary: str) -> None:
    """Whatever form the canary comes in, no field of the table lets it through."""
    assert canary not in str(keep_known({field: canary}))


def test_unknown_field_is_dropped_and_counted(written: io.StringIO) -> None:
    """A new field needs a line in the table; until then the log says that something is missing."""
    logger().info("item_located", url=CANARY, host="canary.example")
    (line,) = lines(written)
    assert line["dropped"] == 2
    assert "canary" not in written.getvalue()


def test_event_with_text_in_it_is_unnamed(written: io.StringIO) -> None:
    """An f-string as event name does not get through."""
    logger().info(f"could not fetch {CANARY}")
    (line,) = lines(written)
    assert line["event"] == "unnamed"


def test_error_is_told_by_class_code_and_place(written: io.StringIO) -> None:
    """The text of an exception stays out; where it came from does not."""
    logger().error("delivery_failed", exc_info=KeyedError(CANARY))
    (line,) = lines(written)
    assert (line["error_type"], line["code"]) == ("KeyedError", "wrong_start")
    assert "canary" not in written.getvalue()


def test_places_of_our_modules_are_named(written: io.StringIO) -> None:
    """The trace lists module and line for each frame of ours."""
    with pytest.raises(KeyError) as caught:
        configure("loud", "json", "gb-iwf")
    logger().error("failed", exc_info=caught.value)
    (line,) = lines(written)
    assert line["trace"][0].startswith("node.telemetry.logs:")


def test_library_text_is_not_written(written: io.StringIO) -> None:
    """A library that logs the request's address tells only that it spoke."""
    logging.getLogger("aiohttp.server").error("Error handling request %s", CANARY)
    logging.getLogger("some.other").warning(CANARY)
    first, second = lines(written)
    assert (first["event"], first["logger"]) == ("library_message", "aiohttp.server")
    assert second["dropped"] == 1
    assert "canary" not in written.getvalue()


def test_loop_errors_are_told_without_text(written: io.StringIO) -> None:
    """What a forgotten task raised is logged by class."""
    context = {"message": CANARY, "exception": ValueError(CANARY)}
    log_loop_error(None, context)  # type: ignore[arg-type]
    (line,) = lines(written)
    assert line["error_type"] == "ValueError"
    assert "canary" not in written.getvalue()


def test_console_form_keeps_the_rule() -> None:
    """The form for people passes the same table."""
    stream = io.StringIO()
    configure("info", "console", "gb-iwf", stream)
    logger().info("started", port=8441, url=CANARY)
    assert "port=8441" in stream.getvalue()
    assert "canary" not in stream.getvalue()


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(sorted(FIELDS)), st.text(max_size=20)),
        st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.binary(), st.none()),
        max_size=6,
    )
)
def test_what_is_kept_always_renders(values: dict[str, Any]) -> None:
    """Hostile values neither raise nor pass unchecked."""
    kept = keep_known(values)
    assert set(kept) <= {*FIELDS, "dropped"}
    json.dumps(kept)
