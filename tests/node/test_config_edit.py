"""Changing single keys of a file that a person keeps."""

from __future__ import annotations

import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.config import ConfigError, ConfigInvalidError, load, parse
from node.config.edit import change_file, with_values
from node.config.text import render

ROOT = "ab" * 32
NEW = {"root_sha256": ROOT, "mirrors": ["https://a.example:8441"]}
FILE = render({"member": {"id": "gb-iwf", "unlock": "env:X"}})


def test_commented_keys_are_set_where_they_stand() -> None:
    """The comment above a key stays above it."""
    changed = with_values(FILE, "registry", NEW)
    config = parse(changed, Path("/x/node.toml"))
    assert config.registry.root_sha256 == ROOT
    assert len(changed.splitlines()) == len(FILE.splitlines())


def test_a_second_change_replaces_the_first() -> None:
    """Joining again with another mirror leaves one line."""
    changed = with_values(with_values(FILE, "registry", NEW), "registry", {"mirrors": []})
    assert tomllib.loads(changed)["registry"] == {"root_sha256": ROOT, "mirrors": []}


def test_missing_section_is_added() -> None:
    """A file written by hand may be short."""
    text = '[member]\nid = "gb-iwf"\nunlock = "env:X"\n'
    assert tomllib.loads(with_values(text, "registry", NEW))["registry"] == NEW


def test_keys_of_other_sections_are_left_alone() -> None:
    """The same word elsewhere is not ours."""
    text = "[a]\nmirrors = 1\n[registry]\n[b]\nmirrors = 2\n"
    changed = tomllib.loads(with_values(text, "registry", {"mirrors": []}))
    assert changed == {"a": {"mirrors": 1}, "registry": {"mirrors": []}, "b": {"mirrors": 2}}


@pytest.mark.parametrize(
    "text",
    [
        'registry = { mirrors = ["https://b.example"] }\n',
        '[registry]\nmirrors = [\n  "https://b.example",\n]\n',
        '[registry]\n"mirrors" = []\n',
        'x = """\n[registry]\nmirrors = 1\n"""\n',
    ],
)
def test_unusual_files_are_left_to_their_owner(text: str) -> None:
    """What cannot be changed safely is refused with the mend, never mangled."""
    with pytest.raises(ConfigInvalidError, match="by hand"):
        with_values(text, "registry", NEW)


def test_file_keeps_its_mode(tmp_path: Path) -> None:
    """Nobody gains or loses access by a join."""
    path = tmp_path / "node.toml"
    path.write_text(FILE)
    path.chmod(0o640)
    change_file(path, "registry", NEW)
    assert load(path).registry.mirrors == ("https://a.example:8441",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_wrong_value_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The new text is checked before it replaces the old."""
    path = tmp_path / "node.toml"
    path.write_text(FILE)
    with pytest.raises(ConfigError, match="root_sha256"):
        change_file(path, "registry", {"root_sha256": "short"})
    assert path.read_text() == FILE
    assert list(tmp_path.iterdir()) == [path]


def test_two_that_change_one_file_at_once_both_have_what_they_asked_for(tmp_path: Path) -> None:
    """One after the other: neither takes away what the other writes, nor half of its bytes."""
    path = tmp_path / "node.toml"
    path.write_text(FILE)

    def change(section: str, key: str) -> None:
        for number in range(1, 40):
            change_file(path, section, {key: 9000 + number})

    with ThreadPoolExecutor(2) as threads:
        both = (("api", "listen_port"), ("public", "listen_port"))
        for done in [threads.submit(change, *one) for one in both]:
            done.result()
    config = load(path)
    assert (config.api.listen_port, config.public.listen_port) == (9039, 9039)
    assert list(tmp_path.iterdir()) == [path]
