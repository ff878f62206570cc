"""The command line's way to the running node: its local API, with the token made by `hotline init`.

Plain `http.client`: it imports quickly and needs no event loop. A problem answered by the API
becomes one of our one-line errors, with the API's own code, field and mend. What is done by `POST`
has a key: where the answer is lost it is asked for again, and nothing is done a second time.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any, Self

from keys.keyfile import read_private
from node.cli.exits import Exit
from node.cli.output import CliError
from node.ids import Ids

if TYPE_CHECKING:
    from types import TracebackType

    from node.config import Config

TIMEOUT_S = 60.0
AGAIN_S = 30.0
"""How long a lost answer is asked for again: a node that was ended is started within seconds."""
PAUSE_S = 0.5
PASSING = frozenset(
    {
        "not_running",
        "no_answer",
        "starting",
        "store",
        "store_busy",
        "store_full",
        "store_away",
        "store_unsure",
        "shutting_down",
    }
)
"""Codes of what may be over in a moment: a node that starts again, a disk that is being freed."""
_UNSURE = "store_unsure"
"""It was asked for and may be kept: for who waits for the answer it is lost."""
MAX_ANSWER_BYTES = 1 << 28
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach such a listener
_BAD_REQUEST, _SERVER_ERROR, _UNAVAILABLE = 400, 500, 503
_INPUT = {400, 413, 415, 422}


class LocalApi:
    """One connection to the node of a configuration; use it as a context manager."""

    def __init__(self, config: Config, timeout_s: float = TIMEOUT_S) -> None:
        """Read the token; connect when first asked.

        Raises:
            KeysError: the token file is missing, or others could read it.
        """
        self._token = read_private(config.api.token_file).decode("ascii", "replace").strip()
        self._connection = connect(config, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def reset(self) -> None:
        """Drop the connection; the next request opens a new one."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """Give the JSON at a path. Raises: as `send`."""
        return json.loads(self.send("GET", path))

    def post(self, path: str, value: object) -> Any:
        """Send JSON, give the JSON that is answered; a lost answer is asked for again, done once.

        Raises:
            CliError: as `send`; the answer was lost and did not come again: it may have been done.
        """
        body, key = json.dumps(value).encode(), Ids("hotline").mint(time.time_ns() // 1_000_000)
        try:
            return json.loads(self.send("POST", path, body, "application/json", key))
        except CliError as error:
            lost = error.code == "no_answer" and error.exit is Exit.UNREACHABLE
            if not lost and error.code != _UNSURE:
                raise
        give_up_s = time.monotonic() + AGAIN_S
        while time.monotonic() < give_up_s:
            time.sleep(PAUSE_S)
            self.reset()
            try:
                return json.loads(self.send("POST", path, body, "application/json", key))
            except CliError as error:
                if error.code not in PASSING:
                    raise
        mend = "the answer was lost, and it may be done: look, before you type it again"
        raise CliError("no_answer", f"[api] listen_port: {mend}", Exit.UNREACHABLE)

    def delete(self, path: str) -> Any:
        """Give the JSON answered to DELETE. Raises: as `send`."""
        return json.loads(self.send("DELETE", path))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        key: str | None = None,
    ) -> bytes:
        """Send one request, under an `Idempotency-Key` if there is one; give what is answered.

        Raises:
            CliError: the node does not run, does not answer, or refuses.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            raw = answer.read(MAX_ANSWER_BYTES)
        except ConnectionRefusedError:
            mend = "no node listens there; start it with hotline run"
            raise CliError("not_running", f"[api] listen_port: {mend}", Exit.UNREACHABLE) from None
        except TimeoutError:
            mend = "the node does not answer in time; see its log and hotline doctor"
            raise CliError("no_answer", f"[api] listen_port: {mend}", Exit.UNREACHABLE) from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            mend = f"no answer that can be read ({type(error).__name__}); see the node's log"
            raise CliError("no_answer", f"[api] listen_port: {mend}", Exit.UNREACHABLE) from None
        if answer.status >= _BAD_REQUEST:
            raise problem_error(answer.status, raw)
        return raw


def connect(config: Config, timeout_s: float) -> http.client.HTTPConnection:
    """Give a connection to the local listener of a configuration; it opens when first used."""
    host = config.api.listen_host
    reachable = _WILDCARDS.get(host, host)
    return http.client.HTTPConnection(reachable, config.api.listen_port, timeout=timeout_s)


def problem_error(status: int, raw: bytes) -> CliError:
    """Give the error for a problem that the API answered."""
    try:
        problem = json.loads(raw)
        code, field, detail = problem["code"], problem.get("field"), problem.get("detail")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        code, field, detail = "no_answer", "[api] listen_port", "what answers is no node of ours"
    if not isinstance(code, str):
        code = "no_answer"
    message = ": ".join(str(part) for part in (field, detail) if part) or "see the node's log"
    return CliError(code, message, _exit(status))


def _exit(status: int) -> Exit:
    if status in _INPUT:
        return Exit.INPUT
    if status == _UNAVAILABLE:
        return Exit.STORE
    return Exit.INTERNAL if status >= _SERVER_ERROR else Exit.REFUSED
