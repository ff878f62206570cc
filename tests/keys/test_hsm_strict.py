"""What SoftHSM2 cannot be made to do: a token that takes only what it is told in full, and errs.

A driver of this file stands where python-pkcs11 would load a module.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
from pkcs11.exceptions import (
    FunctionFailed,
    MechanismInvalid,
    TemplateIncomplete,
    UserAlreadyLoggedIn,
)

from keys import Unlock, UnreadableKeyError
from keys.errors import HsmAwayError, HsmKeyError, HsmLoginError
from keys.hsm import Hsm
from keys.hsm_uri import TokenUri

PIN = "a-pin-of-a-test"
NEUTRAL = b"\x01" + bytes(31)
"""The neutral point of the curve: a key under which anybody signs anything."""
LIKE_AN_OCTET_STRING = (50_154).to_bytes(32, "big")
"""A seed whose public key begins with 04 20, as an OCTET STRING of 32 bytes does."""
NO_WAY_OUT: Mapping[Attribute, bool] = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


@dataclass(eq=False)
class Driver:
    """A module with one token in it, which is its own session.

    Attributes:
        key: what the token makes and signs with.
        point: what it says that the public half is.
        flags: what it says of its PIN.
        fails: whether no key can be made.
        logged_in: whether this process is let in already.
        held: the keys in it, by their ids.
        template: what is said of each of them.
        opened: whether each session that was opened could write.
        done: what else was asked of it.
    """

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    point: bytes = b""
    flags: TokenFlag = TokenFlag.LOGIN_REQUIRED
    fails: bool = False
    logged_in: bool = False
    held: list[bytes] = field(default_factory=list)
    template: Mapping[Attribute, Any] = field(default_factory=dict)
    opened: list[bool] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    manufacturer_id = model = "of a test"
    key_type = KeyType.EC_EDWARDS

    def get_tokens(self, **_: object) -> list[Driver]:
        """Give the one token."""
        return [self]

    def initialize(self) -> None:
        """Start anew."""
        self.done.append("started anew")

    finalize = initialize

    def open(self, *, rw: bool, user_pin: str | None = None) -> Driver:
        """Give a session to who knows the PIN, or is let in already and gives none."""
        if self.logged_in and user_pin is not None:
            raise UserAlreadyLoggedIn
        assert self.logged_in or user_pin == PIN
        self.opened.append(rw)
        return self

    def close(self) -> None:
        """End the session."""
        self.done.append("closed")

    def create_domain_parameters(
        self, key_type: KeyType, attributes: Mapping[Attribute, bytes], *, local: bool
    ) -> Driver:
        """Take the curve of Ed25519 only."""
        assert (key_type, local) == (KeyType.EC_EDWARDS, True)
        assert attributes == {Attribute.EC_PARAMS: bytes.fromhex("06032b6570")}
        return self

    def generate_keypair(
        self,
        *,
        mechanism: Mechanism | None = None,
        store: bool,
        label: str,
        id: bytes,  # noqa: A002 - python-pkcs11's own name
        capabilities: MechanismFlag | None = None,
        private_template: Mapping[Attribute, Any] | None = None,
    ) -> tuple[Mapping[Attribute, bytes], Driver]:
        """Make a key of which everything is said."""
        assert store
        assert label
        self.done.append("asked to make")
        if self.fails:
            raise FunctionFailed
        if mechanism is not Mechanism.EC_EDWARDS_KEY_PAIR_GEN:
            raise MechanismInvalid
        if capabilities != MechanismFlag.SIGN | MechanismFlag.VERIFY or not private_template:
            raise TemplateIncomplete
        self.held.append(id)
        self.template = private_template
        point = self.point or self.key.public_key().public_bytes_raw()
        return {Attribute.EC_POINT: point}, self

    def get_objects(self, wanted: Mapping[Attribute, Any]) -> list[Driver]:
        """Find a key by its id."""
        if wanted.get(Attribute.CLASS) is ObjectClass.PRIVATE_KEY:
            self.done.append("searched")
        return [self] * self.held.count(wanted[Attribute.ID])

    def __getitem__(self, attribute: Attribute) -> Any:
        return self.template[attribute]

    def sign(self, message: bytes, *, mechanism: Mechanism | None = None) -> bytes:
        """Sign, if it is said how."""
        if mechanism is not Mechanism.EDDSA:
            raise MechanismInvalid
        return self.key.sign(message)

    def destroy(self) -> None:
        """Destroy the only key."""
        self.held.clear()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Give the driver that is loaded for every module."""
    made = Driver()
    monkeypatch.setattr("pkcs11.lib", lambda _path: made)
    return made


@pytest.fixture
def hsm() -> Hsm:
    """Give its token as the node opens it."""
    uri = TokenUri.parse("pkcs11:token=t?module-path=/none.so")
    return Hsm(uri, Unlock.from_config("env:PIN", {"PIN": PIN}))


def test_a_token_is_told_how_to_make_a_key_and_how_to_sign(driver: Driver, hsm: Hsm) -> None:
    """What it takes where nothing is said is each maker's own choice."""
    hsm.make("log").check()
    assert driver.template == NO_WAY_OUT


def test_a_public_key_that_looks_wrapped_and_is_not_is_taken_as_it_is(
    driver: Driver, hsm: Hsm
) -> None:
    """Tokens of PKCS#11 3.0 give the point bare; one key of 65,536 begins like an OCTET STRING."""
    driver.key = Ed25519PrivateKey.from_private_bytes(LIKE_AN_OCTET_STRING)
    public = driver.key.public_key().public_bytes_raw()
    assert public.startswith(b"\x04\x20")
    assert hsm.make("log").reference.public == public


def test_a_key_that_nobody_may_use_is_destroyed_again(driver: Driver, hsm: Hsm) -> None:
    """A token that makes weak keys is named, and keeps none of them."""
    driver.point = NEUTRAL
    with pytest.raises(HsmKeyError, match="the token made a key that nobody may use"):
        hsm.make("log")
    assert driver.held == []


def test_a_key_that_does_not_sign_as_itself_is_destroyed_again(driver: Driver, hsm: Hsm) -> None:
    """It is found out before anything names it."""
    driver.point = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(HsmKeyError, match=r"^hsm: hotline-log is another key than .*; use the tok"):
        hsm.make("log")
    assert driver.held == []


def test_what_writes_is_tried_once(driver: Driver, hsm: Hsm) -> None:
    """A second time could leave a second key there; the failure is named."""
    driver.fails = True
    with pytest.raises(HsmAwayError, match=r"cannot be used now \(FunctionFailed\)"):
        hsm.make("log")
    assert driver.done.count("asked to make") == 1


@pytest.mark.parametrize("flag", [TokenFlag.USER_PIN_LOCKED, TokenFlag.USER_PIN_FINAL_TRY])
def test_a_token_near_its_lock_is_not_logged_in_to(
    driver: Driver, hsm: Hsm, flag: TokenFlag
) -> None:
    """A person does it, who knows the PIN for certain."""
    driver.flags |= flag
    why = "hsm: token t: its PIN is locked, or one wrong try from it: log in by hand"
    for _ in range(2):
        with pytest.raises(HsmLoginError, match=f"^{why}$"):
            hsm.make("log")
    assert driver.opened == []


def test_where_the_process_is_logged_in_already_a_key_is_made_without_the_pin(
    driver: Driver, hsm: Hsm
) -> None:
    """A login holds for all sessions of a process; this one can write all the same."""
    driver.logged_in = True
    hsm.make("log").check()
    assert driver.opened == [True, False]


def test_signatures_are_made_in_one_session_that_cannot_write(driver: Driver, hsm: Hsm) -> None:
    """Its key is searched once: each further question is a round to a device."""
    key = hsm.make("log")
    for _ in range(3):
        key.check()
    assert driver.opened == [True, False]
    assert driver.done.count("searched") == 1


def test_a_module_that_answers_is_not_started_anew(driver: Driver, hsm: Hsm) -> None:
    """All who use it in this process would lose their sessions."""
    hsm.make("log").check()
    assert "started anew" not in driver.done


def test_a_session_that_is_closed_ends_in_the_module_too(driver: Driver, hsm: Hsm) -> None:
    """A device has room for so many."""
    hsm.make("log")
    hsm.close()
    assert driver.done.count("closed") == len(driver.opened)


@pytest.mark.parametrize("way", [{Attribute.EXTRACTABLE: True}, {Attribute.SENSITIVE: False}])
def test_a_key_with_either_way_out_never_signs(
    driver: Driver, hsm: Hsm, way: Mapping[Attribute, bool]
) -> None:
    """Wrapped by another key, or read in the clear: each alone is a way out."""
    key = hsm.make("log")
    hsm.close()
    driver.template = {**NO_WAY_OUT, **way}
    with pytest.raises(HsmKeyError, match="could leave the token"):
        key.sign(b"m")


def test_without_the_optional_part_its_name_is_told(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever configures an HSM installs it with one command."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    mend = r"not installed; install the extra hsm: pip install 'hotline-exchange\[hsm\]'$"
    with pytest.raises(UnreadableKeyError, match=mend):
        hsm.make("log")
