"""Every parser of bytes from outside: what it reads, what it may end in, and good inputs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from multidict import CIMultiDict

from keys import armour
from keys.errors import KeysError
from keys.hsm_uri import TokenUri
from keys.keyring import MemberKeys
from keys.member import MemberDocument
from keys.network import NetworkDocument
from keys.registry import Registry, verify_chain
from node.api.idempotency import read_key
from node.api.problems import ApiError
from node.casework.incoming.arrivals import Arrived
from node.casework.incoming.reading import parse
from node.casework.rebuilt.recovered import key_of, read_said
from node.config.errors import ConfigError
from node.config.reading import parse as parse_config
from node.evidence import check
from node.evidence.errors import EvidenceError
from node.interchange import csv_reports, ndjson_reports
from node.interchange.errors import InterchangeError
from node.jurisdiction.errors import UnlocatableError
from node.jurisdiction.locations import canonical, canonical_service
from node.peer.errors import PeerError
from node.peer.http import signatures, wire
from node.peer.http.signatures import HttpRequest, HttpResponse
from node.registry.admission import read_request
from node.registry.errors import RegistryError
from node.registry.publish import read_publication
from protocol import answers, encoding, entry, messages, note, pull, push
from protocol.answers import ANSWERS, NOTHING, Answer, AnswerCode, Position, Then, Told
from protocol.channel import Channel
from protocol.checkpoint import (
    Checkpoint,
    read_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from protocol.errors import ProtocolError
from protocol.pull import Pull
from protocol.receipt import cosign, verify_receipt
from protocol.vocabulary import Kind, Lane
from tests.builders.network import NOW_MS, make_network, member_keys
from tests.fuzzing.api import targets as api_targets
from tests.fuzzing.asked import targets as asked_targets
from tests.fuzzing.formats import bundle, config_text, csv_file, draft_json, publication, request
from tests.fuzzing.hashcheck import targets as hashcheck_targets
from tests.fuzzing.listening import targets as listening_targets
from tests.fuzzing.lists import targets as list_targets
from tests.fuzzing.places import places
from tests.fuzzing.signed import (
    bundles,
    ceremonies,
    forks,
    heard,
    ledgers,
    lineages,
    recoveries,
    revocations,
    sealed,
)
from tests.fuzzing.target import Target
from tests.protocol.samples import MESSAGES, NODE_SECRET, raw_entry

IWF, EOKM = "gb-iwf", "nl-eokm"
VECTORS: Final = Path(__file__).resolve().parent.parent / "vectors"
PASSPHRASE: Final = b"p" * 44


@cache
def _network() -> tuple[Registry, dict[str, bytes]]:
    registry, _, files = make_network([IWF, EOKM])
    return registry, dict(files)


@cache
def _checkpoint() -> Checkpoint:
    return Checkpoint(
        Channel(_network()[0].network_id, IWF, EOKM, Lane.REPORTS).origin(bytes(8)), 7, bytes(32)
    )


def _keys(member: str) -> MemberKeys:
    return member_keys(member)


def _entries() -> list[bytes]:
    return [raw_entry(message) for message in MESSAGES]


def _body_targets() -> list[Target]:
    """One for each kind: its own bodies first, those of other kinds for splicing."""
    every = {kind: [] for kind in Kind}  # type: dict[Kind, list[bytes]]
    for message in MESSAGES:
        every[Kind(messages.kind_of(message))].append(messages.to_body(message))
    return [
        Target(f"body.{kind.name.lower()}", partial(messages.from_body, int(kind)),
               (ProtocolError,), found)
        for kind, found in every.items()
        if found
    ]  # fmt: skip


def _arrived(raw: bytes) -> None:
    """Read an entry in custody: it says something, or the field is named that is at fault."""
    parsed = parse(Arrived(IWF, Lane.REPORTS, bytes(8), 0, entry.leaf(raw), raw))
    assert (parsed.message is None) == (parsed.fault is not None)
    key_of(raw)


def _handed_back(raw: bytes) -> object:
    """Read an entry of our own that a peer hands back after the loss of a disk."""
    return read_said(raw, NODE_SECRET)


def _heads() -> list[bytes]:
    notes = sign_checkpoint(_checkpoint(), _keys(IWF).log)
    return [push.PushHead(push.SUITE, "00112233aabbccdd", notes).to_bytes()]


def _answers() -> list[bytes]:
    told = Told(NOTHING, None, ())
    found = [
        Answer(1, code, told if rule.then is Then.JUDGE else None, bytes(16))
        for code, rule in ANSWERS.items()
    ]
    return [answers.to_bytes(answer) for answer in found]


def _pulls() -> list[bytes]:
    """Questions of §9.8: the first, and one that acknowledges a receipt."""
    here = Told(Position(bytes(8), 7, bytes(32)), b"a note", ())
    asked = [
        Pull(1, 25, None, Answer(1, AnswerCode.STATE, Told(NOTHING, None, ()), None)),
        Pull(1, 25, b"a receipt", Answer(1, AnswerCode.STATE, here, bytes(16))),
        Pull(1, 0, None, Answer(1, AnswerCode.BUSY, None, bytes(16))),
    ]
    return [pull.to_bytes(one) for one in asked]


def _offers() -> list[bytes]:
    head = push.read_head(_heads()[0])
    offered = pull.Offered(bytes(8), 7, head, b"sealed")
    return [pull.Offer(bytes(16), waits).to_bytes() for waits in (None, offered)]


def _registry(raw: bytes) -> object:
    """One file of a whole registry is replaced; which one, its first byte says."""
    _, files = _network()
    names = sorted(files)
    name = names[(raw[0] if raw else 0) % len(names)]
    pin = hashlib.sha256(files["metadata/1.root.json"]).digest()
    return verify_chain(pin, {**files, name: raw[1:]}, None)


def _registry_seeds() -> list[bytes]:
    _, files = _network()
    return [bytes((place,)) + files[name] for place, name in enumerate(sorted(files))]


def _key_file(read: Callable[..., object], raw: bytes) -> object:
    return read(raw, PASSPHRASE, "log")


def _armour() -> list[Target]:
    keys = _keys(IWF)
    made = {
        "signing": (armour.decode_signing, armour.encode_signing(keys.log, PASSPHRASE, "log")),
        "tls": (armour.decode_tls, armour.encode_tls(keys.tls, PASSPHRASE, "log")),
        "secret": (armour.decode_secret, armour.encode_secret(bytes(32), PASSPHRASE, "log")),
    }  # type: dict[str, tuple[Callable[..., object], bytes]]
    return [
        Target(f"key_file.{name}", partial(_key_file, read), (KeysError,), [raw])
        for name, (read, raw) in made.items()
    ]  # fmt: skip


def _lines(read: Callable[..., Any], raw: bytes) -> int:
    """Read a whole file: each line is a draft or a rejection, in order, and none is lost."""
    numbers = [line.number for line in read(io.BytesIO(raw), "0" * 64)]
    assert numbers == sorted(numbers)
    return len(numbers)


def _text(read: Callable[[str], object], raw: bytes) -> object:
    return read(raw.decode("utf-8", errors="surrogateescape"))


def _find_key(member: str, key_id: str) -> Any:
    return _network()[0].member(member).signing_key("transport", key_id)


def _fields(raw: bytes) -> CIMultiDict[str]:
    """Header fields as they might arrive: a line each, whatever it holds."""
    found: CIMultiDict[str] = CIMultiDict()
    for line in raw.decode("latin-1").split("\n"):
        name, _, value = line.partition(": ")
        found.add(name, value)
    return found


@cache
def _asked() -> HttpRequest:
    url = f"https://nl-eokm.example:8441/hx1/channels/{IWF}/reports?nonce={'0' * 32}"
    asked = HttpRequest("GET", url, CIMultiDict())
    asked.headers["Content-Digest"] = signatures.digest_field(hashlib.sha256(b"").digest())
    signatures.sign_request(asked, _keys(IWF).transport, IWF, NOW_MS, bytes(16))
    return asked


@cache
def _told() -> HttpResponse:
    told = HttpResponse(200, CIMultiDict(), _asked())
    told.headers["Content-Digest"] = signatures.digest_field(hashlib.sha256(b"").digest())
    told.headers["Content-Type"] = "application/hx1-answer"
    signatures.sign_answer(told, _keys(EOKM).transport, EOKM, NOW_MS)
    return told


def _signed_request(raw: bytes) -> object:
    return signatures.verify_request(HttpRequest("GET", _asked().url, _fields(raw)), _find_key)


def _signed_answer(raw: bytes) -> object:
    return signatures.verify_answer(HttpResponse(200, _fields(raw), _asked()), EOKM, _find_key)


def _header_seeds(message: HttpRequest | HttpResponse) -> list[bytes]:
    return ["\n".join(f"{name}: {value}" for name, value in message.headers.items()).encode()]


_ADDRESSES: Final = (
    "https://user:pw@IMG.Site7.example:443/a/../b%7e?x=1#top", "http://[2001:db8::7]:80/%41",
    "https://xn--bcher-kva.example./", "http://b\u00fccher.example/\u00e4", "hxxps://site7[.]example/1",
    "http://vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion/x", "http://203.0.113.7/",
)  # fmt: skip


@cache
def targets() -> tuple[Target, ...]:
    """Return every target there is."""
    checkpoint = _checkpoint()
    registry, _ = _network()
    cosigned = cosign(checkpoint, _keys(EOKM).receipt, NOW_MS // 1000)
    signed = sign_checkpoint(checkpoint, _keys(IWF).log)
    documents = [document.to_bytes() for document in registry.members.values()]
    theirs, ours = (ProtocolError,), (KeysError,)
    return (
        Target("entry", messages.read, theirs, _entries()),
        Target("entry.outer", entry.decode, theirs, _entries()),
        Target("value", lambda raw: encoding.unpack(raw, 65_536), theirs, _entries()),
        Target("arrived", _arrived, (), _entries()),
        Target("handed_back", _handed_back, theirs, _entries()),
        *_body_targets(),
        Target("push.head", push.read_head, theirs, _heads()),
        Target("push.frame", push.unframe, theirs, [push.frame(_entries())]),
        Target("note", note.parse, theirs, [signed, cosigned]),
        Target("checkpoint.unverified", read_checkpoint, theirs, [signed, cosigned]),
        Target("checkpoint", lambda raw: verify_checkpoint(raw, [_keys(IWF).log.public]),
               theirs, [signed, cosigned]),
        Target("receipt", lambda raw: verify_receipt(raw, checkpoint, [_keys(EOKM).receipt.public]),
               theirs, [cosigned, signed]),
        Target("answer", answers.from_bytes, theirs, _answers()),
        Target("pull", pull.from_bytes, theirs, _pulls()),
        Target("pull.offer", pull.read_offer, theirs, _offers()),
        *list_targets(),
        *hashcheck_targets(),
        *ledgers(),
        *lineages(),
        *sealed(),
        *bundles(),
        *asked_targets(),
        *listening_targets(),
        *recoveries(),
        *revocations(),
        *forks(),
        *ceremonies(),
        *heard(),
        Target("refusal", wire.read_refusal, (), [b"unsigned_request\n", b"busy"]),
        Target("nonce", lambda raw: wire.question_nonce(raw.decode("latin-1")), (),
               [b"nonce=" + b"0" * 32]),
        Target("member_document", MemberDocument.from_bytes, ours, documents),
        Target("network_document", NetworkDocument.from_bytes, ours, [registry.network.to_bytes()]),
        Target("registry", _registry, ours, _registry_seeds()),
        Target("admission_request", read_request, (RegistryError, *ours), [request()]),
        Target("publication", read_publication, (RegistryError, *ours), [publication()]),
        *_armour(),
        Target("signed_request", _signed_request, (PeerError, *ours), _header_seeds(_asked())),
        Target("signed_answer", _signed_answer, (PeerError, *ours), _header_seeds(_told())),
        Target("bundle", lambda raw: check.check(raw, bundle()[1]), (EvidenceError,),
               [bundle()[0]]),
        Target("csv", partial(_lines, csv_reports.read), (InterchangeError,), [csv_file()]),
        Target("ndjson", partial(_lines, ndjson_reports.read), (InterchangeError,),
               [draft_json() + b"\n" + draft_json()]),
        Target("json_document", partial(_lines, ndjson_reports.read_document), (InterchangeError,),
               [b"[" + draft_json() + b"," + draft_json() + b"]"]),
        *api_targets(),
        Target("address", partial(_text, canonical), (UnlocatableError,),
               [a.encode() for a in _ADDRESSES]),
        Target("service", partial(_text, lambda text: canonical_service(*text.partition("|")[::2])),
               (UnlocatableError,), [b"telegram|channel7", b"Discord|user#1234"]),
        *places(),
        Target("idempotency_key", partial(_text, lambda text: read_key([text])), (ApiError,),
               [b"0b2f-7"]),
        Target("hsm_uri", partial(_text, TokenUri.parse), ours,
               [b"pkcs11:token=gb-iwf;object=gb%2Diwf?module-path=/usr/lib/libsofthsm2.so"]),
        Target("config", partial(_text, lambda text: parse_config(text, Path("/x/node.toml"))),
               (ConfigError,), [config_text()]),
    )  # fmt: skip
