"""Signing keys in a hardware security module: the only module that speaks PKCS#11.

The Ed25519 half of a log or receipt key is made in the token and never leaves it; the ML-DSA-44
half lies in the encrypted key file, which names the half in the token. Both must sign, so a thief
needs both (docs/adr/0014-hsm-holds-the-ed25519-half.md).

* What the token signs is verified before anybody sees it: another key under the same id, or a
  token that computes wrongly, is an error here and not at a peer.
* A session that died is opened once more. What is still away then is `HsmAwayError`; the next call
  tries again, so a token that comes back is used without a restart.
* A module that does not answer within `patience_s` is left to itself (`HsmHangsError`); until it
  answers, every call fails at once, so nobody is held up by it.
* **A PIN that was refused is never tried again by this process**, and the last try that a token
  counts is left to a person: a wrong setting must not lock the token.

Calls take their turn (`keys.patience`): PKCS#11 sessions are not made for several threads, and a
module that is started anew loses all of them. `pkcs11` is imported on first use: it is an optional
part.
"""

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from keys.admission import check_ed25519
from keys.errors import (
    HsmAwayError,
    HsmError,
    HsmHangsError,
    HsmKeyError,
    HsmLoginError,
    UnreadableKeyError,
    WeakKeyError,
)
from keys.hsm_key import ID_BYTES, PUBLIC_BYTES, HsmKey, KeyReference
from keys.hsm_uri import TokenUri
from keys.patience import Calls
from keys.signing import SEED_BYTES, SigningKey
from keys.unlock import Unlock

if TYPE_CHECKING:
    from pkcs11 import Session, Token
    from pkcs11._pkcs11 import lib as Library  # noqa: N812 - the library's class is lower-case

# DER of the object identifier 1.3.101.112, id-Ed25519 (RFC 8410; PKCS#11 3.0 section 2.3.5).
ED25519_PARAMETERS: Final = bytes.fromhex("06032b6570")
_OCTET_STRING: Final = b"\x04\x20"
_T = TypeVar("_T")
PATIENCE_S: Final = 5.0
"""A network HSM answers within some hundred milliseconds; a call that waits holds up the node."""
_calls: Final = Calls()
_refused_pins: Final[dict[tuple[TokenUri, int], str]] = {}
"""What was refused by whatever `Hsm` asked: a verb opens the same token several times."""


@dataclass(slots=True)
class Hsm:
    """One token: keys are made, found and used in it.

    Attributes:
        uri: which token.
        pin: where its PIN is.
        patience_s: how long an answer of the token is waited for.
    """

    uri: TokenUri
    pin: Unlock
    patience_s: float = PATIENCE_S
    _session: "Session | None" = field(default=None, init=False, repr=False)
    _found: dict[bytes, Any] = field(default_factory=dict, init=False, repr=False)
    _refused: str | None = field(default=None, init=False, repr=False)

    @classmethod
    def from_config(cls, uri: str, pin: str) -> Self:
        """The token that the configuration names; nothing is asked of it yet.

        Raises:
            UnreadableKeyError: the URI or the setting of the PIN is wrong.
        """
        return cls(TokenUri.parse(uri), Unlock.from_config(pin, name="hsm_pin"))

    def make(self, purpose: str) -> HsmKey:
        """Make an Ed25519 key in the token, which can sign and cannot leave it.

        Raises:
            HsmError: nothing was made.
        """
        label, key_id = f"{self.uri.object}-{purpose}", secrets.token_bytes(ID_BYTES)
        public = self._do(lambda session: _generate(session, label, key_id), writes=True)
        key = HsmKey(self, KeyReference(public, key_id, label))
        try:
            check_ed25519(public)
            key.check()
        except WeakKeyError as error:
            self.destroy(key.reference)
            raise HsmKeyError(f"hsm: the token made a key that nobody may use: {error}") from None
        except HsmKeyError:
            self.destroy(key.reference)
            raise
        return key

    def sign(self, reference: KeyReference, message: bytes) -> bytes:
        """Sign in the token; the signature is verified before it is given.

        Raises:
            HsmAwayError: token, module or session are not there now; try again.
            HsmLoginError: the token does not let us in.
            HsmKeyError: no such key there, another one, or one that could leave the token.
        """
        return self._do(lambda session: self._signature(session, reference, message))

    def destroy(self, reference: KeyReference) -> None:
        """Destroy a key for ever; one that is not there is fine.

        Raises:
            HsmError: the token is not there or does not let us in.
        """
        self._do(lambda session: _destroy(session, reference.id), writes=True)

    def close(self) -> None:
        """End the session; the next call opens another. One that hangs is left as it is."""
        with suppress(HsmHangsError):
            _calls.make(self._close, self.patience_s)

    def _close(self) -> None:
        if self._session is not None:
            with suppress(Exception):
                self._session.close()
        self._session, self._found = None, {}

    def _do(self, work: "Callable[[Session], _T]", *, writes: bool = False) -> _T:
        """Work in a session; one that died, or has become another one's, is opened once more.

        (A module that was started anew gives out the same handles again.) What writes has a
        session of its own, and is never done twice.
        """
        _pkcs11()
        return _calls.make(lambda: self._in_turn(work, writes=writes), self.patience_s)

    def _in_turn(self, work: "Callable[[Session], _T]", *, writes: bool) -> _T:
        failure = _pkcs11().PKCS11Error
        if writes:
            self._close()
        for last in (True,) if writes else (False, True):
            session = self._opened(writes=writes)
            try:
                return work(session)
            except (failure, HsmKeyError) as error:
                self._close()
                if last and isinstance(error, HsmKeyError):
                    raise
                if last:
                    raise self._away(error) from None
            finally:
                if writes:
                    self._close()
        raise AssertionError("the loop returns or raises")

    def _opened(self, *, writes: bool) -> "Session":
        if self._refused is not None:
            raise HsmLoginError(self._refused)
        if self._session is None:
            pin = self.pin.pin()
            self._refused = _refused_pins.get((self.uri, hash(pin)))
            if self._refused is not None:
                raise HsmLoginError(self._refused)
            try:
                self._session = self._log_in(pin, writes=writes, anew=False)
            except HsmAwayError:
                self._session = self._log_in(pin, writes=writes, anew=True)
        return self._session

    def _log_in(self, pin: str, *, writes: bool, anew: bool) -> "Session":
        """Open a session; `anew`: of a module started anew, which sees what was plugged in since.

        Raises:
            HsmAwayError: the token or its module is not there.
            HsmLoginError: it refuses the PIN; remembered.
        """
        pkcs11 = _pkcs11()
        refusals = (
            pkcs11.PinIncorrect,
            pkcs11.PinInvalid,
            pkcs11.PinLenRange,
            pkcs11.PinExpired,
            pkcs11.PinLocked,
            pkcs11.UserPinNotInitialized,
        )
        try:
            library = pkcs11.lib(str(self.uri.module))
            if anew:
                _start_anew(library)
            token = self._token(library)
            if not may_try(token.flags):
                raise self._refuse("its PIN is locked, or one wrong try from it: log in by hand")
            try:
                return token.open(rw=writes, user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:
                return token.open(rw=writes)
        except refusals as error:
            what = f"it does not take the PIN ({type(error).__name__})"
            refused = self._refuse(f"{what}: correct [member] hsm_pin, then restart the node")
            _refused_pins[self.uri, hash(pin)] = str(refused)
            raise refused from None
        except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
            raise self._away(error) from None

    def _token(self, library: "Library") -> "Token":
        uri = self.uri
        serial = None if uri.serial is None else uri.serial.encode()
        found = [
            token
            for token in library.get_tokens(token_label=uri.token, token_serial=serial)
            if uri.manufacturer in {None, token.manufacturer_id}
            and uri.model in {None, token.model}
        ]
        if not found:
            raise HsmAwayError(f"hsm: there is no token {uri.shown}; put it in, or correct {_HSM}")
        if len(found) > 1:
            raise UnreadableKeyError(f"hsm: several tokens are {uri.shown}; add serial= to {_HSM}")
        return found[0]

    def _signature(self, session: "Session", reference: KeyReference, message: bytes) -> bytes:
        key = self._found.get(reference.id)
        if key is None:
            key = self._found[reference.id] = _private(session, reference)
        signature: bytes = key.sign(message, mechanism=_pkcs11().Mechanism.EDDSA)
        try:
            Ed25519PublicKey.from_public_bytes(reference.public).verify(signature, message)
        except InvalidSignature:
            mend = "is another key than the key file names; use the token that belongs to keys_dir"
            raise HsmKeyError(f"hsm: {reference.label} {mend}") from None
        return signature

    def _away(self, error: Exception) -> HsmAwayError:
        name = type(error).__name__
        return HsmAwayError(f"hsm: token {self.uri.shown} cannot be used now ({name}); see to it")

    def _refuse(self, why: str) -> HsmLoginError:
        self._refused = f"hsm: token {self.uri.shown}: {why}"
        return HsmLoginError(self._refused)


_HSM: Final = "[member] hsm"


def hybrid_key(purpose: str, hsm: Hsm | None) -> SigningKey:
    """A fresh key with both halves; with an HSM, its Ed25519 half is made there.

    Raises:
        HsmError: nothing was made.
    """
    if hsm is None:
        return SigningKey.generate()
    mldsa44 = MLDSA44PrivateKey.from_seed_bytes(secrets.token_bytes(SEED_BYTES))
    return SigningKey(hsm.make(purpose), mldsa44)


def destroy(keys: Iterable[SigningKey]) -> None:
    """Destroy those halves that lie in a token, of keys that never came into use.

    One that cannot be destroyed stays there: nothing believes it, and nothing asks for it.
    """
    for half in in_hsm(keys):
        with suppress(HsmError):
            half.token.destroy(half.reference)


def in_hsm(keys: Iterable[SigningKey]) -> list[HsmKey]:
    """Those halves of keys that lie in a token."""
    halves = (key.private_keys()[0] for key in keys)
    return [half for half in halves if isinstance(half, HsmKey)]


def _pkcs11() -> ModuleType:
    try:
        import pkcs11  # noqa: PLC0415 - optional
    except ImportError:
        mend = "install the extra hsm: pip install 'hotline-exchange[hsm]'"
        raise UnreadableKeyError(f"hsm: python-pkcs11 is not installed; {mend}") from None
    return pkcs11


def may_try(flags: int) -> bool:
    """Whether a login may be tried: not on a locked token, nor when one wrong PIN would lock it."""
    flag = _pkcs11().TokenFlag
    return not flags & (flag.USER_PIN_LOCKED | flag.USER_PIN_FINAL_TRY)


def _start_anew(library: "Library") -> None:
    """Start a module anew: some see a token that was plugged in, or a daemon, only so."""
    with suppress(_pkcs11().PKCS11Error):
        library.finalize()
    library.initialize()


def _generate(session: "Session", label: str, key_id: bytes) -> bytes:
    """Make a key pair in the token; return its public half."""
    pkcs11 = _pkcs11()
    attribute = pkcs11.Attribute
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC_EDWARDS, {attribute.EC_PARAMS: ED25519_PARAMETERS}, local=True
    )
    public, _ = parameters.generate_keypair(
        mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        store=True,
        label=label,
        id=key_id,
        capabilities=pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
        private_template={attribute.SENSITIVE: True, attribute.EXTRACTABLE: False},
    )
    point = bytes(public[attribute.EC_POINT])
    # PKCS#11 3.0 section 2.3.5 gives the point as it is; earlier ones wrap it in an OCTET STRING.
    return point.removeprefix(_OCTET_STRING) if len(point) > PUBLIC_BYTES else point


def _private(session: "Session", reference: KeyReference) -> Any:
    pkcs11 = _pkcs11()
    attribute, classes = pkcs11.Attribute, pkcs11.ObjectClass
    found: list[Any] = list(
        session.get_objects({attribute.CLASS: classes.PRIVATE_KEY, attribute.ID: reference.id})
    )
    if len(found) > 1:
        mend = "its contents were restored twice: take one of them out"
        raise HsmKeyError(f"hsm: the token holds {reference.label} of this node twice; {mend}")
    if not found:
        mend = "use the token that belongs to keys_dir, or restore its contents"
        raise HsmKeyError(f"hsm: the token holds no key {reference.label} of this node; {mend}")
    key = found[0]
    if key.key_type != pkcs11.KeyType.EC_EDWARDS:
        raise HsmKeyError(f"hsm: {reference.label} in the token is no Ed25519 key")
    if key[attribute.EXTRACTABLE] or not key[attribute.SENSITIVE]:
        raise HsmKeyError(f"hsm: {reference.label} could leave the token; make keys anew there")
    return key


def _destroy(session: "Session", key_id: bytes) -> None:
    attribute = _pkcs11().Attribute
    for one in list(session.get_objects({attribute.ID: key_id})):
        one.destroy()
