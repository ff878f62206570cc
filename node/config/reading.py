"""Reading the file: every problem is found and named before anything is built.

No message repeats a value. Whether the files and directories exist is `hotline doctor`'s business.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from node.config.errors import ConfigInvalidError, ConfigUnreadableError, Problem
from node.config.sections import Config, section_types

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field
    from pathlib import Path

    from node.config.values import Kind

MAX_BYTES = 1 << 20


def load(path: Path) -> Config:
    """Read and check the file at `path`.

    Raises:
        ConfigUnreadableError: missing, not readable, too large, not UTF-8.
        ConfigInvalidError: not TOML, or unknown, missing or wrong keys; all of them are listed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        mend = "there is no configuration file here; make one with hotline init, or use --config"
        raise ConfigUnreadableError((Problem(str(path), mend),)) from None
    except OSError as error:
        mend = f"cannot be read ({error.strerror}); check owner and permissions"
        raise ConfigUnreadableError((Problem(str(path), mend),)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigUnreadableError((Problem(str(path), "is too large to be a configuration"),))
    try:
        return parse(raw.decode(), path)
    except UnicodeDecodeError:
        raise ConfigUnreadableError((Problem(str(path), "save the file as UTF-8"),)) from None


def parse(text: str, source: Path) -> Config:
    """Check the TOML `text` of the file `source`; relative paths count from `source`'s directory.

    Raises:
        ConfigInvalidError: not TOML, or unknown, missing or wrong keys; all of them are listed.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, or a number that Python does not read
        where = str(error).rpartition("(")[2].rstrip(")") if "(at " in str(error) else "the file"
        raise ConfigInvalidError((Problem(str(source), f"is not TOML {where}"),)) from None
    base = source.absolute().parent
    problems = _unknown_sections(tree)
    values = {
        name: _read_section(name, section, tree.get(name, {}), base, problems)
        for name, section in section_types().items()
    }
    if problems:
        raise ConfigInvalidError(tuple(problems))
    _derive(values, base)
    _cross_check(values)
    sections = {name: section(**values[name]) for name, section in section_types().items()}
    return Config(source=source, **sections)


def _unknown_sections(tree: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(f"[{name}]", "unknown section" + _nearest(name, section_types()))
        for name in tree
        if name not in section_types()
    ]


def _nearest(word: str, known: Mapping[str, Any]) -> str:
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else f"; known are {', '.join(known)}"


def _read_section(
    name: str, section: type[Any], tree: Any, base: Path, problems: list[Problem]
) -> dict[str, Any]:
    """Read one section's keys; what is wrong is appended to `problems`."""
    if not isinstance(tree, dict):
        problems.append(Problem(f"[{name}]", "write it as a section, not as a value"))
        return {}
    known = {item.name: item for item in fields(section)}
    values: dict[str, Any] = {}
    problems.extend(
        Problem(f"[{name}] {key}", "unknown key" + _nearest(key, known))
        for key in tree
        if key not in known
    )
    for key, item in known.items():
        try:
            values[key] = _read_key(item, tree, base)
        except ValueError as error:
            problems.append(Problem(f"[{name}] {key}", str(error)))
    return values


def _read_key(item: Field[Any], tree: Mapping[str, Any], base: Path) -> Any:
    if item.name in tree:
        kind: Kind = item.metadata["kind"]
        return kind.read(tree[item.name], base)
    if item.default is not MISSING:
        return item.default
    if item.metadata["derived"]:
        return None
    raise ValueError("is missing; every configuration needs it")


def _derive(values: dict[str, dict[str, Any]], base: Path) -> None:
    """Fill in the paths that follow from `data_dir`, and `data_dir` itself."""
    member = values["member"]
    data_dir: Path = member["data_dir"] or base
    member["data_dir"] = data_dir
    member["keys_dir"] = member["keys_dir"] or data_dir / "keys"
    store, api, registry = values["store"], values["api"], values["registry"]
    store["path"] = store["path"] or data_dir / "node.db"
    api["token_file"] = api["token_file"] or data_dir / "admin.token"
    registry["directory"] = registry["directory"] or data_dir / "registry"
    if registry["root_sha256"]:
        registry["root_sha256"] = registry["root_sha256"].lower()


def _cross_check(values: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what is wrong only in combination."""
    api, peer, member, store = (values[name] for name in ("api", "peer", "member", "store"))
    problems = []
    if store["password"] is not None and store["url"] is None:
        mend = "stands with [store] url only: the file opens with the node's own key"
        problems.append(Problem("[store] password", mend))
    if store["stand_by"] and store["url"] is None:
        mend = "stands with [store] url only: a file has one machine, and one process"
        problems.append(Problem("[store] stand_by", mend))
    if (member["hsm"] is None) != (member["hsm_pin"] is None):
        mend = "stands with [member] hsm, or neither does: a token is of no use without its PIN"
        problems.append(Problem("[member] hsm_pin", mend))
    if not _is_loopback(api["listen_host"]) and not api["allow_remote"]:
        mend = "is not loopback and the API is plain HTTP; allow_remote = true only behind TLS"
        problems.append(Problem("[api] listen_host", mend))
    problems.extend(_of_public(values["public"]))
    problems.extend(_of_pins(values["jurisdiction"]))
    if (peer["listen_host"], peer["listen_port"]) == (api["listen_host"], api["listen_port"]):
        problems.append(Problem("[api] listen_port", "is also [peer] listen_port; choose another"))
    hosters = values["hosters"]
    if hosters["rdap"] and not (hosters["rdap_ipv4"] or hosters["rdap_ipv6"]):
        mend = "needs rdap_ipv4 or rdap_ipv6: copies of IANA's bootstrap files say whom to ask"
        problems.append(Problem("[hosters] rdap", mend))
    if problems:
        raise ConfigInvalidError(tuple(problems))


def _of_public(public: Mapping[str, Any]) -> list[Problem]:
    problems = []
    tls = public["tls_certificate"] is not None
    if tls != (public["tls_key"] is not None):
        mend = "stands with [public] tls_certificate, or neither does"
        problems.append(Problem("[public] tls_key", mend))
    safe = tls or public["allow_remote"] or _is_loopback(public["listen_host"])
    if public["enabled"] and not safe:
        mend = "is not loopback; name a tls_certificate, or allow_remote = true only behind TLS"
        problems.append(Problem("[public] listen_host", mend))
    return problems


def _of_pins(jurisdiction: Mapping[str, Any]) -> list[Problem]:
    """Refuse a pin without its file: whoever wrote it believes that one is checked."""
    return [
        Problem(f"[jurisdiction] {key}", f"stands with {file} only")
        for key in jurisdiction
        if key.endswith("_sha256")
        and jurisdiction[key] is not None
        and jurisdiction[file := key.removesuffix("_sha256")] is None
    ]


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
