"""An upload check for a hosting company, to copy: ask HashCheck before a file becomes public.

    python upload_check.py https://hashcheck.hotline.example KEYFILE FILE...

Nothing but the standard library. Hashes go out; files, names and users do not. What to do when the
service cannot be asked is yours to decide: here the file waits, and is asked about again; why it
waits is said on standard error.
"""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

PUBLISH, WAIT, REFUSE = "publish", "wait for a person", "refuse"
DECISIONS = {"none": PUBLISH, "review": WAIT, "hit": REFUSE}
CHUNK_BYTES = 1 << 20
TIMEOUT_S = 10
AT_ONCE = 1000
"""Files in one question; the service takes no more."""


def hashes_of(path: Path) -> dict[str, Any]:
    """Hash a file piece by piece: SHA-256, and MD5 with the length for lists that have no more."""
    sha256, md5, length = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
            length += len(chunk)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest(), "length": length}


class HashCheck:
    """One service, asked with one key; up to `AT_ONCE` files at a time."""

    def __init__(self, address: str, key: str) -> None:
        """Ask at `address`, such as https://hashcheck.hotline.example."""
        self._address = address.rstrip("/")
        self._key = key

    def check(self, entries: list[dict[str, Any]]) -> list[dict[str, str]]:
        """Give one answer for each entry: `answer`, and of a hit the `reference`.

        Raises:
            OSError: it cannot be reached, or refuses (429 says in Retry-After for how long).
            HTTPException, ValueError: the answer broke off, or is none, as of a proxy between.
        """
        answers: list[dict[str, str]] = self._post("check", {"entries": entries})["answers"]
        return answers

    def complain(self, reference: str, why: str) -> str:
        """Complain about a hit; give the id under which its state can be read. Raises: as check."""
        body = {"reference": reference, "why": why}
        return str(self._post("complaints", body)["complaint_id"])

    def _post(self, path: str, value: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            f"{self._address}/hashcheck/v1/{path}",
            json.dumps(value).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer)


def decide(service: HashCheck, paths: list[Path]) -> list[tuple[Path, str, str]]:
    """Say what becomes of each upload, and the reference to keep with what is refused."""
    told: dict[Path, tuple[str, str]] = {}
    hashes: dict[Path, dict[str, Any]] = {}
    for path in paths:
        try:
            hashes[path] = hashes_of(path)
        except OSError as error:  # the others need not wait for it
            _say(f"{path}: cannot be read ({error.strerror})")
    readable = list(hashes)
    for start in range(0, len(readable), AT_ONCE):
        some = readable[start : start + AT_ONCE]
        try:
            answers = service.check([hashes[path] for path in some])
        except (OSError, HTTPException, ValueError) as error:
            # 429 says when to ask again; another 4xx will never be answered; half an answer is none
            _say(f"{len(some)} files were not asked about: {error}")
            continue
        for path, one in zip(some, answers, strict=True):
            told[path] = DECISIONS[one["answer"]], one.get("reference", "")
    return [(path, *told.get(path, (WAIT, ""))) for path in paths]


def _say(why: str) -> None:
    print(why, file=sys.stderr)


def main() -> None:
    """Check the files that were named."""
    address, key_file, *names = sys.argv[1:]
    service = HashCheck(address, Path(key_file).read_text("ascii").strip())
    for path, decision, reference in decide(service, [Path(name) for name in names]):
        print(f"{decision:18} {path} {reference}".rstrip())


if __name__ == "__main__":
    main()
