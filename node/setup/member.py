"""`hotline init`: everything a new member needs, made at once or not at all.

Keys by purpose, the encrypted database, the admin token by which the command line talks to the
running node, the admission request for the umbrella, and a commented configuration. All of it
appears together (`staging`); what stands is never overwritten. The secret that unlocks the keys is
made first, in a place of its own: whoever copies the node's directory has nothing without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keys.documents import check_name
from keys.errors import KeysError, UntrustedDocumentError
from keys.hsm import destroy
from keys.keyfile import write_private
from keys.keyring import MemberKeys, sealing_calendar
from keys.member import MemberDocument
from keys.succession import begun_anew
from keys.unlock import Unlock
from node.api.access import Scope, new_token
from node.config import Config, parse
from node.config.text import render
from node.registry.admission import make_request
from node.registry.rules import check_entry
from node.setup import secret
from node.setup.errors import AlreadySetUpError, SetupError
from node.setup.opening import hsm_of, store_place
from node.setup.staging import Stage, prepare
from node.store.beside import writing
from node.store.items.access import insert_token
from node.store.opening import Place, create_database
from protocol.versions import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from keys.network import Role

CONFIG_NAME = "node.toml"
REQUEST_NAME = "admission.json"
ADMIN_NAME = "hotline"
"""Who acts when the command line does."""
"""How long a sealing key lives; its destruction gives coarse forward secrecy."""
_NETWORK = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{16}")
_WISH = "wish"
"""What was typed; in the stage alone."""
_NAMES = ("keys", "node.db", "admin.token", REQUEST_NAME, CONFIG_NAME)


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """What a person decides about a new member.

    Attributes:
        directory: where everything is made; must hold nothing of a node yet.
        member: member id to ask for.
        name: what to call it in front of people.
        network: network id, `<name>-<16 hex digits>`, as the umbrella tells it.
        jurisdictions: countries to ask for, ISO 3166-1 alpha-2.
        roles: roles to ask for.
        unlock: where the secret that unlocks the keys is; `file:` is made if missing.
        hsm: PKCS#11 URI of the token where halves of the log and receipt keys are made; None: none.
        hsm_pin: where its PIN is; it must be there.
        store: URL of an empty PostgreSQL database to keep all in; None: a file in the directory.
        store_password: where the password for it is.
        endpoint: `https://host:port` for peers; None: not reachable, fetches by itself.
        config: where the configuration will stand; None: `node.toml` in the directory.
        peer_host: address that the peer listener binds to; None: all.
        peer_port: its port.
        api_port: port of the local listener.
        sequence: of the member document; 1 but for a member whose keys are replaced.
        role_version: of the role that signs it, likewise.
        before: the member's document in force, where its keys are replaced: those under which
            others verify what they keep stay listed.
    """

    directory: Path
    member: str
    name: str
    network: str
    jurisdictions: tuple[str, ...]
    roles: tuple[Role, ...] = ("hotline",)
    unlock: str | None = None
    hsm: str | None = None
    hsm_pin: str | None = None
    store: str | None = None
    store_password: str | None = None
    endpoint: str | None = None
    config: Path | None = None
    peer_host: str | None = None
    peer_port: int = 8441
    api_port: int = 8442
    sequence: int = 1
    role_version: int = 1
    before: Path | None = None


@dataclass(frozen=True, slots=True)
class MadeMember:
    """Where what was made stands. `resumed`: an interrupted attempt was finished instead."""

    config: Config
    request: Path
    unlock: str
    made_secret: bool
    resumed: bool


def make_member(new: NewMember, now_ms: int) -> MadeMember:
    """Make keys, database, token, admission request and configuration in `new.directory`.

    Args:
        new: what a person decided.
        now_ms: UTC.

    Raises:
        SetupError: something of a node stands there, or was begun there with other wishes, or a
            field is wrong; nothing was touched.
        ConfigInvalidError: a port, address or id cannot stand in a configuration.
        RefusedError: a country does not exist.
        KeysError: the unlocking secret cannot be used, the directory is not safe, or the token
            makes no keys.
    """
    new = replace(new, directory=new.directory.absolute())
    place = (new.config or new.directory / CONFIG_NAME).absolute()
    unlock = new.unlock or secret.default_setting(new.directory)
    text = render(_settings(new, unlock, place))
    config = parse(text, place)
    _check(new)
    if place.parent != new.directory and not place.parent.is_dir():
        raise SetupError(f"config: {place.parent} is no directory; make it first")
    wish = f"{replace(new, config=place)!r}\n".encode()
    with prepare(new.directory, _NAMES, {CONFIG_NAME: place}) as stage:
        resumed, made_secret = stage.is_complete, False
        if not resumed:
            with secret.ensured(config.member.unlock) as made_secret:
                write_private(stage.path / _WISH, wish)
                _make(stage, new, config, text, now_ms)
        _refuse_other(stage, wish)
        stage.finish()
    request = new.directory / REQUEST_NAME
    return MadeMember(config, request, config.member.unlock, made_secret, resumed)


def _refuse_other(stage: Stage, wish: bytes) -> None:
    """Refuse to finish what was made for another wish as if it were this one."""
    begun = stage.path / _WISH
    if begun.exists() and begun.read_bytes() != wish:  # earlier releases wrote none
        mend = "was begun with the options in this file; finish it with the same options"
        raise AlreadySetUpError(f"{begun}: an init {mend}, or choose another directory")


def _check(new: NewMember) -> None:
    """Refuse what the configuration's own rules do not see."""
    try:
        check_name(new.member, "member")
    except UntrustedDocumentError as error:
        raise SetupError(str(error)) from None
    if not _NETWORK.fullmatch(new.network):
        mend = "write the network's id as network create showed it, such as demo-0123456789abcdef"
        raise SetupError(f"network: {mend}")
    _before(new)
    check_entry(new.name, new.roles, new.jurisdictions)
    if "hotline" in new.roles and not new.jurisdictions:
        raise SetupError("jurisdiction: a hotline names at least one country, such as GB")


def _before(new: NewMember) -> MemberDocument | None:
    if new.before is None:
        return None
    try:
        before = MemberDocument.from_bytes(new.before.read_bytes())
    except (OSError, KeysError) as error:
        mend = "ask the umbrella for the file that its refusal names"
        raise SetupError(f"before: is no member document ({error}); {mend}") from None
    if (before.member, before.sequence + 1) != (new.member, new.sequence):
        mend = "needs this member's document of one sequence less; ask the umbrella for both"
        raise SetupError(f"before: {mend}")
    return before


def _settings(new: NewMember, unlock: str, place: Path) -> dict[str, dict[str, object]]:
    given = {"id": new.member, "unlock": unlock, "hsm": new.hsm, "hsm_pin": new.hsm_pin}
    member: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    if place.parent != new.directory:
        member["data_dir"] = str(new.directory)
    peer = {
        "listen_host": new.peer_host,
        "listen_port": new.peer_port,
        "endpoint": new.endpoint,
    }
    store = {"url": new.store, "password": new.store_password}
    return {
        "member": member,
        "store": {key: value for key, value in store.items() if value is not None},
        "peer": {key: value for key, value in peer.items() if value is not None},
        "api": {"listen_port": new.api_port},
    }


def _make(stage: Stage, new: NewMember, config: Config, text: str, now_ms: int) -> None:
    keys = MemberKeys.generate(new.member, now_ms, hsm_of(config))
    try:
        _make_files(stage, keys, new, config, text, now_ms)
    except BaseException:
        destroy((keys.log, keys.receipt))
        raise


def _make_files(
    stage: Stage, keys: MemberKeys, new: NewMember, config: Config, text: str, now_ms: int
) -> None:
    keys.save(stage.path / "keys", Unlock.from_config(config.member.unlock))
    write_private(stage.path / REQUEST_NAME, _request(keys, new, now_ms) + b"\n")
    # Late: what was made on a server stays behind there if something after it fails.
    place = stage.path / "node.db" if config.store.url is None else store_place(config)
    create_database(place, keys.database_key)
    token = admin_token(place, keys.database_key, now_ms)
    write_private(stage.path / "admin.token", token.encode() + b"\n")
    write_private(stage.path / CONFIG_NAME, text.encode())


def admin_token(place: Place, key: bytes, now_ms: int) -> str:
    """Make the token of the command line and keep its digest in the database."""
    text, record = new_token(ADMIN_NAME, frozenset({Scope.ADMIN}), now_ms)
    with writing(place, key) as store:
        store.write(insert_token, record)
    return text


def _request(keys: MemberKeys, new: NewMember, now_ms: int) -> bytes:
    return make_request(
        keys,
        first_document(keys, new, now_ms),
        network=new.network,
        name=new.name,
        roles=new.roles,
        jurisdictions=new.jurisdictions,
        now_ms=now_ms,
        version=new.role_version,
    )


def first_document(keys: MemberKeys, new: NewMember, now_ms: int) -> MemberDocument:
    """Give the member document with which a member asks for admission."""
    document = keys.document(
        network=new.network,
        member=new.member,
        sequence=new.sequence,
        endpoint=new.endpoint,
        reachable=new.endpoint is not None,
        capabilities=spoken(),
        sealing_not_after_ms=sealing_calendar((key.public.key_id for key in keys.sealing), now_ms),
    )
    before = _before(new)
    return document if before is None else begun_anew(document, before, now_ms)
