"""A member whose keys lie in a token, by the verbs that a person types."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pkcs11 import Attribute

from keys.errors import KeysError
from node.cli.exits import Exit
from node.cli.main import run
from node.config import load
from node.config.edit import change_file
from node.registry.admission import read_request
from node.setup.member import NewMember, make_member
from tests.builders.softhsm import PIN, SoftHsm
from tests.builders.umbrella import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.node.cli.conftest import Typing

NOW_MS = 1_790_000_000_000


@pytest.fixture
def pin(tmp_path: Path) -> Path:
    """Give a file with the PIN."""
    path = tmp_path / "pin"
    path.touch(mode=0o600)
    path.write_text(f"{PIN}\n")
    return path


def typed_init(tmp_path: Path, softhsm: SoftHsm, label: str, pin: Path, *more: str) -> int:
    """Type `hotline init` with a token."""
    words = ["init", "--member", "gb-iwf", "--network", "demo-0123456789abcdef"]
    words += ["--jurisdiction", "GB", "--dir", str(tmp_path / "node")]
    return run([*words, "--hsm", softhsm.uri(label), "--hsm-pin", f"file:{pin}", *more])


def labels(softhsm: SoftHsm, label: str) -> list[str]:
    """Give the labels of what lies in a token."""
    with softhsm.opened(label) as session:
        return sorted(one[Attribute.LABEL] for one in session.get_objects())


def test_init_makes_two_keys_in_the_token_and_an_admission_request_that_verifies(
    tmp_path: Path, softhsm: SoftHsm, pin: Path
) -> None:
    """Proofs of possession included: the umbrella cannot tell where a key lies."""
    label = softhsm.token()
    assert typed_init(tmp_path, softhsm, label, pin) == Exit.OK
    request = read_request((tmp_path / "node" / "admission.json").read_bytes())
    assert request.member == "gb-iwf"
    pairs = ["hotline-log", "hotline-receipt"]
    assert labels(softhsm, label) == sorted(pairs * 2)
    config = load(tmp_path / "node" / "node.toml")
    assert (config.member.hsm, config.member.hsm_pin) == (softhsm.uri(label), f"file:{pin}")
    assert PIN not in config.source.read_text()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [("pin", "hsm_login"), ("token", "hsm_away"), ("module", "hsm_away"), ("no_pin", "config")],
)
def test_an_init_that_cannot_use_the_token_makes_nothing(
    tmp_path: Path,
    softhsm: SoftHsm,
    pin: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: str,
    code: str,
) -> None:
    """No folder, no secret, no key; the message says what to mend."""
    label = softhsm.token()
    if spoil == "pin":
        pin.write_text("another\n")
    words = ["init", "--member", "gb-iwf", "--network", "demo-0123456789abcdef", "--json"]
    words += ["--jurisdiction", "GB", "--dir", str(tmp_path / "node")]
    uri = softhsm.uri("nowhere" if spoil == "token" else label)
    words += ["--hsm", uri.replace(".so", ".none") if spoil == "module" else uri]
    words += [] if spoil == "no_pin" else ["--hsm-pin", f"file:{pin}"]
    assert run(words) in {Exit.KEYS, Exit.CONFIGURATION}
    assert f'"code": "{code}' in capsys.readouterr().out
    assert not (tmp_path / "node" / "node.toml").exists()
    assert not (tmp_path / "node.unlock").exists()
    assert not labels(softhsm, label)


def test_an_init_that_fails_later_leaves_no_key_in_the_token(
    tmp_path: Path, softhsm: SoftHsm, pin: Path
) -> None:
    """Both keys were made; then the unlocking secret was found to be none."""
    label = softhsm.token()
    (tmp_path / "short").touch(mode=0o600)
    (tmp_path / "short").write_text("too short")
    with pytest.raises(KeysError, match="32 to 1000 bytes"):
        make_member(
            NewMember(
                directory=tmp_path / "node",
                member="gb-iwf",
                name="Hotline of the north",
                network="demo-0123456789abcdef",
                jurisdictions=("GB",),
                unlock=f"file:{tmp_path / 'short'}",
                hsm=softhsm.uri(label),
                hsm_pin=f"file:{pin}",
            ),
            NOW_MS,
        )
    assert not labels(softhsm, label)


class TestAMemberOfANetwork:
    """Admitted and joined, its keys in a token."""

    @pytest.fixture
    async def typed(
        self,
        tmp_path: Path,
        softhsm: SoftHsm,
        pin: Path,
        world: World,
        member_of: Callable[[World], Typing],
    ) -> Typing:
        """Give a terminal of a second member, made with a token, that has joined."""
        member = make_member(
            NewMember(
                directory=tmp_path / "nl",
                member="nl-eokm",
                name="Hotline by the sea",
                network=world.directory.open().registry.network_id,
                jurisdictions=("NL",),
                hsm=softhsm.uri(softhsm.token()),
                hsm_pin=f"file:{pin}",
                peer_port=9,
                api_port=10,
                endpoint="https://127.0.0.1:9",
            ),
            time.time_ns() // 1_000_000,
        )
        world.config, world.request = member.config, member.request.read_bytes()
        world.admit()
        await world.join()
        return member_of(world)

    async def test_the_token_is_seen_by_status_and_doctor_pulled_or_not(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """`keys status` needs no token; `doctor` says what is wrong, then that all is well."""
        _, shown = await typed("keys", "status")
        places = {one["purpose"]: one["place"] for one in shown["keys"]}
        assert places == {**dict.fromkeys(places, "file"), "log": "hsm", "receipt": "hsm"}
        elsewhere = softhsm.folder / "elsewhere"
        softhsm.tokens.rename(elsewhere)
        try:
            found = hsm_finding(await typed("doctor"))
            assert (found["severity"], found["code"]) == ("critical", "hsm_away")
            assert found["mend"]
            assert (await typed("keys", "status"))[1] == shown
        finally:
            elsewhere.rename(softhsm.tokens)
        assert hsm_finding(await typed("doctor"))["what"] == "2 keys sign in the token"

    async def test_g7_doctor_tells_a_token_that_hangs(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """It waits for it five seconds, not for ever; then all is well again."""
        with softhsm.hanging():
            found = hsm_finding(await typed("doctor"))
        assert (found["severity"], found["code"]) == ("critical", "hsm_hangs")
        for _ in range(1000):  # what was late comes back in its own thread
            found = hsm_finding(await typed("doctor"))
            if "code" not in found or found["code"] != "hsm_hangs":
                break
        assert found["what"] == "2 keys sign in the token"

    async def test_doctor_tells_a_wrong_pin_from_a_token_that_is_away(
        self, typed: Typing, softhsm: SoftHsm, tmp_path: Path
    ) -> None:
        """Waiting does not mend it."""
        softhsm.log_out()
        (tmp_path / "pin").write_text("another\n")
        assert hsm_finding(await typed("doctor"))["code"] == "hsm_login"

    async def test_a_rotated_key_is_made_in_the_token_and_the_one_before_is_gone(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """Taken up at once here; the receipt key is not touched."""
        _, before = await typed("keys", "status")
        _, done = await typed("keys", "rotate", "log", "--after-h", 0)
        _, after = await typed("keys", "status")
        old = next(one["key_id"] for one in before["keys"] if one["purpose"] == "log")
        assert done["key_id"] != old
        used = {o["key_id"]: o["place"] for o in after["keys"] if o["standing"] == "in use"}
        assert used[done["key_id"]] == "hsm"
        assert hsm_finding(await typed("doctor"))["what"] == "2 keys sign in the token"
        label = (typed.config.member.hsm or "").removeprefix("pkcs11:token=").partition("?")[0]
        assert labels(softhsm, label) == ["hotline-log"] * 2 + ["hotline-receipt"] * 2

    async def test_a_key_in_a_token_that_is_lost_is_revoked_by_the_member_key(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """The token burnt; its log key must not be believed if somebody has it."""
        _, shown = await typed("keys", "status")
        log = next(one["key_id"] for one in shown["keys"] if one["purpose"] == "log")
        change_file(
            typed.config.source, "member", {"hsm": softhsm.uri("burnt"), "hsm_pin": "env:NONE"}
        )
        _, done = await typed("keys", "revoke", log)
        assert (done["purpose"], done["key_id"]) == ("log", log)

    @pytest.mark.parametrize("was_rotating", [False, True])
    async def test_g7_a_lost_token_is_replaced_by_another(
        self, typed: Typing, softhsm: SoftHsm, pin: Path, *, was_rotating: bool
    ) -> None:
        """Nothing asks the lost one to sign, nor for a successor that lay in it unpublished."""
        _, shown = await typed("keys", "status")
        lost = {o["purpose"]: o["key_id"] for o in shown["keys"] if o["place"] == "hsm"}
        if was_rotating:
            await typed("keys", "rotate", "log", "--umbrella", "http://127.0.0.1:9")
        another = {"hsm": softhsm.uri(softhsm.token()), "hsm_pin": f"file:{pin}"}
        change_file(typed.config.source, "member", another)
        for purpose, key_id in lost.items():
            await typed("keys", "revoke", key_id)
            await typed("keys", "rotate", purpose, "--after-h", 0)
        assert hsm_finding(await typed("doctor"))["what"] == "2 keys sign in the token"
        _, after = await typed("keys", "status")
        used = {o["purpose"] for o in after["keys"] if o["standing"] == "in use"}
        assert set(lost) <= used

    async def test_g7_a_wrong_token_costs_no_successor(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """Whoever names another token by mistake goes on with the right one where it stood."""
        await typed("keys", "rotate", "log", "--umbrella", "http://127.0.0.1:9")
        successor = typed.config.member.keys_dir / "log.next.key"
        made, right, wrong = successor.read_bytes(), typed.config.member.hsm, softhsm.token()
        change_file(typed.config.source, "member", {"hsm": softhsm.uri(wrong)})
        code, said = await typed("keys", "rotate", "log")
        assert (code, said["error"]["code"]) == (Exit.KEYS, "hsm_key")
        assert successor.read_bytes() == made
        assert not labels(softhsm, wrong)
        change_file(typed.config.source, "member", {"hsm": right or ""})
        assert (await typed("keys", "rotate", "log", "--after-h", 0))[0] == Exit.OK

    async def test_g7_a_wrong_token_gets_no_successor(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """The key in use is not there: the node could use neither that one nor the next."""
        wrong = softhsm.token()
        change_file(typed.config.source, "member", {"hsm": softhsm.uri(wrong)})
        for purpose in ("log", "receipt"):
            code, said = await typed("keys", "rotate", purpose)
            assert (code, said["error"]["code"]) == (Exit.KEYS, "hsm_key")
            assert not (typed.config.member.keys_dir / f"{purpose}.next.key").exists()
        assert not labels(softhsm, wrong)

    async def test_g7_a_stolen_key_is_replaced_while_the_token_is_away(
        self, typed: Typing, softhsm: SoftHsm
    ) -> None:
        """What lies in the token was proved before; another document needs no word of it."""
        elsewhere = softhsm.folder / "elsewhere"
        softhsm.tokens.rename(elsewhere)
        try:
            _, done = await typed("keys", "rotate", "transport", "--after-h", 0)
        finally:
            elsewhere.rename(softhsm.tokens)
        assert done["purpose"] == "transport"


def hsm_finding(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    """Give what the doctor says of the token."""
    [found] = [one for one in answer[1]["findings"] if one["check"] == "hsm"]
    return dict(found)
