"""The life of a membership as the umbrella's officers type it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from node.cli.exits import Exit
from node.cli.main import run
from node.cli.network import status


def typed(*words: object) -> tuple[int, Any]:
    """Type it with --json; give the exit code and what was shown."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        code = run([*map(str, words), "--json"])
    return code, json.loads(shown.getvalue())


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a network of three: two in Germany, the first of them first, one in Britain."""
    path = tmp_path_factory.mktemp("umbrella")
    _, made = typed("network", "create", "--name", "demo", "--dir", path / "net", "--trial")
    for number, (member, country, *more) in enumerate(
        (
            ("de-eco", "DE", "--fallback"),
            ("de-fsm", "DE", "--choice", "DE=de-eco,de-fsm"),
            ("gb-iwf", "GB", "--fallback"),
        )
    ):
        words = ("--member", member, "--network", made["network"], "--jurisdiction", country)
        place = ("--endpoint", f"https://192.0.2.{number + 1}:8441", "--dir", path / member)
        assert typed("init", *words, *place)[0] == Exit.OK
        request = path / member / "admission.json"
        assert typed("network", "admit", request, *more, "-c", made["config"])[0] == Exit.OK
    return path / "net"


class Office:
    """The umbrella's terminal."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "network.toml"

    def __call__(self, *words: object, code: Exit = Exit.OK) -> Any:
        """Type it; give what was shown."""
        told, shown = typed(*words, "--config", self.config)
        assert told == code, shown
        return shown

    def refused(self, *words: object) -> str:
        """Type what is refused; give the message."""
        return str(self(*words, code=Exit.REFUSED)["error"]["message"])

    def member(self, member: str) -> dict[str, Any]:
        """One member as `network status` shows it."""
        (found,) = [m for m in self("network", "status")["members"] if m["member"] == member]
        return dict(found)


@pytest.fixture
def office(founded: Path, tmp_path: Path) -> Office:
    """Give the terminal of a network of its own."""
    return Office(shutil.copytree(founded, tmp_path / "net"))


def test_rule_4_status_says_who_takes_what_nobody_covers(office: Office) -> None:
    """In their order, in the words for people too."""
    assert office("network", "status")["fallback_members"] == ["de-eco", "gb-iwf"]
    told = status(office.config).text
    assert "items that nobody covers go to de-eco, else gb-iwf" in told


def test_rule_4_status_says_that_who_is_suspended_takes_nothing(office: Office) -> None:
    """Who names one, or suspends the last one, sees that orphans stay with their finders."""
    office("network", "suspend", "de-eco")
    assert "nobody covers go to gb-iwf\n" in f"{status(office.config).text}\n"
    office("network", "fallback", "de-eco")
    assert "nobody covers go to their finder: de-eco is not active" in status(office.config).text


def test_rule_4_existing_members_become_the_fallback_in_the_order_named(office: Office) -> None:
    """The one that took orphans may have too many, or have gone; all follow the new order."""
    office("network", "fallback", "de-fsm", "de-eco")
    assert office("network", "status")["fallback_members"] == ["de-fsm", "de-eco"]
    assert "no such member" in office.refused("network", "fallback", "xx-no")
    office("network", "roles", "de-eco", "--role", "police")
    assert "de-eco is no hotline" in office.refused("network", "fallback", "de-eco")
    assert office("network", "status")["fallback_members"] == ["de-fsm"]


def test_rule_4_that_nobody_is_the_fallback_is_said_aloud(office: Office) -> None:
    """Who typed no name may have wanted to read them."""
    office("network", "fallback", code=Exit.USAGE)
    assert office("network", "status")["fallback_members"] == ["de-eco", "gb-iwf"]
    office("network", "fallback", "--nobody")
    assert office("network", "status")["fallback_members"] == []


def test_the_configuration_of_a_member_governs_no_network(founded: Path) -> None:
    """Whoever named it meant another file, and is told which."""
    member = founded.parent / "gb-iwf"
    words = ("network", "admit", member / "admission.json", "--config", member / "node.toml")
    code, shown = typed(*words)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "registry_repository")
    assert "network.toml" in shown["error"]["message"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "status"), Exit.KEYS),
        (("tasks", "list"), Exit.KEYS),
        (("backup", "x"), Exit.KEYS),
        (("publish",), Exit.REFUSED),
        (("keys", "revoke", "0123456789abcdef"), Exit.REFUSED),
        (("verify",), Exit.REFUSED),
    ],
)
def test_the_configuration_of_a_network_is_no_nodes(
    office: Office, words: tuple[str, ...], code: Exit
) -> None:
    """Nor does it say that a key is missing, or that somebody should join."""
    message = office(*words, code=code)["error"]["message"]
    assert "is the configuration of a network" in message
    assert "node.toml" in message


def test_of_a_members_registry_nothing_is_dropped(founded: Path) -> None:
    """`nothing waited` would be said of a network that was not looked at."""
    folder = founded.parent / "gb-iwf"
    (folder / "registry").mkdir(exist_ok=True)
    code, shown = typed("network", "drop", "--config", folder / "node.toml")
    assert code == Exit.REFUSED
    assert "network.toml" in shown["error"]["message"]


def test_rule_5_the_registry_states_who_is_first_in_a_country(office: Office) -> None:
    """Never chance: without the rule the second hotline is not admitted, with it it is shown."""
    assert office("network", "status")["choice_rules"] == {"DE": ["de-eco", "de-fsm"]}
    message = office.refused(
        "network", "countries", "gb-iwf", "--jurisdiction", "DE", "--choice", "DE=xx-no"
    )
    assert "choice_rules.DE" in message


@pytest.mark.parametrize(("said", "meant"), [("UK", "write GB"), ("ZZ", "such as NL")])
def test_rule_of_a_country_that_does_not_exist_is_refused(
    office: Office, said: str, meant: str
) -> None:
    """It was published, and the items of the country that was meant went to nobody."""
    words = ("network", "countries", "gb-iwf", "--jurisdiction", "GB", "--choice")
    refused = office(*words, f"{said}=gb-iwf", code=Exit.USAGE)
    assert meant in refused["error"]["message"]


def test_rule_is_taken_back_by_one_that_names_nobody(office: Office) -> None:
    """A territory that was given by mistake; not the rule that says who of several is first."""
    words = ("network", "countries", "gb-iwf", "--jurisdiction", "GB", "--choice")
    before = office("network", "status")["choice_rules"]
    office(*words, "IM=gb-iwf")
    assert office("network", "status")["choice_rules"] == {**before, "IM": ["gb-iwf"]}
    office(*words, "IM=")
    assert office("network", "status")["choice_rules"] == before
    assert "choice_rules.DE" in office.refused(*words, "DE=")


def test_a_change_of_jurisdiction_is_published(office: Office) -> None:
    """What is given up leaves the rules too."""
    office("network", "countries", "de-eco", "--jurisdiction", "AT")
    assert office.member("de-eco")["jurisdictions"] == ["AT"]
    assert office("network", "status")["choice_rules"] == {"DE": ["de-fsm"]}


def test_a_second_hotline_in_a_country_needs_a_rule(office: Office) -> None:
    """Also when it comes by a change of jurisdiction."""
    words = ("network", "countries", "de-fsm", "--jurisdiction", "DE", "--jurisdiction", "GB")
    assert "choice_rules.GB" in office.refused(*words)
    office(*words, "--choice", "GB=gb-iwf,de-fsm")
    assert office("network", "status")["choice_rules"]["GB"] == ["gb-iwf", "de-fsm"]


def test_rule_5_no_hotline_comes_to_a_country_whose_rule_leaves_it_out_unsaid(
    office: Office,
) -> None:
    """It would never be responsible: back again, as a third, by its roles, or at its admission."""
    both = ("--jurisdiction", "GB", "--jurisdiction", "DE")
    office("network", "countries", "gb-iwf", *both, "--choice", "DE=de-fsm,de-eco,gb-iwf")
    office("network", "countries", "de-fsm", "--jurisdiction", "AT")
    back = ("network", "countries", "de-fsm", "--jurisdiction", "DE")
    assert "--choice DE=de-eco,gb-iwf,de-fsm" in office.refused(*back)
    office("network", "roles", "de-eco", "--role", "police")
    again = ("network", "roles", "de-eco", "--role", "hotline")
    assert "--choice DE=gb-iwf,de-eco" in office.refused(*again)
    network = office("network", "status")["network"]
    place = ("--endpoint", "https://192.0.2.9:8441", "--dir", office.config.parent / "third")
    words = ("init", "--member", "de-jus", "--network", network, "--jurisdiction", "DE", *place)
    assert typed(*words)[0] == Exit.OK
    admit = ("network", "admit", office.config.parent / "third" / "admission.json")
    assert "--choice DE=gb-iwf,de-jus" in office.refused(*admit)
    assert office("network", "status")["choice_rules"] == {"DE": ["gb-iwf"]}
    office(*back, "--choice", "DE=de-fsm,gb-iwf")
    office(*again, "--choice", "DE=de-fsm,gb-iwf")  # left out, and somebody said so
    assert office("network", "status")["choice_rules"] == {"DE": ["de-fsm", "gb-iwf"]}


def test_what_is_done_is_said_though_the_answer_finds_no_room(office: Office) -> None:
    """Stdout goes to a file on a full disk; the suspension is in force."""
    typed_out = "from node.cli.main import run; import sys; sys.exit(run(sys.argv[1:]))"
    words = ["network", "suspend", "gb-iwf", "--config", str(office.config)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", typed_out, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.INPUT
    assert "what was asked for is done" in done.stderr
    assert office.member("gb-iwf")["status"] == "suspended"


@pytest.mark.parametrize("code", ["UK", "XX", "gb"])
def test_a_country_that_does_not_exist_is_refused(office: Office, code: str) -> None:
    """By its field."""
    message = office.refused("network", "countries", "gb-iwf", "--jurisdiction", code)
    assert message.startswith("jurisdictions")


def test_numbers_of_the_network_are_published(office: Office) -> None:
    """Those that are not named stay; one without a number is as programs have it."""
    office("network", "policy", "peer_withdrawals=100", "entry_bytes=32768", "ledger_minutes=30")
    office("network", "policy", "peer_withdrawals=")
    shown = office("network", "status")
    assert shown["policy"] == {"ledger_minutes": 30}
    assert shown["limits"]["entry_bytes"] == 32768
    assert shown["limits"]["push_entries"] == 1000
    again = office.refused("network", "policy", "ledger_minutes=30")
    assert again == "policy: says this already"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("peer_withdrawal=1", "policy: has no such number"),
        ("ledger_minutes=0", "policy.ledger_minutes: needs 1 to 240"),
        ("push_bytes=99999999", "limits.push_bytes: needs 4096 to 16777216"),
        ("push_bytes=16384", "limits.push_bytes: must hold one entry"),
        ("push_bytes=", "limits.push_bytes: always says a number"),
    ],
)
def test_a_number_out_of_reason_is_refused(office: Office, number: str, why: str) -> None:
    """By its name; nothing is changed."""
    assert office.refused("network", "policy", number).startswith(why)
    assert office("network", "status")["policy"] == {}


@pytest.mark.parametrize(
    "number", ["peer_contents", "peer_contents=x", "peer_contents=" + "9" * 19]
)
def test_a_number_that_is_none_is_a_usage_error(office: Office, number: str) -> None:
    """With an example of one."""
    office("network", "policy", number, code=Exit.USAGE)


def test_who_decides_is_shown_what_the_member_is_from_now_on(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """The roles of an admission are those that its request asked for, unless others were named."""
    words = ["network", "countries", "gb-iwf", "--jurisdiction", "GB", "--jurisdiction", "IE"]
    assert run([*words, "--config", str(office.config)]) == Exit.OK
    assert capsys.readouterr().out == "gb-iwf: published, active: hotline for GB IE\n"


def test_a_change_of_roles_is_published(office: Office) -> None:
    """The roles are all that it has from then on; its countries stay."""
    office("network", "roles", "gb-iwf", "--role", "hotline", "--role", "witness")
    changed = office.member("gb-iwf")
    assert (changed["roles"], changed["jurisdictions"]) == (["hotline", "witness"], ["GB"])
    again = ("network", "roles", "gb-iwf", "--role", "witness", "--role", "hotline")
    assert office.refused(*again) == "roles: are these already"
    office("network", "roles", "gb-iwf", "--role", "hotline")
    assert office.member("gb-iwf")["roles"] == ["hotline"]


def test_who_is_no_hotline_any_more_stands_in_no_rule(office: Office) -> None:
    """Nobody hands it what a country's hotline, or whoever takes orphans, is to take."""
    office("network", "roles", "de-eco", "--role", "witness")
    shown = office("network", "status")
    assert shown["choice_rules"] == {"DE": ["de-fsm"]}
    assert shown["fallback_members"] == ["gb-iwf"]
    words = ("network", "roles", "de-eco", "--role", "hotline")
    office(*words, "--choice", "DE=de-fsm,de-eco")
    assert office("network", "status")["choice_rules"] == {"DE": ["de-fsm", "de-eco"]}


@pytest.mark.parametrize("words", [(), ("--role", "king")])
def test_no_role_or_an_unknown_one_is_a_usage_error(office: Office, words: tuple[str, ...]) -> None:
    """Nothing is changed; who is to have none any more is expelled."""
    office("network", "roles", "gb-iwf", *words, code=Exit.USAGE)
    assert office.member("gb-iwf")["roles"] == ["hotline"]


def test_an_expelled_member_stays_listed_and_answers_for_nothing(office: Office) -> None:
    """What it signed can be judged for ever."""
    office("network", "expel", "de-eco")
    gone = office.member("de-eco")
    assert (gone["status"], gone["jurisdictions"], gone["successor"]) == ("expelled", [], None)
    shown = office("network", "status")
    assert shown["choice_rules"] == {"DE": ["de-fsm"]}
    assert shown["fallback_members"] == ["gb-iwf"]


@pytest.mark.parametrize(
    "words",
    [("reinstate",), ("suspend",), ("expel",), ("countries",), ("roles", "--role", "hotline")],
)
def test_an_expelled_member_does_not_come_back(office: Office, words: tuple[str, ...]) -> None:
    """Only under another id, by an admission of its own."""
    office("network", "expel", "de-eco")
    assert "expelled" in office.refused("network", words[0], "de-eco", *words[1:])


def test_a_suspended_member_can_be_expelled(office: Office) -> None:
    """The suspension was the time to look."""
    office("network", "suspend", "gb-iwf")
    office("network", "expel", "gb-iwf")
    assert office.member("gb-iwf")["status"] == "expelled"


def test_a_merged_member_hands_countries_and_duties_to_its_successor(office: Office) -> None:
    """Ranks too; the list says who succeeded it."""
    office("network", "merge", "de-eco", "--into", "de-fsm")
    assert office.member("de-eco")["successor"] == "de-fsm"
    assert office.member("de-fsm")["jurisdictions"] == ["DE"]
    shown = office("network", "status")
    assert shown["choice_rules"] == {"DE": ["de-fsm"]}
    assert shown["fallback_members"] == ["de-fsm", "gb-iwf"]


@pytest.mark.parametrize("into", ["de-eco", "xx-nobody"])
def test_a_member_merges_into_another_member_only(office: Office, into: str) -> None:
    """Not into itself, not into a stranger."""
    office.refused("network", "merge", "de-eco", "--into", into)


def test_a_member_merges_into_no_suspended_one(office: Office) -> None:
    """Its items would go nowhere."""
    office("network", "suspend", "de-fsm")
    assert "suspended" in office.refused("network", "merge", "de-eco", "--into", "de-fsm")


def test_rule_12_terms_are_set_for_all_and_for_one_pair(office: Office) -> None:
    """As they stand in the network document."""
    office("network", "terms", "adequacy", "--field", "content", "--field", "evidence")
    office("network", "terms", "none", "--from", "gb-iwf", "--to", "de-eco")
    terms = office("network", "status")["transfers"]
    assert terms["default"] == {"basis": "adequacy", "fields": ["content", "evidence"]}
    assert terms["pairs"]["gb-iwf"]["de-eco"]["basis"] == "none"


def test_terms_of_a_stranger_are_refused(office: Office) -> None:
    """They would bind nobody."""
    office.refused("network", "terms", "contract", "--from", "gb-iwf", "--to", "xx-nobody")


@pytest.mark.parametrize("ending", [("expel", "de-eco"), ("merge", "de-eco", "--into", "de-fsm")])
def test_11_3_terms_of_an_expelled_member_outlast_it(
    office: Office, ending: tuple[str, ...]
) -> None:
    """What it had handed over is read by them: the default may permit more."""
    office("network", "terms", "contract", "--from", "de-eco", "--to", "gb-iwf")
    before = office("network", "status")["transfers"]["pairs"]
    office("network", *ending)
    assert office("network", "status")["transfers"]["pairs"] == before != {}


@pytest.mark.parametrize(
    "words",
    [
        ("contract", "--field", "location"),
        ("By contract",),
        ("contract", "--from", "gb-iwf"),
    ],
)
def test_terms_written_wrongly_are_a_usage_error(office: Office, words: tuple[str, ...]) -> None:
    """Nothing is changed."""
    office("network", "terms", *words, code=Exit.USAGE)
    assert office("network", "status")["transfers"]["default"]["basis"] == "not_stated"
