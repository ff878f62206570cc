"""The configuration: complete, frozen, and clear about every mistake."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import (
    Config,
    ConfigError,
    ConfigInvalidError,
    ConfigUnreadableError,
    load,
    parse,
)
from node.config.sections import section_types
from node.config.text import documented_keys, render

FILE = Path("/etc/hotline/node.toml")
LEAST = '[member]\nid = "gb-iwf"\nunlock = "env:HOTLINE_UNLOCK"\n'


def refused(text: str) -> ConfigInvalidError:
    """Give the error with which `text` is refused."""
    with pytest.raises(ConfigInvalidError) as caught:
        parse(text, FILE)
    return caught.value


class TestDefaults:
    """A member id and an unlock reference are enough."""

    def test_paths_follow_from_the_directory_of_the_file(self) -> None:
        """Without `data_dir` everything lies beside the configuration file."""
        config = parse(LEAST, FILE)
        assert config.store.path == Path("/etc/hotline/node.db")
        assert config.member.keys_dir == Path("/etc/hotline/keys")
        assert config.registry.directory == Path("/etc/hotline/registry")
        assert config.api.token_file == Path("/etc/hotline/admin.token")

    def test_relative_data_dir_counts_from_the_file(self) -> None:
        """Where the process was started does not matter."""
        config = parse(LEAST + 'data_dir = "data"\n', FILE)
        assert config.store.path == Path("/etc/hotline/data/node.db")

    @pytest.mark.parametrize(
        ("lines", "field"),
        [
            ('listen_host = "192.0.2.1"', "[public] listen_host"),
            ('tls_key = "key.pem"', "[public] tls_key"),
            ('tls_certificate = "cert.pem"', "[public] tls_key"),
        ],
    )
    def test_public_listener_is_never_open_without_tls(self, lines: str, field: str) -> None:
        """Beyond loopback it has a certificate, or the operator says that a proxy has one."""
        head = '[member]\nid = "gb-iwf"\nunlock = "env:X"\n[public]\n'
        on = f"{head}enabled = true\n{lines}\n"
        with pytest.raises(ConfigInvalidError) as refused:
            parse(on, FILE)
        assert [one.field for one in refused.value.problems] == [field]
        if "host" in field:
            for way in ("allow_remote = true", 'tls_certificate = "c"\ntls_key = "k"'):
                assert parse(f"{on}{way}\n", FILE).public.enabled

    def test_local_listener_is_loopback_and_public_is_off(self) -> None:
        """The defaults expose nothing but the peer listener."""
        config = parse(LEAST, FILE)
        assert config.api.listen_host == "127.0.0.1"
        assert config.public.enabled is False
        assert config.jurisdiction.allow_documentation_ranges is False

    def test_object_is_frozen(self) -> None:
        """Nothing can change a setting after it was read."""
        config = parse(LEAST, FILE)
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.peer.batch_window_ms = 1  # type: ignore[misc]


class TestMistakesAreNamed:
    """Each refusal names section, key and mend."""

    def test_unknown_key_names_the_nearest_valid_one(self) -> None:
        """A typing mistake is corrected by the message."""
        error = refused(LEAST + "[peer]\nlisten_prot = 1\n")
        assert str(error) == "[peer] listen_prot: unknown key; did you mean listen_port?"

    def test_unknown_section_names_the_nearest_valid_one(self) -> None:
        """Sections are as closed as keys."""
        assert "did you mean registry?" in str(refused(LEAST + "[registrie]\n"))

    def test_key_in_no_section_is_an_unknown_section(self) -> None:
        """A key before the first section header is not read over."""
        assert refused('id = "gb-iwf"\n' + LEAST).problems[0].field == "[id]"

    def test_all_problems_are_listed_at_once(self) -> None:
        """Nobody mends a file one error at a time."""
        error = refused('[member]\nid = "GB"\n[api]\nlisten_port = 0\n[store]\npth = "x"\n')
        assert [problem.field for problem in error.problems] == [
            "[member] id",
            "[member] unlock",
            "[store] pth",
            "[api] listen_port",
        ]

    @pytest.mark.parametrize(
        ("section", "line"),
        [
            ("member", "id = 3"),
            ("member", 'id = "gb_iwf"'),
            ("member", 'id = "gb-iwf\\n"'),
            ("member", 'log_level = "loud"'),
            ("member", 'data_dir = ""'),
            ("member", 'data_dir = "a\\u0000b"'),
            ("store", "group_commit_max = 0"),
            ("store", "group_commit_max = true"),
            ("store", 'password = "env:PASSWORD"'),
            ("store", 'url = "/var/lib/hotline"'),
            ("store", 'url = "postgresql://db.example/hotline"'),
            ("store", 'url = "postgresql://hotline@db.example"'),
            ("store", 'url = "postgresql://hotline@db.example/hotline"'),
            ("store", 'url = "postgresql://hotline@db.example/hotline?sslmode=require"'),
            ("store", 'url = "postgresql://hotline@/hotline?host=/run&sslmode=bogus"'),
            ("store", 'url = "postgresql://hotline@/hotline?host=/run&channel_binding=bogus"'),
            ("store", 'url = "postgresql://hotline@/hotline?host=db.example"'),
            ("store", 'url = "postgresql://hotline:hunter2@127.0.0.1/hotline"'),
            ("store", 'url = "postgresql://hotline@127.0.0.1/hotline?password=hunter2"'),
            ("store", 'url = "postgresql://hotline@127.0.0.1/hotline?options=-cfsync"'),
            ("peer", "listen_port = 65536"),
            ("peer", 'listen_port = "8441"'),
            ("peer", 'listen_host = "localhost"'),
            ("peer", 'endpoint = "http://node.example"'),
            ("peer", 'endpoint = "https://user@node.example:8441"'),
            ("peer", 'endpoint = "https://node.example"'),
            ("peer", 'endpoint = "https://node.example:8441/path"'),
            ("peer", 'endpoint = "https://node.example:99999"'),
            ("peer", 'endpoint = "https://no de.example"'),
            ("peer", 'endpoint = "https://[::1"'),
            ("peer", "batch_window_ms = 300001"),
            ("peer", "batch_window_ms = 1.5"),
            ("peer", "bulk_window_ms = 3000001"),
            ("public", 'enabled = "yes"'),
            ("matching", "min_bytes = 255"),
            ("registry", 'root_sha256 = "abcd"'),
            ("registry", 'mirrors = "https://a.example"'),
            ("registry", 'mirrors = ["http://a.example"]'),
            ("registry", 'mirrors = ["http://127.0.0.1.example"]'),
            ("registry", "mirrors = [1]"),
            ("jurisdiction", 'resolvers = ["dns.example"]'),
            ("jurisdiction", 'resolvers = ["127.0.0.1:0"]'),
            ("jurisdiction", 'resolvers = "127.0.0.1"'),
            ("jurisdiction", "redirect_ports = [0]"),
            ("jurisdiction", "redirect_ports = [true]"),
            ("jurisdiction", 'redirect_ports = ["80"]'),
            ("jurisdiction", "redirect_ports = 80"),
            ("jurisdiction", 'own_ranges = "198.51.100.0/24"'),
            ("jurisdiction", 'own_ranges = ["198.51.100.7/24"]'),
            ("jurisdiction", "own_ranges = [1]"),
            ("jurisdiction", "databases = [1]"),
            ("jurisdiction", 'databases = [{name = "a"}]'),
            ("jurisdiction", 'databases = [{name = "a", path = "p", sha = "x"}]'),
            ("jurisdiction", 'databases = [{name = "A/b", path = "p"}]'),
            ("jurisdiction", 'databases = [{name = "a", path = "p", sha256 = "00"}]'),
            ("jurisdiction", 'proxy_list_sha256 = "00"'),
            ("jurisdiction", f'overrides_sha256 = "{"ab" * 32}"'),
            ("jurisdiction", 'databases = [{name="a",path="p"},{name="a",path="q"}]'),
        ],
    )
    def test_wrong_value_is_refused_under_its_key(self, section: str, line: str) -> None:
        """Type, range and form of each value are checked."""
        header = LEAST if section == "member" else f"{LEAST}[{section}]\n"
        if section == "member" and line.startswith("id"):
            header = '[member]\nunlock = "env:X"\n'
        key = line.split(" ", 1)[0]
        assert refused(header + line + "\n").problems[0].field == f"[{section}] {key}"

    @pytest.mark.parametrize("secret", ["hunter2hunter2", "file:", "env: ", "https://x", ""])
    def test_secret_in_the_file_is_refused_and_not_repeated(self, secret: str) -> None:
        """Only references are taken, and the message does not print what was pasted."""
        error = refused(f'[member]\nid = "gb-iwf"\nunlock = "{secret}"\n')
        assert error.problems[0].field == "[member] unlock"
        assert "hunter2" not in str(error)

    def test_section_written_as_a_value_is_refused(self) -> None:
        """`peer = 1` is no section."""
        assert "[peer]" in str(refused("peer = 1\n" + LEAST))

    def test_not_toml_says_where(self) -> None:
        """The parser's position is passed on, the line's text is not."""
        error = refused('[member]\nid = "hunter2\n')
        assert "line 2" in str(error)
        assert "hunter2" not in str(error)

    def test_local_api_beyond_loopback_needs_consent(self) -> None:
        """Plain HTTP with bearer tokens does not leave the machine by accident."""
        error = refused(LEAST + '[api]\nlisten_host = "192.0.2.1"\n')
        assert error.field == "[api] listen_host"
        consent = LEAST + '[api]\nlisten_host = "192.0.2.1"\nallow_remote = true\n'
        assert parse(consent, FILE).api.listen_host == "192.0.2.1"

    def test_two_listeners_on_one_address_are_refused(self) -> None:
        """The second would fail to bind only after start."""
        text = LEAST + '[peer]\nlisten_host = "127.0.0.1"\nlisten_port = 8442\n'
        assert refused(text).field == "[api] listen_port"


class TestServers:
    """The URL of a database server."""

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://hotline@127.0.0.1/hotline",
            "postgresql://hotline@localhost:5433/hotline",
            "postgresql://hotline@/hotline?host=/run/postgresql",
            "postgresql://hotline@db.example/hotline?sslmode=verify-full",
            "postgresql://hotline@db.example:6432/a?sslrootcert=/etc/ca.pem&sslmode=verify-full",
        ],
    )
    def test_near_server_or_a_verified_one_is_taken(self, url: str) -> None:
        """As it is written."""
        assert parse(f'{LEAST}[store]\nurl = "{url}"\n', FILE).store.url == url

    def test_password_in_it_is_refused_and_not_repeated(self) -> None:
        """Files are copied, shown and kept by others."""
        url = "postgresql://hotline:hunter2@127.0.0.1/hotline"
        assert "hunter2" not in str(refused(f'{LEAST}[store]\nurl = "{url}"\n'))


class TestReferences:
    """Secrets and files are named, not contained."""

    def test_secret_file_counts_from_the_configuration(self) -> None:
        """`file:` follows the same rule as paths."""
        config = parse('[member]\nid = "gb-iwf"\nunlock = "file:wrap.key"\n', FILE)
        assert config.member.unlock == "file:/etc/hotline/wrap.key"

    def test_databases_keep_their_order_and_fingerprint(self) -> None:
        """The votes are taken in the order of the file."""
        text = LEAST + (
            '[[jurisdiction.databases]]\nname = "one"\npath = "one.mmdb"\n'
            f'sha256 = "{"AB" * 32}"\n'
            '[[jurisdiction.databases]]\nname = "two"\npath = "/srv/two.mmdb"\n'
        )
        one, two = parse(text, FILE).jurisdiction.databases
        assert (one.path, one.sha256) == (Path("/etc/hotline/one.mmdb"), "ab" * 32)
        assert (two.path, two.sha256) == (Path("/srv/two.mmdb"), None)

    def test_local_mirror_may_be_plain_http(self) -> None:
        """Documents are signed; between processes of one machine TLS adds nothing."""
        text = LEAST + '[registry]\nmirrors = ["http://127.0.0.1:8440/", "https://m.example"]\n'
        mirrors = parse(text, FILE).registry.mirrors
        assert mirrors == ("http://127.0.0.1:8440", "https://m.example")

    def test_resolvers_with_ports(self) -> None:
        """IPv4, IPv4 with port, IPv6 and bracketed IPv6 with port are all told apart."""
        given = ["192.0.2.53", "127.0.0.1:5353", "::1", "[::1]:5353"]
        config = parse(LEAST + f"[jurisdiction]\nresolvers = {given}\n", FILE)
        assert list(config.jurisdiction.resolvers) == given


class TestFiles:
    """What can be wrong with the file itself."""

    def test_missing_file_says_how_to_make_one(self, tmp_path: Path) -> None:
        """The commonest mistake of the first day."""
        with pytest.raises(ConfigUnreadableError, match="hotline init"):
            load(tmp_path / "node.toml")

    def test_directory_is_not_a_file(self, tmp_path: Path) -> None:
        """An operating system error becomes ours."""
        with pytest.raises(ConfigUnreadableError):
            load(tmp_path)

    def test_wrong_encoding(self, tmp_path: Path) -> None:
        """UTF-16 from a Windows editor is named as an encoding problem."""
        path = tmp_path / "node.toml"
        path.write_text(LEAST, encoding="utf-16")
        with pytest.raises(ConfigUnreadableError, match="UTF-8"):
            load(path)

    def test_huge_file_is_not_read(self, tmp_path: Path) -> None:
        """`--config /var/log/big` ends at once."""
        path = tmp_path / "node.toml"
        path.write_bytes(b"#" * (2 << 20))
        with pytest.raises(ConfigUnreadableError, match="too large"):
            load(path)

    def test_deep_nesting_is_an_error_like_any_other(self) -> None:
        """A nesting bomb does not end in a RecursionError."""
        refused("a = " + "[" * 20_000)

    @given(st.text(max_size=200))
    def test_any_text_parses_or_is_refused(self, text: str) -> None:
        """There is no third outcome."""
        with contextlib.suppress(ConfigError):
            assert isinstance(parse(text, FILE), Config)


class TestDocumentedKeys:
    """The declarations are the documentation."""

    def test_every_key_is_documented(self) -> None:
        """Each field of each section has a meaning and a kind."""
        declared = {
            (name, item.name)
            for name, section in section_types().items()
            for item in dataclasses.fields(section)
        }
        rows = documented_keys()
        assert {(row.section, row.key) for row in rows} == declared
        assert all(row.meaning.endswith(".") and row.kind for row in rows)

    def test_sections_are_those_promised(self) -> None:
        """The sections are part of the public face: added within v1, never changed."""
        promised = ["member", "store", "peer", "api", "public", "matching"]
        promised += ["hashcheck", "registry", "jurisdiction", "hosters"]
        assert list(section_types()) == promised

    def test_rendered_file_reads_back(self) -> None:
        """What `hotline init` writes is what the node reads."""
        text = render(
            {
                "member": {"id": "gb-iwf", "unlock": 'command:show "a \\ b"', "data_dir": "é"},
                "registry": {"mirrors": ["https://a.example"]},
            }
        )
        config = parse(text, FILE)
        assert config.member.unlock == 'command:show "a \\ b"'
        assert config.member.data_dir == Path("/etc/hotline/é")
        assert config.registry.mirrors == ("https://a.example",)

    def test_rendering_an_unknown_key_is_our_mistake(self) -> None:
        """A renamed key can't be written by accident."""
        with pytest.raises(KeyError):
            render({"peer": {"listen_prot": 1}})
