"""`hotline hashcheck send FILE...`: hash files here, ask a HashCheck service about them.

Hashes leave this machine, files and their names do not.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import ssl
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from keys.keyfile import read_private
from node.cli.client import TIMEOUT_S, problem_error
from node.cli.exits import Exit
from node.cli.output import CliError, Result, note
from node.hashcheck.contract import ID
from node.hashcheck.judging import Answer
from node.interchange.errors import UnreadableFileError
from node.interchange.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CHECK: Final = "/hashcheck/v1/check"
MAX_ENTRIES: Final = 1000
MAX_ANSWER_BYTES: Final = 1 << 20
_BAD_REQUEST: Final = 400
_REFERENCE: Final = re.compile(ID)
_CODE: Final = re.compile(r"[a-z_]{1,40}\Z")
UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What a body that is no answer of such a service can make of reading it."""


class Service(NamedTuple):
    """Where to ask: `https://HOST[:PORT]`, the file of the key, and whose certificates count."""

    address: str
    key_file: Path
    ca: Path | None


def send(paths: Sequence[Path], service: Service) -> Result:
    """Ask about each file; one that cannot be read is named and the others go on.

    Raises:
        CliError: the service cannot be reached, or refuses.
        KeysError: the file of the key is missing, or others could read it.
    """
    files: list[dict[str, Any]] = []
    for path in paths:
        try:
            hashes = msgspec.to_builtins(hash_file(path).hashes)
            files.append({"file": str(path), "hashes": hashes})
        except UnreadableFileError as error:
            note(f"{path}: {error}")
            files.append({"file": str(path), "error": str(error)})
    readable = [one for one in files if "hashes" in one]
    told = _ask([one["hashes"] for one in readable], service) if readable else []
    for one, answer in zip(readable, told, strict=True):
        one.update(answer)
    lines = [
        f"{one['answer']:6} {one['file']}  {one.get('reference') or ''}".rstrip()
        for one in readable
    ]
    return Result({"files": files}, "\n".join(lines), _exit(files))


def _exit(files: Sequence[dict[str, Any]]) -> Exit:
    if any(one.get("answer", "none") != "none" for one in files):
        return Exit.PROBLEM
    return Exit.INPUT if any("error" in one for one in files) else Exit.OK


def _ask(entries: Sequence[dict[str, Any]], service: Service) -> list[dict[str, str]]:
    key = read_private(service.key_file).decode("ascii", "replace").strip()
    connection = _connection(service)
    try:
        return [
            answer
            for start in range(0, len(entries), MAX_ENTRIES)
            for answer in _check(connection, key, entries[start : start + MAX_ENTRIES])
        ]
    except (*UNREADABLE, OSError, http.client.HTTPException) as error:
        mend = f"no answer that can be read ({type(error).__name__}); check address and --ca"
        raise CliError("no_answer", f"--service: {mend}", Exit.UNREACHABLE) from None
    finally:
        connection.close()


def _check(
    connection: http.client.HTTPConnection, key: str, entries: Sequence[dict[str, Any]]
) -> Iterator[dict[str, str]]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", CHECK, json.dumps({"entries": entries}), headers)
    answer = connection.getresponse()
    raw = answer.read(MAX_ANSWER_BYTES)
    if answer.status >= _BAD_REQUEST:
        raise _refusal(answer.status, raw)
    return iter(read_answers(raw, len(entries)))


def _refusal(status: int, raw: bytes) -> CliError:
    """Say that the service refuses; of what it wrote nothing is shown but a code."""
    told = problem_error(status, raw)
    code = told.code if _CODE.match(told.code) else "no_answer"
    mend = f"refused with status {status}; docs/api.md, section 4, says what is meant"
    return CliError(code, f"--service: {mend}", told.exit)


def read_answers(raw: bytes, count: int) -> list[dict[str, str]]:
    """Read what was answered: of each entry a word that there is, and a reference that can be one.

    Whatever else a service writes is passed over: it would stand in what is shown here.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is no such answer.
    """
    found = json.loads(raw)["answers"]
    if not isinstance(found, list) or len(found) != count:
        raise ValueError("answers")
    return [_answer(one) for one in found]


def _answer(one: dict[str, Any]) -> dict[str, str]:
    word, reference = str(Answer(one["answer"])), one.get("reference")
    if reference is None:
        return {"answer": word}
    if not isinstance(reference, str) or _REFERENCE.match(reference) is None:
        raise ValueError("reference")
    return {"answer": word, "reference": reference}


def _connection(service: Service) -> http.client.HTTPConnection:
    mend = "write https://HOST[:PORT]; http only to this machine's loopback"
    try:
        parts = urlsplit(service.address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise CliError("usage", f"--service: {mend}", Exit.USAGE) from None
    if not host or parts.path not in {"", "/"}:
        raise CliError("usage", f"--service: {mend}", Exit.USAGE)
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context(cafile=service.ca)
        except OSError:
            raise CliError("usage", "--ca: cannot be read; name a PEM file", Exit.USAGE) from None
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    if parts.scheme != "http" or not _is_loopback(host):
        raise CliError("usage", f"--service: {mend}", Exit.USAGE)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
