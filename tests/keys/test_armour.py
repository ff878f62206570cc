"""What a key file holds: it opens for its purpose and secret, untouched, and not otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import MemberKeys, SigningKey, TlsKey, UnreadableKeyError, WeakKeyError, armour
from tests.keys.conftest import NOW_MS, VECTORS

PASSPHRASE = b"\x00a random key of thirty-two bytes\n"
PASSPHRASES = st.binary(min_size=32, max_size=1000)
SEED = st.binary(min_size=32, max_size=32)
KEY = SigningKey.from_seeds(b"\x21" * 32, b"\x22" * 32)
FILES: dict[str, tuple[bytes, Callable[[bytes, bytes, str], object]]] = {
    "signing": (armour.encode_signing(KEY, PASSPHRASE, "log"), armour.decode_signing),
    "tls": (
        armour.encode_tls(TlsKey.issue("gb-iwf", NOW_MS), PASSPHRASE, "log"),
        armour.decode_tls,
    ),
    "secret": (armour.encode_secret(b"\x23" * 32, PASSPHRASE, "log"), armour.decode_secret),
}
every_form = pytest.mark.parametrize("form", FILES)


@settings(max_examples=15)
@given(SEED, st.none() | SEED, PASSPHRASES, st.text())
def test_a_signing_key_survives(
    first: bytes, second: bytes | None, passphrase: bytes, purpose: str
) -> None:
    """For any seeds, with or without post-quantum half, any secret and purpose."""
    key = SigningKey.from_seeds(first, second)
    raw = armour.encode_signing(key, passphrase, purpose)
    assert armour.decode_signing(raw, passphrase, purpose).public == key.public


@settings(max_examples=15)
@given(SEED, PASSPHRASES, st.text())
def test_a_secret_survives(secret: bytes, passphrase: bytes, purpose: str) -> None:
    """For any 32 bytes."""
    raw = armour.encode_secret(secret, passphrase, purpose)
    assert armour.decode_secret(raw, passphrase, purpose) == secret


def test_a_tls_key_survives_with_its_certificate(member_keys: MemberKeys) -> None:
    """The same key, the same certificate."""
    raw = armour.encode_tls(member_keys.tls, PASSPHRASE, "tls")
    key = armour.decode_tls(raw, PASSPHRASE, "tls")
    assert key.certificate_pem == member_keys.tls.certificate_pem
    assert key.private_key().private_numbers() == member_keys.tls.private_key().private_numbers()


def test_a_signing_key_written_by_the_first_version_opens() -> None:
    """The format of a file on disk stays readable, parameters included."""
    raw = (VECTORS / "keyfile_signing.txt").read_bytes()
    key = armour.decode_signing(raw, b"a random key of thirty-two bytes", "log")
    assert key.public == KEY.public


def test_a_secret_written_by_the_first_version_opens() -> None:
    """The format of a file on disk stays readable, parameters included."""
    raw = (VECTORS / "keyfile_secret.txt").read_bytes()
    passphrase = b"a random key of thirty-two bytes"
    assert armour.decode_secret(raw, passphrase, "node-secret") == b"\x23" * 32


def test_another_tool_opens_the_signing_key() -> None:
    """The file begins with plain encrypted PKCS#8 under the same secret."""
    raw, _ = FILES["signing"]
    first = raw[: raw.index(b"-----END") + len("-----END ENCRYPTED PRIVATE KEY-----\n")]
    opened = load_pem_private_key(first, PASSPHRASE)
    ed25519, _ = KEY.private_keys()
    assert opened.public_key() == ed25519.public_key()


@every_form
def test_another_secret_does_not_open(form: str) -> None:
    """Says so, and what to look at."""
    raw, decode = FILES[form]
    with pytest.raises(UnreadableKeyError, match="unlock setting"):
        decode(raw, b"\x01" * 32, "log")


@every_form
def test_another_purpose_does_not_open(form: str) -> None:
    """Somebody who can move files cannot make a receipt key of a log key."""
    raw, decode = FILES[form]
    with pytest.raises(UnreadableKeyError, match="another purpose"):
        decode(raw, PASSPHRASE, "receipt")


@pytest.mark.parametrize(
    ("form", "reader"), [(a, b) for a in FILES for b in FILES if a != b], ids="-as-".join
)
def test_another_kind_of_key_does_not_open(form: str, reader: str) -> None:
    """A secret is no signing key."""
    with pytest.raises(UnreadableKeyError):
        FILES[reader][1](FILES[form][0], PASSPHRASE, "log")


@settings(max_examples=120)
@given(st.data(), st.sampled_from(sorted(FILES)), st.integers(1, 255))
def test_an_altered_byte_does_not_open(data: st.DataObject, form: str, flip: int) -> None:
    """Anywhere in the file: labels, base64, line ends, tag."""
    raw, decode = FILES[form]
    position = data.draw(st.integers(0, len(raw) - 1))
    altered = raw[:position] + bytes([raw[position] ^ flip]) + raw[position + 1 :]
    with pytest.raises(UnreadableKeyError):
        decode(altered, PASSPHRASE, "log")


@settings(max_examples=60)
@given(st.data(), st.sampled_from(sorted(FILES)))
def test_a_cut_file_does_not_open(data: st.DataObject, form: str) -> None:
    """Wherever a full disk ended it."""
    raw, decode = FILES[form]
    with pytest.raises(UnreadableKeyError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))], PASSPHRASE, "log")


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from(sorted(FILES)))
def test_garbage_does_not_open(raw: bytes, form: str) -> None:
    """Whatever it is, the error is ours."""
    with pytest.raises(UnreadableKeyError):
        FILES[form][1](raw, PASSPHRASE, "log")


def test_another_spelling_of_a_sealed_secret_does_not_open() -> None:
    """The unused bits of the last base64 digit are zero."""
    raw, _ = FILES["secret"]
    last = raw.index(b"==\n") - 1
    altered = raw[:last] + bytes([raw[last] + 1]) + raw[last + 1 :]
    with pytest.raises(UnreadableKeyError, match="damaged"):
        armour.decode_secret(altered, PASSPHRASE, "log")


@pytest.mark.parametrize("form", ["signing", "tls"])
def test_a_file_without_its_tag_says_that_it_is_cut_off(form: str) -> None:
    """The commonest damage has a message of its own."""
    raw, decode = FILES[form]
    with pytest.raises(UnreadableKeyError, match="cut off"):
        decode(raw[: raw.index(b"-----BEGIN HX1")], PASSPHRASE, "log")


@every_form
@pytest.mark.parametrize("around", [(b"\n", b""), (b"", b"\n"), (b"", b"x")])
def test_nothing_stands_around_the_blocks(form: str, around: tuple[bytes, bytes]) -> None:
    """Not even an empty line: a key file is one thing."""
    raw, decode = FILES[form]
    with pytest.raises(UnreadableKeyError):
        decode(around[0] + raw + around[1], PASSPHRASE, "log")


def test_halves_of_two_keys_do_not_make_one() -> None:
    """The tag covers both blocks: an attacker cannot pair an old half with a new one."""
    other = armour.encode_signing(SigningKey.from_seeds(b"\x31" * 32, None), PASSPHRASE, "log")
    mine, _ = FILES["signing"]
    end = b"-----END ENCRYPTED PRIVATE KEY-----\n"
    spliced = other[: other.index(end) + len(end)] + mine[mine.index(end) + len(end) :]
    with pytest.raises(UnreadableKeyError):
        armour.decode_signing(spliced, PASSPHRASE, "log")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_not_written(length: int) -> None:
    """32 bytes; the message names the purpose."""
    with pytest.raises(WeakKeyError, match=r"^node-secret:"):
        armour.encode_secret(bytes(length), PASSPHRASE, "node-secret")


def test_the_same_secret_is_never_sealed_the_same_way() -> None:
    """Salt and nonce are fresh, so that equal secrets do not show."""
    assert armour.encode_secret(b"\x23" * 32, PASSPHRASE, "log") != FILES["secret"][0]
