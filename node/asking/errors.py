"""What can go wrong when somebody outside the network is asked.

    AskingError
    |-- NoAnswerError          it could not be reached, or broke off
    |-- TooLargeError          it answers with more than we read
    |-- LedAwayError           it sends us where we do not go
    `-- PutOffError            it asks for a pause

No message names an address or a URL: who was asked, and about whom, must not reach a log.
"""

from __future__ import annotations

from typing import ClassVar


class AskingError(Exception):
    """Base of all errors of this room."""

    code: ClassVar[str] = "asking"
    retryable: ClassVar[bool] = True


class NoAnswerError(AskingError):
    """It could not be reached, its certificate is not good, or it broke off."""

    code: ClassVar[str] = "nobody_answers"


class TooLargeError(AskingError):
    """The answer is larger than what we read of one."""

    code: ClassVar[str] = "answer_too_large"


class LedAwayError(AskingError):
    """It redirects to a server that is not allowed, in clear, or too often."""

    code: ClassVar[str] = "led_away"


class PutOffError(AskingError):
    """`server` (`https://host:port`) asks for a pause until `retry_ms` (UTC).

    The server that asks is not always the one that was asked first: that one may redirect.
    """

    code: ClassVar[str] = "put_off"

    def __init__(self, server: str, retry_ms: int) -> None:
        self.server = server
        self.retry_ms = retry_ms
        super().__init__("the server asks for a pause")
