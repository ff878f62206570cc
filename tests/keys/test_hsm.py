"""Signing keys whose Ed25519 half lies in a token, against SoftHSM2."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from pkcs11 import Attribute, AttributeSensitive, KeyType, Mechanism, MechanismFlag, TokenFlag, lib
from pkcs11.exceptions import GeneralError
from pkcs11.util.ec import encode_named_curve_parameters

from keys import (
    BadSignatureError,
    MemberKeys,
    SigningKey,
    Unlock,
    UnreadableKeyError,
    VerifyKey,
    keyfile,
    prove,
)
from keys.admission import check_proof
from keys.errors import HsmAwayError, HsmKeyError, HsmLoginError
from keys.hsm import ED25519_PARAMETERS, Hsm, destroy, hybrid_key, may_try
from keys.hsm_key import HsmKey, KeyReference
from keys.hsm_uri import TokenUri
from tests.builders.softhsm import PIN, SoftHsm

NETWORK = "demo-0123456789abcdef"
NOW_MS = 1_767_225_600_000

# A search in a session that died cannot be ended either, which python-pkcs11 says when it is freed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def hsm(softhsm: SoftHsm) -> Iterator[Hsm]:
    """Give a token."""
    opened = softhsm.hsm(softhsm.token())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def key(hsm: Hsm) -> SigningKey:
    """Give a hybrid key with one half in the token."""
    return hybrid_key("log", hsm)


@pytest.fixture
def moved_away(softhsm: SoftHsm) -> Iterator[Path]:
    """Pull all tokens out for the length of a test."""
    elsewhere = softhsm.folder / "elsewhere"
    softhsm.tokens.rename(elsewhere)
    yield elsewhere
    if elsewhere.exists():
        elsewhere.rename(softhsm.tokens)


def half_of(key: SigningKey) -> HsmKey:
    """Give the half that lies in the token."""
    half = key.private_keys()[0]
    assert isinstance(half, HsmKey)
    return half


def test_what_the_token_signs_verifies_like_any_other(key: SigningKey) -> None:
    """Nobody who verifies can tell where a key lies."""
    public = VerifyKey(key.public.ed25519, key.public.mldsa44)
    public.verify_ed25519(key.sign_ed25519(b"a checkpoint"), b"a checkpoint")
    public.verify_mldsa44(key.sign_mldsa44(b"a checkpoint", b"c"), b"a checkpoint", b"c")


@pytest.mark.parametrize("length", [0, 1, 64, 4096, 70_000])
def test_messages_of_every_length_are_signed_whole(key: SigningKey, length: int) -> None:
    """Nothing is cut to what fits a buffer."""
    message = b"m" * length
    key.public.verify_ed25519(key.sign_ed25519(message), message)
    with pytest.raises(BadSignatureError):
        key.public.verify_ed25519(key.sign_ed25519(message), message + b"m")


def test_it_proves_possession_as_the_registry_demands(key: SigningKey) -> None:
    """So a member with an HSM is admitted like any other."""
    proof = prove(key, NETWORK, "gb-iwf", "log")
    check_proof(key.public, proof, NETWORK, "gb-iwf", "log")


def test_the_half_in_the_token_has_no_private_bytes(key: SigningKey) -> None:
    """Neither asked for, nor pickled, nor copied out."""
    half = half_of(key)
    with pytest.raises(TypeError, match="no private bytes"):
        half.private_bytes_raw()
    with pytest.raises(TypeError, match="no private bytes"):
        half.private_bytes()
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert copy.copy(half) is copy.deepcopy(half) is half


def test_the_token_itself_refuses_to_give_the_key_out(
    softhsm: SoftHsm, hsm: Hsm, key: SigningKey
) -> None:
    """It is sensitive and not extractable, whatever asks."""
    with softhsm.opened(hsm.uri.shown) as session:
        [private] = session.get_objects(
            {Attribute.ID: half_of(key).reference.id, Attribute.SIGN: True}
        )
        assert (private[Attribute.SENSITIVE], private[Attribute.EXTRACTABLE]) == (True, False)
        with pytest.raises(AttributeSensitive):
            private[Attribute.VALUE]


def test_a_key_file_names_the_half_and_holds_the_other(
    hsm: Hsm, key: SigningKey, tmp_path: Path
) -> None:
    """Read back with the token it signs as the same key."""
    tmp_path.chmod(0o700)
    path = tmp_path / "log.key"
    keyfile.save(path, key, b"s" * 32, "log")
    loaded = keyfile.load_signing_key(path, b"s" * 32, "log", hsm)
    assert loaded.public == key.public
    key.public.verify_ed25519(loaded.sign_ed25519(b"m"), b"m")
    key.public.verify_mldsa44(loaded.sign_mldsa44(b"m"), b"m")


def test_a_thief_of_the_key_file_lacks_a_half(key: SigningKey, tmp_path: Path) -> None:
    """File and secret together do not make the Ed25519 signature that everybody demands."""
    tmp_path.chmod(0o700)
    keyfile.save(tmp_path / "log.key", key, b"s" * 32, "log")
    with pytest.raises(UnreadableKeyError, match=r"log\.key: lies in an HSM in part; .*\[member\]"):
        keyfile.load_signing_key(tmp_path / "log.key", b"s" * 32, "log")


def test_a_key_file_that_names_another_key_does_not_open(
    key: SigningKey, hsm: Hsm, tmp_path: Path
) -> None:
    """The name of the key stands under the tag of the file: nobody points it elsewhere."""
    tmp_path.chmod(0o700)
    path = tmp_path / "log.key"
    keyfile.save(path, key, b"s" * 32, "log")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].swapcase()
    path.write_bytes(b"".join(lines))
    with pytest.raises(UnreadableKeyError, match="does not open"):
        keyfile.load_signing_key(path, b"s" * 32, "log", hsm)


def test_a_member_has_its_two_hybrid_keys_there(hsm: Hsm, unlock: Unlock, tmp_path: Path) -> None:
    """Log and receipt keys; the transport key answers everybody and stays in its file."""
    made = MemberKeys.generate("gb-iwf", NOW_MS, hsm)
    made.save(tmp_path / "keys", unlock)
    loaded = MemberKeys.load(tmp_path / "keys", unlock, hsm)
    assert [half.reference.label for half in loaded.in_hsm()] == ["hotline-log", "hotline-receipt"]
    assert (loaded.log.public, loaded.receipt.public) == (made.log.public, made.receipt.public)
    assert not isinstance(loaded.transport.private_keys()[0], HsmKey)


def test_public_keys_are_known_while_the_token_is_away(
    hsm: Hsm, key: SigningKey, tmp_path: Path, moved_away: Path
) -> None:
    """So `keys status` and `doctor` can say what is missing."""
    tmp_path.chmod(0o700)
    keyfile.save(tmp_path / "log.key", key, b"s" * 32, "log")
    loaded = keyfile.load_signing_key(tmp_path / "log.key", b"s" * 32, "log", hsm)
    assert loaded.public == key.public


def test_a_token_that_was_pulled_is_away_and_works_when_it_is_back(
    softhsm: SoftHsm, key: SigningKey, moved_away: Path
) -> None:
    """The session died; the same key object signs again without a restart of the node."""
    with pytest.raises(HsmAwayError, match=r"see to it|put it in") as raised:
        key.sign_ed25519(b"m")
    assert raised.value.retryable
    moved_away.rename(softhsm.tokens)
    key.public.verify_ed25519(key.sign_ed25519(b"m"), b"m")


def test_a_session_that_died_costs_nothing_if_the_token_is_there(hsm: Hsm, key: SigningKey) -> None:
    """A daemon of the HSM was restarted between two signatures."""
    key.sign_ed25519(b"m")
    lib(str(hsm.uri.module)).finalize()
    key.public.verify_ed25519(key.sign_ed25519(b"m"), b"m")


def test_a_token_that_came_after_the_start_is_found(softhsm: SoftHsm, key: SigningKey) -> None:
    """The module was started before it was plugged in."""
    key.sign_ed25519(b"m")
    hybrid_key("log", softhsm.hsm(softhsm.token("plugged-in-later"))).sign_ed25519(b"m")


def test_a_missing_token_is_named(softhsm: SoftHsm) -> None:
    """A mistyped label must not look like a broken module."""
    with pytest.raises(
        HsmAwayError, match=r"no token gb-typo; put it in, or correct \[member\] hsm"
    ):
        softhsm.hsm("gb-typo").make("log")


def test_a_missing_module_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is not where the URI says."""
    monkeypatch.setenv("HOTLINE_TEST_PIN", PIN)
    uri = f"pkcs11:token=t?module-path={tmp_path}/none.so"
    with pytest.raises(HsmAwayError, match=r"cannot be used now \(\w*Error\); see to it"):
        Hsm.from_config(uri, "env:HOTLINE_TEST_PIN").make("log")


def test_a_setting_that_says_nowhere_where_the_pin_is_is_named() -> None:
    """By its own name: that of the key files stands beside it."""
    with pytest.raises(UnreadableKeyError, match=r"^hsm_pin: needs file:PATH"):
        Hsm.from_config("pkcs11:token=t?module-path=/none.so", "4711")


class Unending:
    """A module without tokens that refuses to be ended, as one does that was never started."""

    started = 0

    def get_tokens(self, **_: object) -> Iterator[object]:
        """Give none."""
        return iter(())

    def finalize(self) -> None:
        """Refuse."""
        raise GeneralError

    def initialize(self) -> None:
        """Start."""
        self.started += 1


def test_a_module_that_cannot_be_ended_is_started_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not what keeps a token away that was plugged in since."""
    module = Unending()
    monkeypatch.setattr("pkcs11.lib", lambda _path: module)
    monkeypatch.setenv("HOTLINE_TEST_PIN", PIN)
    hsm = Hsm.from_config("pkcs11:token=t?module-path=/none.so", "env:HOTLINE_TEST_PIN")
    with pytest.raises(HsmAwayError, match="there is no token t"):
        hsm.make("log")
    assert module.started == 1


def test_two_tokens_of_one_label_are_told_apart_by_serial(softhsm: SoftHsm) -> None:
    """Never the first that comes."""
    softhsm.token("twin")
    softhsm.token("twin")
    with pytest.raises(UnreadableKeyError, match="several tokens are twin; add serial="):
        softhsm.hsm("twin").make("log")


def test_a_serial_finds_one_of_two_tokens_of_one_label(softhsm: SoftHsm) -> None:
    """The key is made in that one, and the other stays as it was."""
    module = str(softhsm.hsm(softhsm.token("double")).uri.module)
    softhsm.token("double")
    softhsm.log_out()
    tokens = list(lib(module).get_tokens(token_label="double"))
    chosen(softhsm, "double", f"serial={tokens[1].serial.decode()}").make("log")
    softhsm.log_out()
    assert [_objects(module, token.serial) for token in tokens] == [0, 2]


def chosen(softhsm: SoftHsm, label: str, said: str) -> Hsm:
    """Return a token of which the configuration says more than its label."""
    pin = softhsm.hsm(label).pin
    return Hsm(TokenUri.parse(softhsm.uri(label).replace("?", f";{said}?")), pin)


def _objects(module: str, serial: bytes) -> int:
    (token,) = lib(module).get_tokens(token_serial=serial)
    with token.open(user_pin=PIN) as session:
        return len(list(session.get_objects()))


@pytest.mark.parametrize("said", ["manufacturer=SoftHSM%20project", "model=SoftHSM%20v2"])
def test_a_token_of_the_make_that_is_named_is_used(softhsm: SoftHsm, said: str) -> None:
    """Whoever names more than the label is served."""
    chosen(softhsm, softhsm.token(), said).make("log").check()


@pytest.mark.parametrize("said", ["manufacturer=another", "model=another"])
def test_a_token_of_another_make_is_not_the_one(softhsm: SoftHsm, said: str) -> None:
    """A label is easily given twice."""
    with pytest.raises(HsmAwayError, match="there is no token"):
        chosen(softhsm, softhsm.token(), said).make("log")


def test_a_wrong_pin_is_tried_once(softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token counts wrong tries and locks itself; a loop must not do that to it."""
    hsm = softhsm.hsm(softhsm.token(), "not-the-pin")
    with pytest.raises(HsmLoginError, match="PinIncorrect"):
        hsm.make("log")
    monkeypatch.setenv("HOTLINE_TEST_WRONG_PIN", PIN)
    with pytest.raises(HsmLoginError, match=r"\[member\] hsm_pin, then restart the node"):
        hsm.make("log")


def test_a_pin_that_was_refused_is_not_tried_by_another_opening(softhsm: SoftHsm) -> None:
    """One verb opens the same token several times; the token counts them all."""
    label = softhsm.token()
    with pytest.raises(HsmLoginError, match="PinIncorrect"):
        softhsm.hsm(label, "not-the-pin").make("log")
    again = softhsm.hsm(label, "not-the-pin")
    softhsm.log_out()
    [token] = lib(str(again.uri.module)).get_tokens(token_label=label)
    with token.open(user_pin=PIN), pytest.raises(HsmLoginError, match="PinIncorrect"):
        again.make("log")  # a token that lets everybody in by now, so that a try would be seen
    softhsm.log_out()
    softhsm.hsm(label).make("log").check()


def test_the_message_about_a_wrong_pin_does_not_hold_it(softhsm: SoftHsm) -> None:
    """Nor does anything else that is shown."""
    hsm = softhsm.hsm(softhsm.token(), "not-the-pin")
    with pytest.raises(HsmLoginError) as raised:
        hsm.make("log")
    assert "not-the-pin" not in f"{raised.value} {raised.value.__context__!r} {hsm!r}"


def test_a_token_without_the_key_says_which(softhsm: SoftHsm, key: SigningKey) -> None:
    """A fresh token in the place of the old one."""
    other = HsmKey(softhsm.hsm(softhsm.token()), half_of(key).reference)
    with pytest.raises(HsmKeyError, match="no key hotline-log of this node; use the token that"):
        other.sign(b"m")


def test_a_key_that_lies_in_the_token_twice_is_named_as_such(softhsm: SoftHsm) -> None:
    """Its contents were restored over themselves; nobody is sent to look for another token."""
    label = softhsm.token()
    half = softhsm.hsm(label).make("log")
    with softhsm.opened(label) as session:
        for one in list(session.get_objects()):
            one.copy({Attribute.LABEL: "hotline-log"})
    with pytest.raises(HsmKeyError, match=r"holds hotline-log of this node twice; .* take one"):
        half.sign(b"m")


def test_another_key_under_the_same_id_never_signs(hsm: Hsm, key: SigningKey) -> None:
    """What is not the key of the file is found out here, not by a peer."""
    here, there = half_of(key).reference, half_of(hybrid_key("log", hsm)).reference
    swapped = HsmKey(hsm, KeyReference(here.public, there.id, there.label))
    with pytest.raises(HsmKeyError, match="another key than the key file names"):
        swapped.sign(b"m")


def test_a_key_of_another_kind_never_signs(softhsm: SoftHsm, hsm: Hsm, key: SigningKey) -> None:
    """A P-256 key somebody made under the id."""
    label = softhsm.token()
    with softhsm.opened(label) as session:
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True
        )
        parameters.generate_keypair(store=True, id=half_of(key).reference.id, label="hotline-log")
    with pytest.raises(HsmKeyError, match="is no Ed25519 key"):
        HsmKey(softhsm.hsm(label), half_of(key).reference).sign(b"m")


def test_a_key_that_could_leave_the_token_never_signs(softhsm: SoftHsm, key: SigningKey) -> None:
    """Imported, or made by hand without care: then the promise is not kept."""
    label = softhsm.token()
    reference = half_of(key).reference
    _make_extractable(softhsm, label, reference.id)
    with pytest.raises(HsmKeyError, match="could leave the token"):
        HsmKey(softhsm.hsm(label), reference).sign(b"m")


def _make_extractable(softhsm: SoftHsm, label: str, key_id: bytes) -> None:

    with softhsm.opened(label) as session:
        parameters = session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: ED25519_PARAMETERS}, local=True
        )
        parameters.generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            store=True,
            id=key_id,
            capabilities=MechanismFlag.SIGN,
            private_template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
        )


def test_keys_that_never_came_into_use_are_destroyed(hsm: Hsm) -> None:
    """A set-up that failed leaves nothing in the token; a second time is fine."""
    made = hybrid_key("receipt", hsm)
    destroy([made])
    destroy([made])
    with pytest.raises(HsmKeyError, match="no key hotline-receipt"):
        made.sign_ed25519(b"m")


def test_a_key_is_destroyed_alone(hsm: Hsm) -> None:
    """What else lies in the token is other keys of the member, or of somebody else."""
    kept, gone = hybrid_key("log", hsm), hybrid_key("receipt", hsm)
    destroy([gone])
    kept.public.verify_ed25519(kept.sign_ed25519(b"m"), b"m")


def test_what_cannot_be_destroyed_now_is_left_there(
    softhsm: SoftHsm, key: SigningKey, moved_away: Path
) -> None:
    """Nothing believes it; and what failed before is told, not this."""
    destroy([key])
    moved_away.rename(softhsm.tokens)
    key.public.verify_ed25519(key.sign_ed25519(b"m"), b"m")


class Full(Hsm):
    """A token that has room for one key."""

    def make(self, purpose: str) -> HsmKey:
        """Make the first, and say of the second that it cannot be had."""
        if purpose != "log":
            raise HsmAwayError("full")
        return super().make(purpose)


def test_a_set_up_that_failed_halfway_leaves_nothing_in_the_token(softhsm: SoftHsm) -> None:
    """Nobody would ever find the half that was made already."""
    label = softhsm.token()
    softhsm.hsm(label)
    full = Full.from_config(softhsm.uri(label), "env:HOTLINE_TEST_PIN")
    with pytest.raises(HsmAwayError, match="full"):
        MemberKeys.generate("gb-iwf", NOW_MS, full)
    full.close()
    with softhsm.opened(label) as session:
        assert list(session.get_objects()) == []


def test_a_token_with_its_last_try_is_left_to_a_person(softhsm: SoftHsm) -> None:
    """SoftHSM2 never says so itself; the judgement is on the flags alone."""
    assert may_try(TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_COUNT_LOW)
    assert not may_try(TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_FINAL_TRY)
    assert not may_try(TokenFlag.USER_PIN_LOCKED)


def test_other_tools_see_the_keys_by_their_labels(softhsm: SoftHsm) -> None:
    """An operator's own tool lists what a member has in its token."""
    label = softhsm.token()
    hsm = Hsm.from_config(
        f"pkcs11:token={label};object=gb-iwf?module-path={softhsm.library}", "env:HOTLINE_TEST_PIN"
    )
    softhsm.hsm(label)
    assert half_of(hybrid_key("log", hsm)).reference.label == "gb-iwf-log"
    with softhsm.opened(label) as session:
        assert {one[Attribute.LABEL] for one in session.get_objects()} == {"gb-iwf-log"}


def test_a_reference_is_read_as_it_was_written() -> None:
    """From the shortest label to the longest, in any script."""
    reference = KeyReference(b"p" * 32, b"i" * 16, "\u00f6" * 64)
    assert KeyReference.from_bytes(reference.to_bytes()) == reference
    assert KeyReference.from_bytes(b"p" * 48 + b"l").label == "l"


@pytest.mark.parametrize(
    "raw", [b"", b"p" * 48, b"p" * 48 + b"\xff", b"p" * 48 + b"l" * 129, b"p" * 48 + b"a\n"]
)
def test_a_reference_without_a_label_of_its_form_is_none(raw: bytes) -> None:
    """It comes from a file that somebody could have damaged."""
    with pytest.raises(UnreadableKeyError, match="names no key in an HSM"):
        KeyReference.from_bytes(raw)
