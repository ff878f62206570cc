"""The member document: where a member is reached, and its operational keys by purpose.

A member signs it with its own offline member key, as a delegated role of the registry; nobody else
can change it. Bytes in base64, times in integer milliseconds UTC. Each signing key carries a proof
of possession for this network, member and purpose (`keys.admission`). No key serves two purposes.
From when and until when each signs new things: `keys.turns`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, get_args

from keys.admission import check_proof
from keys.documents import Fields, check_name, encode_bytes, parse, serialise
from keys.errors import KeysError, UnknownKeyError, UntrustedDocumentError, WeakKeyError
from keys.recovering import FIELD, Recovering, read_recovering
from keys.sealing import SealingPublicKey
from keys.signing import VerifyKey
from keys.turns import WHOLE, Turn, read_turns

MEMBER_TYPE: Final = "hx1-member"
Purpose = Literal["log", "receipt", "transport", "witness"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
SPKI_BYTES: Final = 32
_MAX_PORT: Final = 65_535
_ENDPOINT: Final = re.compile(
    r"https://(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\]):(?P<port>[1-9][0-9]{0,4})"
)
_WHERE: Final = "member document"


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A signing key as a member publishes it, with its proof of possession.

    Attributes:
        key: passed admission.
        proof: base64 signatures by algorithm; checked by `MemberDocument.check_proofs`.
        extra: fields of later versions.
    """

    key: VerifyKey
    proof: Mapping[str, str]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishedSealingKey:
    """A sealing key as a member publishes it.

    Attributes:
        key: passed admission.
        not_after_ms: until when others should seal to it, UTC.
        extra: fields of later versions.
    """

    key: SealingPublicKey
    not_after_ms: int
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a member's node can speak; signed, so that nobody in between can lower it.

    Attributes:
        versions: protocol versions.
        kinds: codes of the entry kinds it can process.
        extra: fields of later versions.
    """

    versions: tuple[int, ...]
    kinds: tuple[int, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemberDocument:
    """A member's own statement of endpoint, capabilities and keys.

    Attributes:
        member: member id.
        sequence: grows with every change, from 1.
        endpoint: `https://host:port`, or None for a node that cannot be reached from outside.
        reachable: whether peers may connect to `endpoint`.
        capabilities: versions and kinds.
        log: keys for channels, ledger heads and exports.
        receipt: keys for cosignatures on checkpoints received.
        transport: keys for HTTP requests and responses.
        witness: keys for cosignatures on ledgers.
        tls: SHA-256 of the SubjectPublicKeyInfo of each accepted certificate, 32 bytes each.
        sealing: keys that others seal to.
        recovering: set while the member gets back from its peers what its node lost.
        turns: by key id, from when and until when a key other than a sealing key serves.
        extra: fields of later versions, handed on unchanged.

    Raises:
        UntrustedDocumentError: on construction, when a rule of this module is broken.
    """

    member: str
    sequence: int
    endpoint: str | None
    reachable: bool
    capabilities: Capabilities
    log: tuple[PublishedKey, ...] = ()
    receipt: tuple[PublishedKey, ...] = ()
    transport: tuple[PublishedKey, ...] = ()
    witness: tuple[PublishedKey, ...] = ()
    tls: tuple[bytes, ...] = ()
    sealing: tuple[PublishedSealingKey, ...] = ()
    recovering: Recovering | None = None
    turns: Mapping[str, Turn] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.member, f"{_WHERE}: member")
        if self.sequence < 1:
            raise UntrustedDocumentError(f"{_WHERE}: sequence: needs an integer from 1")
        _check_endpoint(self.endpoint, reachable=self.reachable)
        _check_distinct(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Parse a document whose bytes the registry has verified.

        Raises:
            UntrustedDocumentError: names the field and what is wrong with it.
        """
        fields = parse(raw, _WHERE)
        fields.constant("_type", MEMBER_TYPE)
        keys = fields.child("keys")
        signing = {purpose: _signing_keys(keys, purpose) for purpose in PURPOSES}
        tls, sealing = _tls_spkis(keys), _sealing_keys(keys)
        keys.done()
        return cls(
            member=fields.text("member"),
            sequence=fields.integer("sequence", 1),
            endpoint=fields.optional_text("endpoint"),
            reachable=fields.boolean("reachable"),
            capabilities=_capabilities(fields.child("capabilities")),
            tls=tls,
            sealing=sealing,
            recovering=read_recovering(fields),
            turns=read_turns(fields.child("turns")) if fields.has("turns") else {},
            extra=fields.rest(),
            **signing,
        )

    def to_bytes(self) -> bytes:
        """The canonical JSON of this document; `from_bytes` gives it back."""
        signing = {
            purpose: [_signing_record(published) for published in self.published(purpose)]
            for purpose in PURPOSES
        }
        other = {
            "tls": [{"spki_sha256": encode_bytes(spki)} for spki in self.tls],
            "sealing": [_sealing_record(published) for published in self.sealing],
        }
        capabilities = {
            **self.capabilities.extra,
            "versions": list(self.capabilities.versions),
            "kinds": list(self.capabilities.kinds),
        }
        recovering = self.recovering
        said = {} if recovering is None else {FIELD: recovering.record()}
        turns = {key_id: turn.record() for key_id, turn in self.turns.items()}
        return serialise(
            {
                **self.extra,
                **said,
                **({"turns": turns} if turns else {}),
                "_type": MEMBER_TYPE,
                "member": self.member,
                "sequence": self.sequence,
                "endpoint": self.endpoint,
                "reachable": self.reachable,
                "capabilities": capabilities,
                "keys": {**signing, **other},
            }
        )

    def published(self, purpose: Purpose) -> tuple[PublishedKey, ...]:
        """The signing keys of one purpose, with their proofs."""
        by_purpose = {
            "log": self.log,
            "receipt": self.receipt,
            "transport": self.transport,
            "witness": self.witness,
        }
        return by_purpose[purpose]

    def turn(self, key_id: str) -> Turn:
        """The turn of a key; a whole one unless the document says otherwise."""
        return self.turns.get(key_id, WHOLE)

    def serving(self, purpose: Purpose, at_ms: int) -> tuple[VerifyKey, ...]:
        """The keys of one purpose that may sign something new at `at_ms` (UTC): none retired."""
        listed = (published.key for published in self.published(purpose))
        return tuple(key for key in listed if not self.turn(key.key_id).is_over(at_ms))

    def tls_serving(self, at_ms: int) -> frozenset[bytes]:
        """The pins of `tls_spkis` that a listener may show at `at_ms` (UTC)."""
        return frozenset(s for s in self.tls if not self.turn(tls_key_id(s)).is_over(at_ms))

    @property
    def log_keys(self) -> tuple[VerifyKey, ...]:
        """Keys that signed or sign this member's checkpoints, retired ones too."""
        return tuple(published.key for published in self.log)

    @property
    def receipt_keys(self) -> tuple[VerifyKey, ...]:
        """Keys that signed or sign this member's receipts, retired ones too."""
        return tuple(published.key for published in self.receipt)

    @property
    def transport_keys(self) -> tuple[VerifyKey, ...]:
        """Keys that signed or sign this member's HTTP messages, retired ones too."""
        return tuple(published.key for published in self.transport)

    @property
    def witness_keys(self) -> tuple[VerifyKey, ...]:
        """Keys that sign or signed this member's cosignatures on ledgers, none that was stolen.

        A cosignature is a word about time, and with a stolen key the thief says any time.
        """
        listed = (published.key for published in self.witness)
        return tuple(key for key in listed if self.turn(key.key_id).compromised_ms is None)

    @property
    def witness_ends(self) -> dict[str, int]:
        """By key id, the ends (ms UTC) of turns of this member's witness keys, if they have any.

        A witness is believed about time: what it cosigned before that, by its own word, counts for
        good (docs/protocol.md §8.12.10).
        """
        turns = ((one.key.key_id, self.turn(one.key.key_id).until_ms) for one in self.witness)
        return {key_id: until_ms for key_id, until_ms in turns if until_ms is not None}

    @property
    def tls_spkis(self) -> frozenset[bytes]:
        """SHA-256 of each accepted certificate's SubjectPublicKeyInfo."""
        return frozenset(self.tls)

    def sealing_key_at(self, now_ms: int) -> SealingPublicKey:
        """The key to seal to at `now_ms` (UTC): of those that still last, the one that ends first.

        So a member publishes the keys of many months at once, and each is used in its turn. If none
        lasts, the one that lasted longest: a calendar that ran out must not stop removals.

        Raises:
            UnknownKeyError: the member publishes none.
        """
        if not self.sealing:
            raise UnknownKeyError(f"keys.sealing: {self.member} publishes no sealing key")
        in_turn = sorted(self.sealing, key=lambda published: published.not_after_ms)
        return next((p for p in in_turn if p.not_after_ms > now_ms), in_turn[-1]).key

    def recovery_key(self) -> SealingPublicKey:
        """The key to seal to what is handed back to this member after a loss.

        Raises:
            UnknownKeyError: it is not recovering, or no longer publishes the key that it named.
        """
        named = None if self.recovering is None else self.recovering.sealing_key
        for published in self.sealing:
            if published.key.key_id == named:
                return published.key
        raise UnknownKeyError(f"recovering.sealing_key: {self.member} publishes no such key")

    def signing_key(self, purpose: Purpose, key_id: str, at_ms: int = 0) -> VerifyKey:
        """The key of one purpose with this id, to verify what is made at `at_ms` (UTC).

        Raises:
            UnknownKeyError: none, or retired; the member's newer document may be needed.
        """
        for key in self.serving(purpose, at_ms):
            if key.key_id == key_id:
                return key
        raise UnknownKeyError(f"keys.{purpose}: {self.member} publishes no key of that id")

    def check_proofs(self, network: str) -> None:
        """Check the proof of possession of every signing key.

        Args:
            network: network id, `<name>-<16 hex digits>`.

        Raises:
            UntrustedDocumentError: names the key whose proof fails.
        """
        for purpose in PURPOSES:
            for index, published in enumerate(self.published(purpose)):
                try:
                    check_proof(published.key, published.proof, network, self.member, purpose)
                except KeysError as error:
                    where = f"{_WHERE}: keys.{purpose}[{index}]"
                    raise UntrustedDocumentError(f"{where}: {error}") from None


def tls_key_id(spki_sha256: bytes) -> str:
    """The id of a TLS key: the first 16 hex digits of its pin (docs/protocol.md §3.7.3)."""
    return spki_sha256.hex()[:16]


def _signing_keys(keys: Fields, purpose: Purpose) -> tuple[PublishedKey, ...]:
    return tuple(_signing_key(record) for record in keys.children(purpose))


def _signing_key(record: Fields) -> PublishedKey:
    names = ("key_id", "ed25519", "mldsa44")
    values = {name: record.text(name) for name in names if record.has(name)}
    proof_fields = record.child("proof")
    proof = {name: proof_fields.text(name) for name in proof_fields.names()}
    try:
        key = VerifyKey.from_json(values)
    except (UntrustedDocumentError, WeakKeyError) as error:
        record.refuse("", str(error))
    return PublishedKey(key, proof, record.rest())


def _signing_record(published: PublishedKey) -> dict[str, Any]:
    return {**published.extra, **published.key.to_json(), "proof": dict(published.proof)}


def _sealing_keys(keys: Fields) -> tuple[PublishedSealingKey, ...]:
    return tuple(_sealing_key(record) for record in keys.children("sealing"))


def _sealing_key(record: Fields) -> PublishedSealingKey:
    key_id = record.text("key_id")
    try:
        key = SealingPublicKey(record.octets("public"))
    except WeakKeyError as error:
        record.refuse("public", str(error))
    if key.key_id != key_id:
        record.refuse("key_id", "is not the id of this key; recompute it")
    return PublishedSealingKey(key, record.integer("not_after_ms"), record.rest())


def _sealing_record(published: PublishedSealingKey) -> dict[str, Any]:
    return {
        **published.extra,
        "key_id": published.key.key_id,
        "public": encode_bytes(published.key.raw),
        "not_after_ms": published.not_after_ms,
    }


def _tls_spkis(keys: Fields) -> tuple[bytes, ...]:
    spkis = []
    for record in keys.children("tls"):
        spki = record.octets("spki_sha256")
        if len(spki) != SPKI_BYTES:
            record.refuse("spki_sha256", f"needs {SPKI_BYTES} bytes")
        record.done()
        spkis.append(spki)
    return tuple(spkis)


def _capabilities(fields: Fields) -> Capabilities:
    return Capabilities(fields.integers("versions"), fields.integers("kinds"), fields.rest())


def _check_endpoint(endpoint: str | None, *, reachable: bool) -> None:
    where = f"{_WHERE}: endpoint"
    if endpoint is None:
        if reachable:
            raise UntrustedDocumentError(f"{where}: is needed when reachable is true")
        return
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise UntrustedDocumentError(
            f"{where}: needs https://host:port and nothing more, the host in lower-case A-labels"
        )


def _check_distinct(document: MemberDocument) -> None:
    """No key twice, neither within a purpose nor across purposes."""
    signing = [key.key for purpose in PURPOSES for key in document.published(purpose)]
    halves = [key.ed25519 for key in signing] + [key.mldsa44 for key in signing if key.mldsa44]
    sealing = [published.key.key_id for published in document.sealing]
    ids = [key.key_id for key in signing] + sealing
    for values in (halves, ids, document.tls):
        if _repeated(values):
            raise UntrustedDocumentError(f"{_WHERE}: keys: a key stands twice; use a key once")


def _repeated(values: Iterable[object]) -> bool:
    listed = list(values)
    return len(set(listed)) != len(listed)
