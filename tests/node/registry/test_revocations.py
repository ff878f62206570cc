"""Revocation notes at a node: kept durably, handed on while the umbrella is away, or refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from keys.errors import BadSignatureError, UnknownKeyError, UntrustedDocumentError
from keys.member import tls_key_id
from keys.registry import Registry
from keys.signing import SigningKey
from node.registry import revocations
from node.registry.errors import RepositoryStateError
from node.registry.revocations import FILE, Revocations, revocation_routes
from node.registry.updater import RegistryClient
from protocol.note import NoteSignature, parse, render
from protocol.revocation import MAX_REVOCATION_BYTES, Revocation, make
from tests.builders.mirrors import UMBRELLA, Mirrors
from tests.builders.network import (
    NOW_MS,
    Umbrella,
    default_endpoint,
    make_document,
    make_umbrella,
    member_files,
    member_keys,
)

IWF, EOKM, NCMEC = "gb-iwf", "nl-eokm", "us-ncmec"
PATH = f"/registry/v1/{FILE}"


@pytest.fixture(scope="module")
def umbrella() -> Umbrella:
    """A network of three hotlines."""
    made = make_umbrella()
    network = made.registry.network_id
    return made.admit({m: make_document(network, m) for m in (IWF, EOKM, NCMEC)})


@pytest.fixture
def mirrors(umbrella: Umbrella) -> Mirrors:
    """The umbrella serves the registry, and no notes."""
    return Mirrors({UMBRELLA: umbrella.files})


def _client(umbrella: Umbrella, mirrors: Mirrors, path: Path) -> RegistryClient:
    client = RegistryClient(umbrella.pin, path, [UMBRELLA], member=IWF, transport=mirrors)
    client.refresh_blocking(NOW_MS)
    return client


def _note(umbrella: Umbrella, signer: SigningKey | None = None) -> bytes:
    key = member_keys(EOKM).log
    said = Revocation(umbrella.registry.network_id, EOKM, key.public.key_id)
    return make(said, signer or key)


def _served(umbrella: Umbrella, path: Path, *notes: bytes) -> dict[str, bytes]:
    kept = Revocations(path, lambda: umbrella.registry)
    for note in notes:
        kept.take(note)
    return {FILE: kept.file()}


def test_g7_a_note_counts_on_sight_and_for_ever(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """From the instant it is taken, and after every restart, nobody believes the key."""
    client = _client(umbrella, mirrors, tmp_path)
    assert client.current().member(EOKM).log_keys
    assert client.revocations.take(_note(umbrella))
    assert client.current().member(EOKM).log_keys == ()
    assert _client(umbrella, mirrors, tmp_path).current().member(EOKM).log_keys == ()


def test_g7_a_note_reaches_a_node_while_the_umbrella_is_away(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """Any member hands it on; the registry stays as old as it was."""
    client = _client(umbrella, mirrors, tmp_path / "node")
    mirrors.serving = {
        UMBRELLA: None,
        default_endpoint(NCMEC): _served(umbrella, tmp_path / "other", _note(umbrella)),
    }
    assert client.hear_revocations() == 1
    assert client.current().member(EOKM).log_keys == ()


def test_g7_a_note_comes_past_a_member_that_publishes_no_address(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """Whoever would keep its own stolen key believed, or others', stops nobody from hearing."""
    document = make_document(
        umbrella.registry.network_id, EOKM, sequence=2, endpoint="https://[f:::f]:443"
    )
    odd = umbrella.accept(member_files(document, 2, NOW_MS), NOW_MS)
    mirrors.serving = {UMBRELLA: odd.files}
    client = _client(odd, mirrors, tmp_path / "node")
    mirrors.serving = {
        UMBRELLA: None,
        default_endpoint(NCMEC): _served(umbrella, tmp_path / "other", _note(umbrella)),
    }
    assert client.hear_revocations() + client.hear_revocations() == 1


def test_a_replayed_note_changes_nothing_more(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """The same word again, or signed again, is no news: no second file, no second round."""
    client = _client(umbrella, mirrors, tmp_path)
    assert client.revocations.take(_note(umbrella))
    assert not client.revocations.take(_note(umbrella))
    assert not client.revocations.take(_note(umbrella, member_keys(EOKM).member))
    assert len(list((tmp_path / "revocations").iterdir())) == 1


def test_forged_notes_among_good_ones_are_left_out(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """A mirror that lies neither adds a revocation nor hides those of others."""
    client = _client(umbrella, mirrors, tmp_path / "node")
    good = _served(umbrella, tmp_path / "other", _note(umbrella))[FILE]
    forged = _note(umbrella, member_keys(NCMEC).log).decode().replace("\n", "\\n").encode()
    assert (
        client.revocations.take_file(good.replace(b'"notes":["', b'"notes":["' + forged + b'","'))
        == 1
    )
    with pytest.raises(UntrustedDocumentError):
        client.revocations.take_file(b"[]")


def test_a_note_is_kept_with_the_line_alone_that_counts(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """Whoever hands it on could add others, and make what everybody keeps and serves large."""
    client = _client(umbrella, mirrors, tmp_path)
    note = _note(umbrella)
    name = f"{umbrella.registry.network_id}/{EOKM}"
    more = [NoteSignature(name, bytes([n]) * 4, bytes(64)) for n in range(5)]
    client.revocations.take(render(parse(note).text, [*more, *parse(note).signatures]))
    assert client.revocations.notes() == [note]


def test_g7_many_revocations_of_one_member_crowd_out_none_of_another(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """A file holds no more than others read: of each member in turn."""
    many, signer = [bytes([n]) * 32 for n in range(20)], member_keys(IWF).member
    assert signer is not None
    document = replace(make_document(umbrella.registry.network_id, IWF), tls=tuple(many))
    members = {**umbrella.registry.members, IWF: document}
    registry = replace(umbrella.registry, members=members)
    kept = Revocations(tmp_path, lambda: registry)
    for pin in many:
        kept.take(make(Revocation(registry.network_id, IWF, tls_key_id(pin)), signer))
    kept.take(_note(umbrella))
    room = len(kept.file()) // 2
    file = kept.file(room)
    assert room - MAX_REVOCATION_BYTES < len(file) <= room
    assert _client(umbrella, mirrors, tmp_path / "node").revocations.take_file(file) == 1
    assert kept.file(len(kept.file()) + 1) == kept.file()


def test_attack_g11_who_lists_ever_new_keys_and_revokes_each_fills_no_disk(
    umbrella: Umbrella, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some notes of keys that it lists no more are kept; none about a listed key is forgotten."""
    monkeypatch.setattr(revocations, "KEPT_UNLISTED", 3)
    signer = member_keys(IWF).member
    assert signer is not None
    registry = umbrella.registry
    network, staying = registry.network_id, b"\xff" * 32

    def listing(*pins: bytes) -> Registry:
        document = replace(make_document(network, IWF), tls=(staying, *pins))
        return replace(registry, members={**registry.members, IWF: document})

    now = listing()
    kept = Revocations(tmp_path, lambda: now)
    kept.take(_note(umbrella))
    kept.take(make(Revocation(network, IWF, tls_key_id(staying)), signer))
    for number in range(12):
        pin = bytes([number]) * 32
        now = listing(pin)
        assert kept.take(make(Revocation(network, IWF, tls_key_id(pin)), signer))
        assert {tls_key_id(staying), tls_key_id(pin)} <= kept.revoked()[IWF]
    assert len(kept.revoked()[IWF]) == 5
    assert kept.revoked()[EOKM] == {member_keys(EOKM).log.public.key_id}
    assert len(list((tmp_path / "revocations").iterdir())) == 6
    assert Revocations(tmp_path, lambda: now).revoked() == kept.revoked()


def test_a_refused_note_leaves_no_trace(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """Strangers write nothing to this disk."""
    client = _client(umbrella, mirrors, tmp_path)
    with pytest.raises(BadSignatureError):
        client.revocations.take(_note(umbrella, member_keys(NCMEC).member))
    assert not (tmp_path / "revocations").exists()
    assert client.current() is client.listed()


def test_what_was_signed_before_can_still_be_verified(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """Custody stands: verifying what is kept needs the key that is believed no more."""
    client = _client(umbrella, mirrors, tmp_path)
    client.revocations.take(_note(umbrella))
    assert client.listed().member(EOKM).log_keys == umbrella.registry.member(EOKM).log_keys


def test_a_running_node_finds_what_a_verb_wrote(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """`hotline keys revoke` runs beside the node."""
    client = _client(umbrella, mirrors, tmp_path)
    Revocations(tmp_path, lambda: umbrella.registry).take(_note(umbrella))
    client.hear_revocations()
    assert client.current().member(EOKM).log_keys == ()


def test_a_damaged_note_on_disk_is_not_passed_over(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """To start without it would give trust back to a stolen key."""
    client = _client(umbrella, mirrors, tmp_path)
    client.revocations.take(_note(umbrella))
    next((tmp_path / "revocations").iterdir()).write_bytes(b"")
    with pytest.raises(RepositoryStateError):
        _client(umbrella, mirrors, tmp_path)


def test_g7_nothing_is_sealed_for_a_member_whose_sealing_keys_are_all_revoked(
    umbrella: Umbrella, mirrors: Mirrors, tmp_path: Path
) -> None:
    """What is for it waits until it publishes another key."""
    client = _client(umbrella, mirrors, tmp_path)
    signer = member_keys(EOKM).member
    assert signer is not None
    for published in umbrella.registry.member(EOKM).sealing:
        said = Revocation(umbrella.registry.network_id, EOKM, published.key.key_id)
        client.revocations.take(make(said, signer))
    with pytest.raises(UnknownKeyError):
        client.current().member(EOKM).sealing_key_at(NOW_MS)


async def test_the_routes_take_give_and_refuse(
    umbrella: Umbrella, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    """Anybody may hand one in: bounded before it is read, verified before it is kept."""
    kept, heard = Revocations(tmp_path, lambda: umbrella.registry), asyncio.Event()
    app = web.Application()
    app.add_routes(revocation_routes(kept, heard.set))
    client = await aiohttp_client(app)
    forged = await client.post(PATH, data=_note(umbrella, member_keys(IWF).log))
    large = await client.post(PATH, data=b"x" * 1025)
    assert (forged.status, large.status, heard.is_set()) == (422, 413, False)
    good = await client.post(PATH, data=_note(umbrella))
    assert (good.status, await good.json(), heard.is_set()) == (200, {"new": True}, True)
    assert await (await client.get(PATH)).read() == kept.file()
    assert kept.revoked() == {EOKM: {member_keys(EOKM).log.public.key_id}}
