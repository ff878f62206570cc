"""`hotline hashcheck key ...` and `hotline hashcheck complaints`: done by the running node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from node.cli.client import LocalApi
from node.cli.exits import Exit
from node.cli.output import CliError, Result, plain, table
from node.config import load
from node.setup.opening import open_database_key, store_place
from node.store.beside import reading
from node.store.contents.lists import all_lists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from node.config import Config

_KEYS = "/api/v1/hashcheck/keys"
_COMPLAINTS = "/api/v1/hashcheck/complaints"
_LIST = "list:"


class Agreed(NamedTuple):
    """What was agreed with a hosting company; what is None is as the API has it."""

    hoster: str
    ends: str
    sources: Sequence[str]
    scopes: Sequence[str]
    quotas: Mapping[str, int | None]


def create(path: Path, agreed: Agreed) -> Result:
    """Make a key and show it, once; `ends` is the last day (UTC), or a time with its offset.

    Raises:
        CliError: the node does not run, or refuses.
    """
    ends = agreed.ends if "T" in agreed.ends else f"{agreed.ends}T23:59:59Z"
    draft: dict[str, Any] = {"hoster": agreed.hoster, "ends": ends}
    draft |= {"sources": list(agreed.sources)} if agreed.sources else {}
    draft |= {"scopes": list(agreed.scopes)} if agreed.scopes else {}
    draft |= {name: number for name, number in agreed.quotas.items() if number is not None}
    config = load(path)
    silent = _silent(config, agreed.sources)  # before the key is made, which is shown only once
    with LocalApi(config) as api:
        made = api.post(_KEYS, draft)
    text = f"{made['key']}\n"
    text += f"id {made['key_id']}; it is shown only now: hand it to {made['hoster']} safely"
    told = [f"\nwarning: {source}: {why}: by it nothing is answered" for source, why in silent]
    return Result({**made, "silent": [source for source, _ in silent]}, text + "".join(told))


def _silent(config: Config, sources: Sequence[str]) -> list[tuple[str, str]]:
    """Return the sources by which nothing is ever answered as things stand, and why not."""
    named = [source for source in sources if source.startswith(_LIST)]
    if not named:
        return []
    with reading(store_place(config), open_database_key(config)) as store:
        terms = {one.terms.name: one.terms for one in store.read(all_lists)}
    silent = []
    for source in named:
        known = terms.get(source.removeprefix(_LIST))
        if known is None:
            silent.append((source, "there is no such list here (hotline list status)"))
        elif not (known.may_use and known.may_share):
            silent.append((source, "its terms do not let others be answered (hotline list set)"))
    return silent


def listing(path: Path) -> Result:
    """List the keys with what each asked in the last 30 days.

    Raises:
        CliError: the node does not run.
    """
    with LocalApi(load(path)) as api:
        found = api.get(_KEYS)
    names = ("key_id", "hoster", "ends", "revoked", "checks", "near", "hits", "reviews")
    rows = [(*(key.get(name) for name in names), " ".join(key["sources"])) for key in found["keys"]]
    return Result(found, table((*names, "sources"), rows))


def revoke(path: Path, key_id: str) -> Result:
    """Let a key be refused from now on.

    Raises:
        CliError: the node does not run, or there is no such key.
    """
    with LocalApi(load(path)) as api:
        after = api.delete(f"{_KEYS}/{quote(key_id, safe='')}")
    return Result(after, f"{after['key_id']} ({after['hoster']}) is refused from now on")


class Said(NamedTuple):
    """What a person says of a complaint: uphold it, reject it, why, and who says so."""

    uphold: str | None
    reject: str | None
    reason: str | None
    by: str | None


def complaints(path: Path, said: Said, *, everything: bool) -> Result:
    """List complaints, or decide one.

    Raises:
        CliError: the node does not run, there is no such complaint, or the reason is missing.
    """
    if said.uphold is not None or said.reject is not None:
        return _decide(path, said)
    with LocalApi(load(path)) as api:
        found = api.get(_COMPLAINTS if everything else f"{_COMPLAINTS}?open=true")
    return Result(found, laid_out(found["complaints"]))


def laid_out(found: list[dict[str, Any]]) -> str:
    """Lay out complaints, and under them what the companies wrote and people here decided."""
    names = ("complaint_id", "status", "hoster", "why", "opened")
    rows = [(*(one[name] for name in names), " ".join(one["found"])) for one in found]
    if not rows:
        return "no complaint waits"
    said = []
    for one in found:
        said += [f"{one['complaint_id']} {one['hoster']}: {one['text']}"] if "text" in one else []
        for made in one.get("decisions", ()):
            told = f"{made['decision']} at {made['at']} by {made['by']}: {made['reason']}"
            said.append(f"{one['complaint_id']} {told}")
    return "\n".join([table((*names, "found"), rows), *map(plain, said)])


def _decide(path: Path, said: Said) -> Result:
    if (said.uphold is None) == (said.reject is None) or not said.reason:
        mend = "write --uphold COMPLAINT or --reject COMPLAINT, and --reason"
        raise CliError("usage", f"complaints: {mend}", Exit.USAGE)
    word = "uphold" if said.reject is None else "reject"
    complaint = quote(said.uphold or said.reject or "", safe="")
    draft = {"decision": word, "reason": said.reason}
    draft |= {} if said.by is None else {"analyst": said.by}
    with LocalApi(load(path)) as api:
        decided = api.post(f"{_COMPLAINTS}/{complaint}/decision", draft)
    text = f"{decided['complaint_id']} is {decided['status']}"
    if decided["status"] == "upheld":  # else a colleague spoke before a lost answer was had again
        undone, stands = decided.get("undone", ()), decided.get("stands", ())
        text += "; its contents are answered none from now on, and left your lists"
        text += f"\nyour verdicts were taken back from: {' '.join(undone) or 'no item'}"
        text += f"\nanother member's stand on: {' '.join(stands)}; write to it" if stands else ""
    return Result(decided, text)
