"""What can be wrong with evidence.

EvidenceError            base: `code`
NothingToShowError     nothing about the item was ever sent or received
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


class BrokenBundleError(EvidenceError):
    """The bundle does not hold; `step` says at which step, `place` where."""

    code = "bundle_broken"

    def __init__(self, step: str, place: str, why: str) -> None:
        super().__init__(f"bundle.{place}: {why} (step {step})")
        self.step = step
        self.place = place
