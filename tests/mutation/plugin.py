"""What makes the tests quick and repeatable while each of thousands of mutants is run against them.

Hypothesis looks for no smaller example: that one test fails is all that is asked. It makes the same
examples every time, so that a mutant that lives lives again.
"""

from __future__ import annotations

import os
import tempfile
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

LAST: Final = "tests/protocol/test_channel.py"
"""Whole schedules of a channel take seconds; most mutants fall to a test of milliseconds."""

settings.register_profile(
    "mutation",
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
    # One process collects the tests, then runs some of them over and over.
    suppress_health_check=(HealthCheck.differing_executors, HealthCheck.too_slow),
)
settings.load_profile("mutation")

# A process that a mutant keeps from ending well leaves its files: on disk, not in memory.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests behind all others."""
    items.sort(key=lambda item: (item.nodeid.startswith(LAST), "hypothesis" in item.keywords))
