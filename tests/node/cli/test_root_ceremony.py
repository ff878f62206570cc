"""The runbook of the root ceremony, line by line: five holders, each in a folder of his own."""

from __future__ import annotations

import copy
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from keys.registry import TIMESTAMP_NAME, verify_chain
from keys.unlock import Unlock
from node.cli.exits import Exit
from node.cli.main import run
from node.config import load
from node.config.edit import change_file
from node.registry import build
from node.registry.create import load_online
from node.registry.directory import RepositoryDirectory, write_file
from node.registry.updater import RegistryClient
from tests.builders.mirrors import UMBRELLA, Mirrors

PAGE = Path(__file__).parents[3] / "docs/runbooks/root-ceremony.md"
BURNT = PAGE.with_name("burnt-registry.md")
STOLEN = PAGE.with_name("stolen-registry-key.md")
BLOCK = re.compile(r"^```sh (umbrella|holder)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST = ("anna", "boris", "chiara", "dieter", "elena")
NEW = "fatou"
HEADINGS = ("## A new network", "## A decision", "## Root rotation")


def typed(*words: str) -> tuple[int, Any]:
    """Type it with --json; give the exit code and what was shown."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        code = run([*words, "--json"])
    return code, json.loads(shown.getvalue())


class Ceremony:
    """The umbrella and the holders, a folder each, and what they carry to one another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, str] = {}
        self.shown: Any = None
        (folder / "umbrella").mkdir()
        for name in (*FIRST, NEW):
            (folder / name).mkdir(mode=0o700)

    def at(self, place: str, line: str) -> Any:
        """Type a line of the page in a folder."""
        program, *words = shlex.split(line)
        assert program == "hotline"
        with chdir(self.folder / place):
            code, self.shown = typed(*(self.known.get(word, word) for word in words))
        assert code == Exit.OK, (place, line, self.shown)
        return self.shown

    def carry(self, file: str, source: str, *targets: str) -> None:
        """Carry a file from one folder to others."""
        for target in targets:
            shutil.copyfile(self.folder / source / file, self.folder / target / file)

    @property
    def directory(self) -> RepositoryDirectory:
        """The umbrella's repository."""
        return RepositoryDirectory(self.folder / "umbrella" / "net")

    def make_keys(self, name: str, number: int, lines: list[str]) -> None:
        """Let a holder make his keys and tell their public halves."""
        for line in lines:
            public = self.at(name, line.replace("NAME", name))["public"]
            self.known[f"{'ROOT' if '--role root' in line else 'TARGETS'}_{number}"] = public

    def sign(self, lines: list[str], *names: str) -> list[str]:
        """Let holders look and sign; give the files that travel back."""
        for name in names:
            for line in lines:
                self.at(name, line.replace("NAME", name))
        out = shlex.split(lines[-1])[-1]
        files = [out.replace("NAME", name) for name in names]
        for name, file in zip(names, files, strict=True):
            self.carry(file, name, "umbrella")
        return files

    def collect(self, line: str, files: list[str]) -> Any:
        """Put what came back together."""
        pattern = next(word for word in shlex.split(line) if "NAME" in word)
        return self.at("umbrella", line.replace(pattern, " ".join(files)))


def blocks(heading: str, page: Path = PAGE) -> Iterator[list[str]]:
    """Give the lines of each block under a heading of a page."""
    text = page.read_text()
    start = text.index(heading)
    part = text[start : text.find("\n## ", start + 1) % (len(text) + 1)]
    for match in BLOCK.finditer(part):
        yield match[2].splitlines()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    """Make a network that five holders have made, three of whom signed."""
    made = Ceremony(tmp_path_factory.mktemp("ceremony"))
    keys, create, look, finish = blocks(HEADINGS[0])
    for number, name in enumerate(FIRST, start=1):
        made.make_keys(name, number, keys)
    for line in create:
        made.at("umbrella", line)
    made.carry("first.json", "umbrella", *FIRST)
    files = made.sign(look, "anna", "chiara", "dieter")
    assert not made.collect(finish[0], files[:2])["published"]
    assert made.collect(finish[0], files[2:])["published"]
    made.known["FINGERPRINT"] = made.at("umbrella", finish[1])["root_sha256"]
    return made


@pytest.fixture(scope="module")
def rotated(founded: Ceremony, tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    """Replace the fifth holder as the page says."""
    made = copy.copy(founded)
    made.known = dict(founded.known)
    made.folder = shutil.copytree(founded.folder, tmp_path_factory.mktemp("rotated") / "all")
    made.make_keys(NEW, 6, next(blocks(HEADINGS[0])))
    propose, look, finish = blocks(HEADINGS[2])
    for line in propose:
        made.at("umbrella", line)
    made.carry("rotation.json", "umbrella", "anna", "boris", "chiara", NEW)
    files = made.sign(look, NEW, "anna", "boris")
    assert not made.collect(finish[0], files)["published"], "two of the old list are too few"
    assert made.collect(finish[0], made.sign(look, "chiara"))["published"]
    made.at("umbrella", finish[1])
    return made


def test_a_member_is_admitted_by_three_of_five_holders_elsewhere(
    founded: Ceremony, tmp_path: Path
) -> None:
    """Each of them saw whom he admits, marked as new."""
    ceremony = founded
    network = ceremony.directory.open().registry.network_id
    words = ("--member", "gb-iwf", "--network", network, "--jurisdiction", "GB")
    endpoint = ("--endpoint", "https://192.0.2.1:8441")
    assert typed("init", *words, *endpoint, "--dir", str(tmp_path / "gb"))[0] == Exit.OK
    shutil.copyfile(tmp_path / "gb/admission.json", ceremony.folder / "umbrella/admission.json")
    propose, look, finish = blocks(HEADINGS[1])
    for line in propose:
        ceremony.at("umbrella", line)
    ceremony.carry("admission-proposal.json", "umbrella", *FIRST)
    files = ceremony.sign(look, "boris", "dieter", "elena")
    assert "+ gb-iwf  active  hotline for GB" in ceremony.shown["shown"]
    assert ceremony.collect(finish[0], files)["published"]
    assert ceremony.directory.open().registry.is_active("gb-iwf")


def test_root_rotation_needs_the_old_holders_and_the_new_ones(rotated: Ceremony) -> None:
    """The page to its end: the fifth holder is replaced, the pin of the members stays."""
    shown = rotated.at("umbrella", "hotline network holders --config net/network.toml")
    held = [key for role in shown.values() for key in role["keys"]]
    assert {rotated.known["ROOT_6"], rotated.known["TARGETS_6"]} < set(held)
    assert rotated.known["ROOT_5"] not in held
    pin = bytes.fromhex(rotated.known["FINGERPRINT"])
    registry = verify_chain(pin, rotated.directory.files, None)
    assert registry.root_version == 2


def test_what_the_holder_who_left_signs_counts_no_more(rotated: Ceremony) -> None:
    """His own machine tells him so."""
    ceremony = rotated
    ceremony.at("umbrella", "hotline network renew --config net/network.toml")
    ceremony.at("umbrella", "hotline network proposal renewal.json --config net/network.toml")
    ceremony.carry("renewal.json", "umbrella", "elena")
    words = "countersign renewal.json --root FINGERPRINT --key root-elena.key --out no.json"
    with pytest.raises(AssertionError, match="is no holder's of what this proposal changes"):
        ceremony.at("elena", f"hotline network {words} --unlock file:elena.unlock")


def test_no_private_key_of_a_holder_ever_meets_another(rotated: Ceremony) -> None:
    """What travelled holds none, and each key file stands in its holder's folder alone."""
    ceremony = rotated
    found = {
        path.relative_to(ceremony.folder).as_posix()
        for path in ceremony.folder.rglob("*.key")
        if path.parent.name != "keys"
    }
    assert found == {f"{n}/{role}-{n}.key" for n in (*FIRST, NEW) for role in ("root", "targets")}
    online = {path.name for path in ceremony.directory.keys.iterdir()}
    assert online == {"snapshot.key", "timestamp.key"}
    for path in ceremony.folder.rglob("*.json"):
        assert b"PRIVATE KEY" not in path.read_bytes()


def leapt(ceremony: Ceremony, unlock: Unlock, now_ms: int) -> dict[str, bytes]:
    """What a thief signs with the online keys: versions that nobody ever comes to."""
    state, online = ceremony.directory.open(), load_online(ceremony.directory, unlock)
    version = 2**53 - 1
    meta = state.snapshot().meta
    raw = build.add_signatures(build.snapshot_metadata(meta, version, now_ms), [online.snapshot])
    stamp = build.timestamp_metadata(build.meta_of(version, raw), version, now_ms)
    return {
        **state.files,
        f"metadata/{version}.snapshot.json": raw,
        TIMESTAMP_NAME: build.add_signatures(stamp, [online.timestamp]),
    }


def test_g8_runbook_of_stolen_online_keys_line_by_line(founded: Ceremony, tmp_path: Path) -> None:
    """At its end a node that a thief had led away follows the registry again, and him no more."""
    made = copy.copy(founded)
    made.known = dict(founded.known)
    made.folder = shutil.copytree(founded.folder, tmp_path / "all")
    config = made.folder / "umbrella/net/network.toml"
    pin = bytes.fromhex(made.known["FINGERPRINT"])
    mirrors = Mirrors({UMBRELLA: made.directory.open().files})
    node = RegistryClient(pin, tmp_path / "node", [UMBRELLA], transport=mirrors)
    now_ms = made.directory.open().registry.issued_ms
    node.join_blocking(now_ms)
    theirs = leapt(made, Unlock.from_config(load(config).member.unlock), now_ms)
    mirrors.serving[UMBRELLA] = theirs
    node.refresh_blocking(now_ms)
    assert node.current().timestamp_version == 2**53 - 1

    shutil.rmtree(made.directory.keys)
    change_file(config, "member", {"unlock": f"file:{tmp_path / 'new.unlock'}"})
    propose, look, finish = blocks("# The day", STOLEN)
    for line in propose:
        made.at("umbrella", line)
    made.carry("online.json", "umbrella", "anna", "boris", "chiara")
    files = made.sign(look, "anna", "boris", "chiara")
    shown = made.shown["shown"].splitlines()
    assert [line[4] for line in shown if line[:6] in {"    + ", "    - "}] == ["+", "-"] * 2
    assert made.collect(finish[0], files)["published"]
    assert made.at("umbrella", finish[1])["root_version"] == 2

    mirrors.serving[UMBRELLA] = made.directory.open().files
    assert node.refresh_blocking(now_ms).problem is None
    assert node.current().seen == made.directory.open().registry.seen
    mirrors.serving[UMBRELLA] = {**made.directory.open().files, **theirs}
    assert node.refresh_blocking(now_ms).problem == "untrusted"


@contextmanager
def mirroring(folder: Path) -> Iterator[str]:
    """Serve what lies below `folder`/registry/v1; give the address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kept_by_a_member(files: Mapping[str, bytes], folder: Path) -> Path:
    """Lay out what a member serves: the files of one state, and no other."""
    for name, raw in files.items():
        write_file(folder / "registry/v1", name, raw)
    return folder


def test_runbook_of_a_burnt_registry_line_by_line(founded: Ceremony, tmp_path: Path) -> None:
    """At its end the network goes on from a member's copy, and its members follow it."""
    made = copy.copy(founded)
    made.known = dict(founded.known)
    made.folder = shutil.copytree(founded.folder, tmp_path / "all")
    state = made.directory.open()
    pin, now_ms = bytes.fromhex(made.known["FINGERPRINT"]), state.registry.issued_ms
    mirrors = Mirrors({UMBRELLA: state.files})
    node = RegistryClient(pin, tmp_path / "node", [UMBRELLA], transport=mirrors)
    node.join_blocking(now_ms)
    shutil.rmtree(made.folder / "umbrella")
    (made.folder / "umbrella").mkdir()

    (rebuild,) = blocks("# The machine", BURNT)
    propose, look, finish = blocks("# The day", STOLEN)
    with mirroring(kept_by_a_member(state.files, tmp_path / "member")) as address:
        made.known |= {"ADDRESS": "http://127.0.0.1:9", "ADDRESS_2": address}
        for line in rebuild:
            made.at("umbrella", line)
    assert made.shown["network"] == state.registry.network_id
    for line in propose[1:]:
        made.at("umbrella", line)
    made.carry("online.json", "umbrella", "anna", "boris", "chiara")
    assert made.collect(finish[0], made.sign(look, "anna", "boris", "chiara"))["published"]

    mirrors.serving[UMBRELLA] = made.directory.open().files
    assert node.refresh_blocking(now_ms).problem is None
    assert node.current().root_version == state.registry.root_version + 1
    assert node.current().network == state.registry.network


def test_a_network_is_not_rebuilt_from_another_or_over_what_stands(
    founded: Ceremony, tmp_path: Path
) -> None:
    """The fingerprint decides, and nothing is touched."""
    state = founded.directory.open()
    with mirroring(kept_by_a_member(state.files, tmp_path / "member")) as address:
        words = ("network", "rebuild", "--mirror", address, "--dir")
        code, shown = typed(*words, str(tmp_path / "net"), "--root", "ab" * 32)
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "registry_wrong_fingerprint")
        assert not (tmp_path / "net").exists()
        there = str(founded.directory.path)
        code, shown = typed(*words, there, "--root", founded.known["FINGERPRINT"])
        assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")
