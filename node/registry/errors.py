"""What can go wrong with the registry.

    RegistryError
    ├── RefusedError            what a member asks for breaks a rule; names the field and the mend
    │   ├── NotSignedError      it is not signed by the member key that the registry lists
    │   ├── ConflictError       the registry has moved on, or never was where the member thinks
    │   └── TooManyError        more publications than one member needs
    ├── ThresholdError          more key holders have to sign first
    ├── UnconfirmedError        a change is in force, and the disk did not confirm it
    ├── RepositoryStateError    the umbrella's directory is not (or already is) a repository
    ├── WrongFingerprintError   the network reached is not the one that was told by hand
    ├── NoRegistryError         this node has never verified a registry
    └── MirrorsFailedError      no mirror gave a registry that verifies

Verification errors of `keys` pass through unchanged. No message holds a URL or a hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from keys.errors import BadSignatureError

if TYPE_CHECKING:
    from keys.errors import KeysError


class RegistryError(Exception):
    """Base of every error raised by `node.registry`.

    Attributes:
        code: stable name for logs, problem documents and exit codes.
        retryable: whether the same call may succeed later with nothing changed by a person.
    """

    code: ClassVar[str] = "registry"
    retryable: ClassVar[bool] = False


class RefusedError(RegistryError):
    """A request that breaks a rule of the registry: `field` says where, `mend` what to do."""

    code: ClassVar[str] = "registry_refused"

    def __init__(self, field: str, mend: str) -> None:
        self.field, self.mend = field, mend
        super().__init__(f"{field}: {mend}")


class NotSignedError(RefusedError):
    """A request that does not carry the signature of the member it speaks for."""

    code: ClassVar[str] = "registry_not_signed"


class ConflictError(RefusedError):
    """A request made on another version of the registry than the present one."""

    code: ClassVar[str] = "registry_conflict"


class TooManyError(RefusedError):
    """More publications than one member needs; try again later."""

    code: ClassVar[str] = "registry_too_many"
    retryable: ClassVar[bool] = True


class ThresholdError(RegistryError):
    """Metadata that more key holders have to sign before it counts."""

    code: ClassVar[str] = "registry_threshold"


class RepositoryStateError(RegistryError):
    """The umbrella's directory holds no repository, or already holds one."""

    code: ClassVar[str] = "registry_repository"


class UnconfirmedError(RegistryError, OSError):
    """A change that readers follow by now, though the disk did not confirm it."""

    code: ClassVar[str] = "registry_unconfirmed"


class WrongFingerprintError(RegistryError):
    """The first root that was fetched is not the one whose fingerprint was told by hand."""

    code: ClassVar[str] = "registry_wrong_fingerprint"


class NoRegistryError(RegistryError):
    """This node has never verified a registry."""

    code: ClassVar[str] = "registry_none"


class MirrorsFailedError(RegistryError):
    """No mirror gave a registry that verifies; the last verified one, if any, stays in force.

    `reason` is one word: `unreachable`, `rolled_back`, `expired`, `untrusted`, `too_old`,
    `issued_ahead` (signed at a time that this machine's clock has not reached by a day), or
    `impossible_limits`.
    """

    code: ClassVar[str] = "registry_unreachable"
    retryable: ClassVar[bool] = True

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"mirrors: none gives a registry to use ({reason}); ask the keepers")


def refused_by(error: KeysError, where: str) -> RefusedError:
    """What `keys` found wrong with a request, as a refusal that names field and mend.

    Args:
        error: what was raised; its message is `field: mend`, with more fields before it.
        where: the request, left out of the field when the message begins with it.
    """
    field, _, mend = str(error).removeprefix(f"{where}: ").rpartition(": ")
    kind = NotSignedError if isinstance(error, BadSignatureError) else RefusedError
    return kind(field or where, mend)
