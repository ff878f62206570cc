"""Why HashCheck refuses.

HashCheckError             base: `code`, `field`
  UnknownReferenceError    no such answer to this company, or it is older than they are kept
  UnknownComplaintError    no such complaint
  UnknownKeyError          no such key
"""

from __future__ import annotations

from typing import ClassVar


class HashCheckError(Exception):
    """HashCheck cannot do what was asked."""

    code: ClassVar[str] = "hashcheck"
    retryable: ClassVar[bool] = False
    field: ClassVar[str] = "request"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class UnknownReferenceError(HashCheckError):
    """reference: no answer to your company has it; it is kept for 30 days since last given."""

    code = "unknown_reference"
    field = "reference"


class UnknownComplaintError(HashCheckError):
    """complaint_id: no complaint with this id is kept; a rejected one is erased after a year."""

    code = "unknown_complaint"
    field = "complaint_id"


class UnknownKeyError(HashCheckError):
    """key_id: no such key; see hotline hashcheck key list."""

    code = "unknown_key"
    field = "key_id"
