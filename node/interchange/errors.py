"""What can be wrong with a whole file; what is wrong with one line is a `Rejection`.

InterchangeError
+-- UnreadableFileError   it cannot be opened or read
+-- WrongFileError        it is not what it is taken for: format, encoding, columns
"""

from __future__ import annotations

from typing import ClassVar


class InterchangeError(Exception):
    """Base of the errors of this room: the message names what is wrong and the mend."""

    code: ClassVar[str] = "file"
    retryable: ClassVar[bool] = False


class UnreadableFileError(InterchangeError):
    """The file cannot be opened or read."""

    code = "file_unreadable"


class WrongFileError(InterchangeError):
    """The file as a whole is not of the format, encoding or columns it is taken for."""

    code = "file_wrong"
