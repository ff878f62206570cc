"""What can be wrong with evidence.

EvidenceError            base: `code`
NothingToShowError     nothing about the item was ever sent or received
UnknownForkError       no proof of a fork has this number
UnprovableError        no contradiction has this number, or this node can't prove it to others
NothingToAnswerError   this node holds nothing that answers an accusation
BrokenBundleError      the file is not a bundle, or something in it does not hold
"""

from __future__ import annotations

from typing import ClassVar


class EvidenceError(Exception):
    """Something is wrong with the evidence."""

    code: ClassVar[str] = "evidence"
    retryable: ClassVar[bool] = False


class NothingToShowError(EvidenceError):
    """item: nothing about it was sent or received; what stays at home needs no evidence."""

    code = "nothing_to_show"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnknownForkError(EvidenceError):
    """number: no proof of a fork has this number; `hotline evidence forks` lists them."""

    code = "fork_unknown"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnprovableError(EvidenceError):
    """number: no contradiction has this number, or no receipt reaches so far."""

    code = "contradiction_unprovable"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NothingToAnswerError(EvidenceError):
    """file: accuses another member, or of what no checkpoint that we hold explains."""

    code = "accusation_unanswered"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class BrokenBundleError(EvidenceError):
    """The bundle does not hold; `step` says at which step, `place` where."""

    code = "bundle_broken"

    def __init__(self, step: str, place: str, why: str) -> None:
        super().__init__(f"bundle.{place}: {why} (step {step})")
        self.step = step
        self.place = place
