"""What is installed is what was pinned, and the wheel carries what the program needs."""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("keys", "protocol", "node")
PUBLIC_INDEX = "https://pypi.org/simple"
PUBLIC_FILES = "https://files.pythonhosted.org/"


def normal(name: str) -> str:
    """Bring a distribution name into the one form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(requirements: str) -> dict[str, str]:
    """Read `name==version` lines of an exported requirements file."""
    return {
        normal(name): version
        for name, version in re.findall(
            r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", requirements, re.MULTILINE
        )
    }


def imported_names(item: ast.AST) -> list[str]:
    """Give the modules that one statement imports."""
    if isinstance(item, ast.Import):
        return [alias.name for alias in item.names]
    return [item.module] if isinstance(item, ast.ImportFrom) and item.module else []


@pytest.fixture(scope="module")
def locked(repository: Path) -> dict[str, str]:
    """Give the versions of `uv.lock`."""
    lock = tomllib.loads((repository / "uv.lock").read_text())
    return {package["name"]: package["version"] for package in lock["package"]}


@pytest.mark.parametrize("name", ["run", "dev"])
def test_exported_requirements_say_what_the_lock_says(
    repository: Path, locked: dict[str, str], name: str
) -> None:
    """Plain pip and uv install the same versions."""
    exported = pinned((repository / f"requirements/{name}.txt").read_text())
    assert exported
    assert exported.items() <= locked.items()


def test_every_dependency_is_pinned(repository: Path) -> None:
    """A dependency added to pyproject.toml but not locked would be missing from installations."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    wanted = {
        normal(match[0])
        for line in project["project"]["dependencies"]
        if (match := re.match(r"[A-Za-z0-9._-]+", line))
    }
    assert wanted <= pinned((repository / "requirements/run.txt").read_text()).keys()


def test_what_is_imported_is_declared(repository: Path) -> None:
    """What comes along with another distribution today may not come along tomorrow."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    optional = itertools.chain(*project["optional-dependencies"].values())
    lines = [*project["dependencies"], *optional]
    declared = {normal(re.split(r"[\[<>=!~ ;]", line)[0]) for line in lines}
    owners = importlib.metadata.packages_distributions()
    imported = {
        name.split(".", 1)[0]
        for package in PACKAGES
        for path in (repository / package).rglob("*.py")
        for item in ast.walk(ast.parse(path.read_bytes()))
        for name in imported_names(item)
    }
    foreign = imported - sys.stdlib_module_names - set(PACKAGES)
    undeclared = {
        name for name in foreign if not {normal(owner) for owner in owners.get(name, ())} & declared
    }
    assert not undeclared


def test_every_pin_has_a_hash(repository: Path) -> None:
    """Installation checks each file against the lock, wherever it came from."""
    for path in sorted((repository / "requirements").glob("*.txt")):
        blocks = re.split(r"\n(?=\S)", path.read_text())
        assert all("--hash=sha256:" in block for block in blocks)


def test_no_private_index_is_written_down(repository: Path) -> None:
    """The lock names the public index alone, so that it works for whoever clones it."""
    lock = (repository / "uv.lock").read_text()
    assert set(re.findall(r'registry = "([^"]+)"', lock)) == {PUBLIC_INDEX}
    assert all(url.startswith(PUBLIC_FILES) for url in re.findall(r'url = "([^"]+)"', lock))
    for path in sorted((repository / "requirements").glob("*.txt")):
        assert not re.search(r"^--(?!hash)|https?:|file:", path.read_text(), re.MULTILINE)


def test_the_wheel_carries_the_three_packages_and_nothing_else(
    repository: Path, tmp_path: Path
) -> None:
    """Data files such as the SQL schema travel with the code; tests and examples do not."""
    command = [sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation"]
    subprocess.run([*command, "--outdir", str(tmp_path), str(repository)], check=True)
    (wheel,) = tmp_path.glob("hotline_exchange-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(repository).as_posix()
        for package in PACKAGES
        for path in (repository / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == expected


@pytest.mark.long
def test_an_installation_from_wheels_needs_no_network(repository: Path, tmp_path: Path) -> None:
    """`make wheels` fills a folder from which a machine without network installs and runs."""
    subprocess.run(["make", "wheels"], cwd=repository, check=True)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    offline = ["--no-index", "--find-links", "wheels", "--require-hashes"]
    pip = [str(tmp_path / "venv/bin/pip"), "install", "--quiet", *offline]
    subprocess.run([*pip, "-r", "wheels/requirements.txt"], cwd=repository, check=True)
    hotline = str(tmp_path / "venv/bin/hotline")
    shown = subprocess.run([hotline, "--help"], check=True, capture_output=True, text=True)
    assert "submit" in shown.stdout


def test_unit_starts_a_node_again_for_as_long_as_it_takes(repository: Path) -> None:
    """A start ends while the disk is full or the server away; systemd's bound would end it all."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read(repository / "deploy" / "hotline-node.service")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert unit["Service"]["Restart"] == "always"
