"""Calls that may never come back, made one after another, and waited for only so long.

A PKCS#11 module is somebody else's code that speaks to a device: it may stand still for ever, and
nothing can break off a call into it. So each call has a thread of its own, which may be left behind
where it stands. Until it comes back nothing else is asked, since the sessions are not made for two
at once; when it does, the next call goes as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from keys.errors import HsmHangsError

_T = TypeVar("_T")


class Calls:
    """Calls into one module of a device."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._is_late = False

    def make(self, work: Callable[[], _T], patience_s: float) -> _T:
        """Return what `work` gives, or raise what it raises.

        While a call is late, the others do not wait for it: they fail at once.

        Raises:
            HsmHangsError: no answer within `patience_s`, or none yet to an earlier call. What was
                asked may still be done.
        """
        if not self._turn.acquire(timeout=0 if self._is_late else patience_s):
            raise _hangs(patience_s)
        answer: Future[_T] = Future()
        threading.Thread(target=self._do, args=(work, answer), name="hsm", daemon=True).start()
        try:
            return answer.result(patience_s)
        except TimeoutError:
            if answer.done():
                raise  # the work's own
            self._is_late = True
            raise _hangs(patience_s) from None

    def _do(self, work: Callable[[], _T], answer: Future[_T]) -> None:
        done: Future[_T] = Future()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller has it
            done.set_exception(error)
        self._is_late = False
        self._turn.release()  # before the caller goes on: his next call finds it free
        failure = done.exception()
        if failure is None:
            answer.set_result(done.result())
        else:
            answer.set_exception(failure)


def _hangs(patience_s: float) -> HsmHangsError:
    return HsmHangsError(
        f"hsm: no answer within {patience_s:g} s; the node goes on and asks again; see to the token"
        " or its service, and restart the node if it stays so"
    )
