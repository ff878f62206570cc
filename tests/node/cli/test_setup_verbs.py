"""`network create`, `init`, `network admit`, `network status` as they are typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from node.cli.exits import Exit
from node.cli.main import run
from node.registry.directory import RepositoryDirectory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Give `typed(*words)`: run with --json, give exit code and the object on stdout."""

    def run_json(*words: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, words), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run_json


def make_pair(tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """Make a network and a member gb-iwf that asks to enter it; give what `network create` said."""
    code, network = typed(
        "network", "create", "--name", "demo", "--dir", tmp_path / "net", "--trial"
    )
    assert code == Exit.OK
    words = ["--member", "gb-iwf", "--network", network["network"], "--jurisdiction", "GB"]
    code, _ = typed("init", *words, "--dir", tmp_path / "gb")
    assert code == Exit.OK
    return network


def test_network_is_made_and_told(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Id and fingerprint are what members are told; the id's digits begin the fingerprint."""
    code, made = typed("network", "create", "--name", "demo", "--dir", tmp_path / "net", "--trial")
    assert code == Exit.OK
    assert made["network"] == f"demo-{made['root_sha256'][:16]}"
    assert made["waiting_for_signatures"] is False


def test_a_network_of_one_person_is_said_aloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good for a trial; whoever makes a real one must not overlook it."""
    words = ["network", "create", "--name", "demo", "--dir", str(tmp_path / "net"), "--trial"]
    assert run(words) == Exit.OK
    assert "WARNING: in this network ONE person alone decides" in capsys.readouterr().out


def test_g6_three_of_five_sign_unless_something_else_was_said(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Five public keys of each role are enough to say; none of them is made here."""
    unlock = f"file:{tmp_path / 'net.unlock'}"
    words: list[object] = ["network", "create", "--name", "demo", "--dir", tmp_path / "net"]
    for role in ("root", "targets"):
        for number in range(5):
            path = tmp_path / f"{role}-{number}.key"
            _, made = typed("network", "key", path, "--role", role, "--unlock", unlock)
            words += [f"--{role}-key", made["public"]]
    code, made = typed(*words, "--unlock", unlock)
    assert (code, made["signed_by_one"], made["waiting_for_signatures"]) == (Exit.OK, [], True)
    assert not list((tmp_path / "net" / "keys").glob("root-*"))
    config = ("-c", made["config"])
    signing = [
        arg
        for number in range(3)
        for role in ("root", "targets")
        for arg in ("--key", tmp_path / f"{role}-{number}.key")
    ]
    assert not typed("network", "sign", *signing[:8], *config)[1]["published"], "two of five"
    assert typed("network", "sign", *signing[8:], *config)[1]["published"]


ONE_ROOT = ("--root-threshold", 1, "--root-holders", 1)


@pytest.mark.parametrize(
    "words",
    [(), ONE_ROOT, (*ONE_ROOT, "--targets-holders", 4)],
    ids=["nobody", "one for root", "four of five"],
)
def test_g6_fewer_than_five_holders_are_no_network_by_mistake(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]], words: tuple[object, ...]
) -> None:
    """Nothing is made; the message names the three ways on."""
    command = ("network", "create", "--name", "demo", "--dir", tmp_path / "net")
    code, shown = typed(*command, *words)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")
    for way in ("network key", "-threshold", "--trial"):
        assert way in shown["error"]["message"]
    assert not (tmp_path / "net").exists()


def test_a_network_of_several_is_not_warned_of(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Where root needs two and targets one, targets are named."""
    words = ("--trial", "--root-holders", 2, "--root-threshold", 2, "--targets-holders", 2)
    _, half = typed("network", "create", "--name", "demo", "--dir", tmp_path / "a", *words)
    more = (*words, "--targets-threshold", 2)
    _, whole = typed("network", "create", "--name", "demo", "--dir", tmp_path / "b", *more)
    assert (half["signed_by_one"], whole["signed_by_one"]) == (["targets"], [])


def test_member_is_admitted_and_listed(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """From request to list, with the terms that the umbrella sets."""
    network = make_pair(tmp_path, typed)
    request, config = tmp_path / "gb" / "admission.json", network["config"]
    code, admitted = typed(
        "network", "admit", request, "-c", config, "--fallback", "--name", "Hotline of the north"
    )
    assert (code, admitted["published"]) == (Exit.OK, True)
    _, shown = typed("network", "status", "-c", config)
    assert shown["fallback_members"] == ["gb-iwf"]
    (member,) = shown["members"]
    assert (member["name"], member["jurisdictions"]) == ("Hotline of the north", ["GB"])


def test_second_admission_is_refused(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """A member changes its own document itself."""
    network = make_pair(tmp_path, typed)
    words = ("network", "admit", tmp_path / "gb" / "admission.json", "-c", network["config"])
    assert typed(*words)[0] == Exit.OK
    code, shown = typed(*words)
    assert code == Exit.REFUSED
    assert shown["error"]["code"] == "registry_conflict"


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"\xff" * 10, b"[" * 5000, b" " * (2 << 20), b'{"_type":"hx1-publication"}']
)
def test_garbage_is_no_request(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]], raw: bytes
) -> None:
    """Refused with a code, whatever the bytes; the file is named, and which one is meant."""
    network = make_pair(tmp_path, typed)
    (tmp_path / "odd").write_bytes(raw)
    code, shown = typed("network", "admit", tmp_path / "odd", "-c", network["config"])
    assert code == Exit.REFUSED
    error = shown["error"]
    assert error["code"] == "registry_refused"
    assert f"{tmp_path / 'odd'} is no admission request" in error["message"]
    assert "admission.json" in error["message"]


def test_missing_request_names_the_file_argument(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """What cannot be read is an input error."""
    network = make_pair(tmp_path, typed)
    code, shown = typed("network", "admit", tmp_path / "none", "-c", network["config"])
    assert (code, shown["error"]["code"]) == (Exit.INPUT, "request_unreadable")


def test_second_init_is_refused(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Exit code and code say why."""
    network = make_pair(tmp_path, typed)
    words = ("--member", "gb-iwf", "--network", network["network"], "--jurisdiction", "GB")
    code, shown = typed("init", *words, "--dir", tmp_path / "gb")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")


@pytest.mark.parametrize(
    "words",
    [
        ("network", "admit", "x", "--role", "king"),
        ("network", "admit", "x", "--choice", "DE"),
        ("network", "create", "--name", "demo", "--dir", "x", "--root-key", "zz"),
        ("init", "--member", "gb-iwf", "--network", "d", "--dir", "x", "--role", "king"),
    ],
)
def test_wrongly_typed_option_is_a_usage_error(
    typed: Callable[..., tuple[int, dict[str, Any]]], words: tuple[str, ...]
) -> None:
    """Nothing is read or made."""
    code, shown = typed(*words)
    assert (code, shown["error"]["code"]) == (Exit.USAGE, "usage")


def test_umbrella_with_holders_elsewhere_waits(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Two of two root holders, one of them elsewhere: the network is not there yet."""
    key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    words = ("--trial", "--root-holders", 1, "--root-key", key, "--root-threshold", 2)
    code, made = typed("network", "create", "--name", "demo", "--dir", tmp_path / "net", *words)
    assert (code, made["waiting_for_signatures"]) == (Exit.OK, True)
    code, signed = typed("network", "sign", "-c", tmp_path / "net" / "network.toml")
    assert (code, signed["published"]) == (Exit.OK, False)


def test_suspended_and_reinstated(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Each once; twice is refused."""
    config = make_pair(tmp_path, typed)["config"]
    typed("network", "admit", tmp_path / "gb" / "admission.json", "-c", config)
    assert typed("network", "suspend", "gb-iwf", "-c", config)[0] == Exit.OK
    _, shown = typed("network", "status", "-c", config)
    assert shown["members"][0]["status"] == "suspended"
    assert typed("network", "suspend", "gb-iwf", "-c", config)[0] == Exit.REFUSED
    assert typed("network", "reinstate", "gb-iwf", "-c", config)[0] == Exit.OK
    assert typed("network", "suspend", "nobody", "-c", config)[0] == Exit.REFUSED


def test_suspension_takes_the_keys_of_holders_who_brought_theirs(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """`--key`: two of two sign at once; without it the first waits for the second."""
    unlock, key = f"file:{tmp_path / 'net.unlock'}", tmp_path / "targets-else.key"
    _, made = typed("network", "key", key, "--role", "targets", "--unlock", unlock)
    words = ("--trial", "--targets-key", made["public"], "--targets-threshold", 2)
    _, network = typed("network", "create", "--name", "demo", "--dir", tmp_path / "net", *words)
    config = ("-c", network["config"])
    _, founded = typed("network", "sign", "--key", key, *config)
    member = ("--member", "gb-iwf", "--network", founded["network"], "--jurisdiction", "GB")
    typed("init", *member, "--dir", tmp_path / "gb")
    request = tmp_path / "gb" / "admission.json"
    assert typed("network", "admit", request, "--key", key, *config)[1]["published"]

    assert not typed("network", "suspend", "gb-iwf", *config)[1]["published"]
    typed("network", "drop", *config)
    assert typed("network", "suspend", "gb-iwf", "--key", key, *config)[1]["published"]
    _, shown = typed("network", "status", *config)
    assert shown["members"][0]["status"] == "suspended"
    assert typed("network", "reinstate", "gb-iwf", "--key", key, *config)[1]["published"]
    _, shown = typed("network", "status", *config)
    assert shown["members"][0]["status"] == "active"


def test_a_key_of_no_holder_suspends_nobody(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """`--key` with a stranger's key adds nothing: the decision waits as without it."""
    unlock, key = f"file:{tmp_path / 'net.unlock'}", tmp_path / "targets-else.key"
    words = ("--trial", "--targets-holders", 2, "--targets-threshold", 2)
    _, network = typed("network", "create", "--name", "demo", "--dir", tmp_path / "net", *words)
    config = ("-c", network["config"])
    member = ("--member", "gb-iwf", "--network", network["network"], "--jurisdiction", "GB")
    typed("init", *member, "--dir", tmp_path / "gb")
    assert typed("network", "admit", tmp_path / "gb" / "admission.json", *config)[1]["published"]
    (tmp_path / "net" / "keys" / "targets-2.key").rename(tmp_path / "away.key")
    typed("network", "key", key, "--role", "targets", "--unlock", unlock)
    assert not typed("network", "suspend", "gb-iwf", "--key", key, *config)[1]["published"]
    _, shown = typed("network", "status", *config)
    assert (shown["members"][0]["status"], shown["staged"]) == ("active", True)


def test_renewal_raises_the_root_version(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """For another year, with the same holders."""
    config = make_pair(tmp_path, typed)["config"]
    assert typed("network", "renew", "-c", config)[0] == Exit.OK
    assert typed("network", "status", "-c", config)[1]["root_version"] == 2


def test_holder_elsewhere_makes_a_key_and_completes_the_network(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Two of two: the network is founded when the second holder signs."""
    unlock = f"file:{tmp_path / 'net.unlock'}"
    key = tmp_path / "root-else.key"
    code, made = typed("network", "key", key, "--role", "root", "--unlock", unlock)
    assert code == Exit.OK
    words = ("--trial", "--root-holders", 1, "--root-key", made["public"], "--root-threshold", 2)
    code, network = typed("network", "create", "--name", "demo", "--dir", tmp_path / "net", *words)
    assert network["waiting_for_signatures"] is True
    code, signed = typed("network", "sign", "--key", key, "-c", network["config"])
    assert (code, signed["published"]) == (Exit.OK, True)
    assert typed("network", "status", "-c", network["config"])[0] == Exit.OK


def test_drop_forgets_what_waits(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """Nothing waits in a network of one holder."""
    config = make_pair(tmp_path, typed)["config"]
    assert typed("network", "drop", "-c", config) == (Exit.OK, {"dropped": False})


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_a_holders_key_is_for_one_role(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]], role: str
) -> None:
    """A key of root for targets, the other way round, one that signs unattended."""
    config = ("-c", make_pair(tmp_path, typed)["config"])
    files = RepositoryDirectory(tmp_path / "net").files
    signed = json.loads(files["metadata/1.root.json"])["signed"]
    (key,) = signed["roles"][role]["keyids"]
    option = "--root-key" if role == "targets" else "--targets-key"
    public = signed["keys"][key]["keyval"]["public"]
    code, shown = typed("network", "holders", option, public, *config)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "registry_refused")
    assert "two roles" in shown["error"]["message"]
    _, status = typed("network", "status", *config)
    assert (status["root_version"], status["staged"]) == (1, False)


def test_key_of_another_role_is_refused(
    tmp_path: Path, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    """People hold root and targets only; no secret is left behind."""
    unlock = f"file:{tmp_path / 'new.unlock'}"
    code, _ = typed("network", "key", tmp_path / "x", "--role", "king", "--unlock", unlock)
    assert code == Exit.REFUSED
    assert list(tmp_path.iterdir()) == []
