"""What a decision fails at is in the log, by class and place; what is refused is not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import structlog

from node.casework.casebook import Casebook, Needs
from node.casework.errors import UnknownItemError
from node.telemetry.counting import CountedCases
from node.telemetry.logs import configure
from node.telemetry.metrics import Metrics
from tests.simulation.world import World

SECRET = "https://canary.example/gallery/7"


def failing(_: Casebook) -> None:
    """Fail as no one foresaw."""
    raise KeyError(SECRET)


def refusing(_: Casebook) -> None:
    """Refuse what was asked for."""
    raise UnknownItemError


@pytest.mark.parametrize(
    ("decide", "told"), [(failing, ["decision_failed"]), (refusing, [])], ids=["fails", "refuses"]
)
async def test_what_a_decision_fails_at_is_logged_by_place(
    tmp_path: Path, decide: object, told: list[str]
) -> None:
    """Casework sets it aside and goes on: the log alone says where the fault is."""
    stream = io.StringIO()
    configure("info", "json", "nl-eokm", stream)
    world = World(tmp_path, seed=3)
    await world.start()
    cases = CountedCases(world["nl-eokm"].store.cases, Metrics())
    with pytest.raises((KeyError, UnknownItemError)):
        await cases.transact(Needs(), world.now, decide)  # type: ignore[arg-type]
    await world.close()
    structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == told
    assert [line["error_type"] for line in lines] == ["KeyError"] * len(told)
    assert "canary" not in stream.getvalue()
