"""A token that does not answer holds nobody up: SoftHSM2, whose files another process locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from keys import SigningKey
from keys.errors import HsmAwayError, HsmHangsError
from keys.hsm import Hsm, hybrid_key
from keys.hsm_key import HsmKey
from keys.patience import Calls
from tests.builders.softhsm import SoftHsm

PATIENCE_S = 0.2
SOON_S = 0.1
MESSAGE = b"to be signed"


@pytest.fixture
def hsm(softhsm: SoftHsm) -> Iterator[Hsm]:
    """Give a token that is waited for only shortly."""
    opened = softhsm.hsm(softhsm.token(), patience_s=60)
    yield opened
    opened.close()


@pytest.fixture
def half(hsm: Hsm) -> HsmKey:
    """Give the half of a key that lies in it."""
    key: SigningKey = hybrid_key("log", hsm)
    found = key.private_keys()[0]
    assert isinstance(found, HsmKey)
    hsm.patience_s = PATIENCE_S
    return found


def signs(half: HsmKey, hsm: Hsm) -> bool:
    """Whether the key signs, if one waits long enough for what is late."""
    hsm.patience_s = 60
    for _ in range(1000):  # what was late comes back in its own thread
        try:
            half.check()
        except HsmHangsError:
            threading.Event().wait(0.01)
        else:
            return True
    return False


def test_g7_a_token_that_hangs_is_waited_for_only_so_long(
    softhsm: SoftHsm, hsm: Hsm, half: HsmKey
) -> None:
    """It is an error that is tried again; once it answers it signs, with the same session."""
    with softhsm.hanging():
        with pytest.raises(HsmHangsError, match=r"hsm: no answer within 0\.2 s") as caught:
            half.sign(MESSAGE)
        assert isinstance(caught.value, HsmAwayError)
        assert (caught.value.code, caught.value.retryable) == ("hsm_hangs", True)
    assert signs(half, hsm)


def test_g7_while_one_call_is_late_the_others_fail_at_once(
    softhsm: SoftHsm, hsm: Hsm, half: HsmKey
) -> None:
    """Fifty that would each wait for the token in turn would hold up the node for minutes."""
    with softhsm.hanging():
        with pytest.raises(HsmHangsError):
            half.sign(MESSAGE)
        hsm.patience_s = 60
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(HsmHangsError):
                half.sign(MESSAGE)
        assert time.monotonic() - began < SOON_S * 10
    assert signs(half, hsm)


def test_g7_a_token_that_hangs_at_login_holds_up_nobody_either(
    softhsm: SoftHsm, hsm: Hsm, half: HsmKey
) -> None:
    """The session was ended; and ending one that hangs does not wait for ever."""
    hsm.close()
    with softhsm.hanging():
        with pytest.raises(HsmHangsError):
            half.sign(MESSAGE)
        hsm.close()
    assert signs(half, hsm)


class StandingSession:
    """A session of a driver whose module stands still when it is closed."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def close(self) -> None:
        """Come back only once the module goes on."""
        self.goes_on.wait(60)


def test_g7_closing_a_module_that_hangs_ends_all_the_same() -> None:
    """A node that is stopped stops; what is asked of the token meanwhile fails at once."""
    hsm = Hsm.from_config("pkcs11:token=t;object=o?module-path=/nowhere.so", "env:NO_PIN")
    hsm.patience_s, session = PATIENCE_S, StandingSession()
    hsm._session = session  # type: ignore[assignment]
    closing = threading.Thread(target=hsm.close, daemon=True)
    closing.start()
    closing.join(10)
    ended = not closing.is_alive()
    session.goes_on.set()
    assert ended
    for _ in range(1000):  # what was late comes back in its own thread, and has closed it
        if hsm._session is None:
            break
        threading.Event().wait(0.01)
    assert hsm._session is None


def test_what_a_call_raises_is_raised_and_a_time_out_of_its_own_is_not_the_devices() -> None:
    """The waiting adds one error, and hides none."""
    calls = Calls()

    def fail() -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        calls.make(fail, 60)
    assert calls.make(lambda: 7, 60) == 7


def test_a_call_that_waits_for_its_turn_waits_only_so_long() -> None:
    """Another thread's call is not late yet, but this one has its own patience."""
    calls, release, inside = Calls(), threading.Event(), threading.Event()

    def slow() -> bool:
        inside.set()
        return release.wait(60)

    other = threading.Thread(target=lambda: calls.make(slow, 60))
    other.start()
    assert inside.wait(60)
    with pytest.raises(HsmHangsError):
        calls.make(lambda: 1, 0.01)
    release.set()
    other.join()
    assert calls.make(lambda: 1, 60) == 1
