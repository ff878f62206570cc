"""What can be wrong with a key, a signature or a trusted document.

    KeysError
    ├── UnreadableKeyError      a key file or its secret is missing, damaged, or does not open
    ├── HsmError                signing keys that lie in an HSM
    │   ├── HsmAwayError        the token, its module or its session is not there now
    │   ├── HsmLoginError       the token does not let us in: a person must see to the PIN
    │   └── HsmKeyError         what lies there is not the key that our key file names
    ├── KeyExistsError          a key file would be overwritten
    ├── UnsafeKeyFileError      others than the owner could read or replace a key file
    ├── WeakKeyError            a public key that nobody should be held to
    ├── BadSignatureError       a signature that does not verify
    ├── UnsealError             a sealed message that does not open
    ├── UntrustedDocumentError  a member or network document that breaks its form or its rules
    ├── UnknownKeyError         a key id, or a half of a hybrid key, that is not there
    └── UnknownMemberError      a member id that the registry does not list

Messages name the field and the mend. They may name the path of a key file; they never hold key
material, a passphrase, a URL or a content hash.
"""

from typing import ClassVar


class KeysError(Exception):
    """Base of every error raised by `keys`.

    Attributes:
        code: stable name for logs, problem documents and exit codes.
        retryable: whether the same call may succeed later with nothing changed by a person.
    """

    code: ClassVar[str] = "keys_error"
    retryable: ClassVar[bool] = False


class UnreadableKeyError(KeysError):
    """A key file, or the secret that unlocks it, is missing, damaged or does not open."""

    code: ClassVar[str] = "unreadable_key"


class HsmError(KeysError):
    """A signing key that lies in an HSM cannot be used."""

    code: ClassVar[str] = "hsm"


class HsmAwayError(HsmError):
    """The token, its module or its session is not there now; it is asked for again."""

    code: ClassVar[str] = "hsm_away"
    retryable: ClassVar[bool] = True


class HsmHangsError(HsmAwayError):
    """The token, or its module, does not answer: nothing waits for it, and it is asked again."""

    code: ClassVar[str] = "hsm_hangs"


class HsmLoginError(HsmError):
    """The token does not let us in. Nothing logs in again by itself: tries are counted there."""

    code: ClassVar[str] = "hsm_login"


class HsmKeyError(HsmError):
    """The token holds no such key, or another one, or one that could leave it."""

    code: ClassVar[str] = "hsm_key"


class KeyExistsError(KeysError):
    """A key would be written over another one; keys are never overwritten."""

    code: ClassVar[str] = "key_exists"


class UnsafeKeyFileError(KeysError):
    """A key file could be read or replaced by somebody else than its owner."""

    code: ClassVar[str] = "unsafe_key_file"


class WeakKeyError(KeysError):
    """A public key that is malformed, or under which a signature would prove nothing."""

    code: ClassVar[str] = "weak_key"


class BadSignatureError(KeysError):
    """A signature does not verify, or a required half of it is absent."""

    code: ClassVar[str] = "bad_signature"


class UnsealError(KeysError):
    """A sealed message does not open: wrong key, wrong purpose, or altered bytes."""

    code: ClassVar[str] = "unseal_failed"


class UntrustedDocumentError(KeysError):
    """A member or network document breaks its form or its rules; the message names the field."""

    code: ClassVar[str] = "untrusted_document"


class UnknownKeyError(KeysError):
    """No key of that id, or the key lacks the half that was asked for."""

    code: ClassVar[str] = "unknown_key"


class UnknownMemberError(KeysError):
    """The verified registry lists no such member."""

    code: ClassVar[str] = "unknown_member"
