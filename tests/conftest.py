"""What every test may lean on. Kept tiny: a fixture used by one package lives with that package."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

from tests.builders.memory import disks
from tests.builders.postgres import Cluster, find_postgres, running_cluster
from tests.builders.softhsm import SoftHsm, find_softhsm

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

if settings.get_current_profile_name() == "default":
    # How long an example takes says how busy the machine is.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Keep what tests write in memory, unless whoever runs them names a place."""
    if (memory := disks()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage only in what tests make.

    What is collected stays to the end: many thousand objects, looked through again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Give the root of the checkout, where docs, examples and the three packages stand."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def part_missing() -> Callable[[str, str], NoReturn]:
    """Give `part_missing(part, mend)`: a person's test run skips, a run with CI=1 fails."""

    def give_up(part: str, mend: str) -> NoReturn:
        message = f"needs {part}: {mend}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)

    return give_up


@pytest.fixture(scope="session")
def softhsm(
    tmp_path_factory: pytest.TempPathFactory, part_missing: Callable[[str, str], NoReturn]
) -> SoftHsm:
    """Give the software token of this test run."""
    found = find_softhsm(tmp_path_factory.mktemp("softhsm"))
    if found is None:
        part_missing("SoftHSM2", "run tests/parts, or on Debian: apt-get install softhsm2")
    return found


@pytest.fixture(scope="session")
def postgres(part_missing: Callable[[str, str], NoReturn]) -> Iterator[Cluster]:
    """Give the PostgreSQL server of this test run."""
    programs = find_postgres()
    if programs is None:
        part_missing("PostgreSQL", "run tests/parts, or on Debian: apt-get install postgresql")
    with running_cluster(programs) as cluster:
        yield cluster
