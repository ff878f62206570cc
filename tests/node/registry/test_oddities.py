"""Well-signed nonsense: a member, or the thief of its key, puts odd values wherever it can."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical

from keys.documents import serialise
from keys.errors import KeysError
from keys.registry import TIMESTAMP_NAME, metadata_name
from node.registry import build
from node.registry.errors import MirrorsFailedError, RegistryError
from node.registry.fetch import fetch_verified
from node.registry.publish import Publication, publish
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    make_document,
    make_umbrella,
    member_files,
    member_keys,
)

IWF, EOKM = "gb-iwf", "nl-eokm"
ODD: tuple[Any, ...] = (
    *(None, True, -1, 10**30, 1.5, "", "x", "\ud800", "../../x", "a" * 300),
    *([], {}, [1], {"a": 1}, "2026-01-01T00:00:00Z"),
)
Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from places(below, (*path, key))
    if isinstance(value, list):
        for index, below in enumerate(value):
            yield from places(below, (*path, index))


def variants(raw: bytes) -> Iterator[dict[str, Any]]:
    """A JSON object with one odd value, in every place in turn."""
    value = json.loads(raw)
    for path in list(places(value))[1:]:
        for odd in ODD:
            changed = copy.deepcopy(value)
            spot = changed
            for key in path[:-1]:
                spot = spot[key]
            spot[path[-1]] = odd
            yield changed


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of two hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({member: make_document(network, member) for member in (IWF, EOKM)})


@pytest.fixture(scope="module")
def next_files(umbrella: Umbrella) -> dict[str, bytes]:
    """The next role and document of IWF."""
    document = make_document(umbrella.registry.network_id, IWF, sequence=2)
    return member_files(document, 2)


def signed_again(value: dict[str, Any]) -> bytes:
    """Role metadata signed over whatever it says, if that can be signed at all."""
    key = member_keys(IWF).member
    assert key is not None
    try:
        payload = str(encode_canonical(value["signed"])).encode()
    except Exception:  # noqa: BLE001 - the library raises what it likes
        return json.dumps(value).encode()
    signature = {"keyid": build.keyid_of(key), "sig": key.sign_ed25519(payload).hex()}
    return json.dumps({**value, "signatures": [signature]}).encode()


def test_an_odd_role_is_taken_whole_or_refused(
    umbrella: Umbrella, next_files: dict[str, bytes]
) -> None:
    """Never an error that is not ours; what is taken verifies for every reader."""
    raw_document = next(raw for name, raw in next_files.items() if name.startswith("targets/"))
    for value in variants(next_files[metadata_name(IWF, 2)]):
        for raw in (json.dumps(value).encode(), signed_again(value)):
            try:
                change = publish(
                    umbrella.state, IWF, Publication(raw, raw_document), umbrella.online, NOW_MS
                )
            except (RegistryError, KeysError):
                continue
            assert change is not None
            assert change.after.registry.members[IWF].sequence == 2


def test_an_odd_document_is_taken_whole_or_refused(
    umbrella: Umbrella, next_files: dict[str, bytes]
) -> None:
    """The same for the document that a role names."""
    key = member_keys(IWF).member
    assert key is not None
    raw_document = next(raw for name, raw in next_files.items() if name.startswith("targets/"))
    small = json.loads(raw_document)
    small["capabilities"]["kinds"] = [1]
    for value in variants(serialise(small)):
        try:
            odd = serialise(value)
        except ValueError:
            continue
        role = build.member_metadata(IWF, odd, key.public.ed25519, 2, NOW_MS)
        publication = Publication(build.add_signatures(role, [key]), odd)
        try:
            change = publish(umbrella.state, IWF, publication, umbrella.online, NOW_MS)
        except (RegistryError, KeysError):
            continue
        assert change is not None
        assert change.after.registry.members[EOKM] == umbrella.registry.members[EOKM]


@pytest.mark.parametrize("name", [TIMESTAMP_NAME, metadata_name("snapshot", 3)])
def test_an_odd_file_of_a_mirror_is_a_problem_with_a_name(umbrella: Umbrella, name: str) -> None:
    """Whatever a mirror answers, a refresh ends in a word."""
    newer = umbrella.accept({}, NOW_MS + 1)
    words = set()
    for value in variants(newer.files[name]):
        odd = {**newer.files, name: json.dumps(value).encode()}
        with Mirrors({UMBRELLA: odd}).open(UMBRELLA) as get:
            try:
                verified = fetch_verified(get, umbrella.pin, umbrella.files, NOW_MS + 2)
            except MirrorsFailedError as error:
                words.add(error.reason)
                continue
        assert verified.registry.seen[2] == newer.registry.seen[2]
    assert words <= {"untrusted", "rolled_back", "expired", "unreachable"}
