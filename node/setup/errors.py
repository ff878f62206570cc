"""What stops a set-up.

SetupError
├── AlreadySetUpError        something of a node stands where the new one was to be made
├── SetupRunningError        another set-up works on the same directory at this moment
├── OtherNetworkError        the configuration belongs to another network already
├── ServerStoreError         the store is on a server, and the verb works on a file
├── NotAdmittedError         the network does not list this member, or lists other keys
├── RotationRunningError     a successor of that key is published already
├── WitnessForgotError       a restored witness's key needs a person's word to be ended
├── TheftStatedError         an earlier time of a theft is published already
├── UmbrellaUnreachedError   nothing that was tried takes publications
├── PublicationRefusedError  the umbrella refuses this member's next document
└── PublicationUnprovenError what answered says that it took it, and nothing proves that
"""

from __future__ import annotations

from typing import ClassVar


class SetupError(Exception):
    """A node cannot be set up as asked; the message names the field and the mend."""

    code: ClassVar[str] = "setup"
    retryable: ClassVar[bool] = False


class AlreadySetUpError(SetupError):
    """Something of a node stands there already; nothing was touched."""

    code = "setup_exists"


class SetupRunningError(SetupError):
    """Another set-up works on the same directory at this moment."""

    code = "setup_running"
    retryable = True


class OtherNetworkError(SetupError):
    """The configuration belongs to another network already; nothing was changed."""

    code = "other_network"


class RotationRunningError(SetupError):
    """A successor of that key is published already; its turn begins first."""

    code = "rotation_running"


class WitnessForgotError(SetupError):
    """A restored witness does not know what it cosigned; its key is ended by a person's word."""

    code = "witness_forgot"


class TheftStatedError(SetupError):
    """An earlier time of that theft is published; a later one makes signatures good again."""

    code = "theft_stated"


class UmbrellaUnreachedError(SetupError):
    """Nothing that was tried takes publications; `answered`: whether anything answered at all."""

    code = "umbrella_unreached"
    retryable = True

    def __init__(self, *, answered: bool) -> None:
        why = (
            "what answers takes none, as the mirrors of members do" if answered else "none answers"
        )
        super().__init__(
            f"publication: [registry] mirrors or --umbrella: {why}; nothing was published. Give"
            " --umbrella ADDRESS: where hotline network serve answers (ask the keepers)"
        )


class PublicationRefusedError(SetupError):
    """The umbrella refuses this member's next document; it says why."""

    code = "publication_refused"


class PublicationUnprovenError(SetupError):
    """Something says that it took this member's next document; its signed registry lacks it.

    Nothing was destroyed or taken up here. `why` says in a few words what was found instead.
    """

    code = "publication_unproven"
    retryable = True

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            f"publication: {why}; nothing shows that it is in force, so nothing was taken up or"
            " destroyed here. [registry] mirrors or --umbrella: name the umbrella's own address,"
            " nothing that answers in its place; then the same again"
        )


class ServerStoreError(SetupError):
    """The store is on a database server: its own tools copy it and bring it back."""

    code = "setup_on_server"


class NotAdmittedError(SetupError):
    """The network does not list this member, or lists other keys than are here."""

    code = "not_admitted"
