"""N talks with N-1 (G10, R11): an older program among newer ones, as processes, and its upgrade.

N-1 is built from the commit in `previous_version.txt` and runs from an environment of its own: as a
member under a new umbrella, and as member and umbrella. Items go both ways and on to a third, their
outcomes come back; what N-1 does not read is said in its words, or refused to the person who says
it, or kept there. Then it is upgraded where it stands, and reads what it had kept.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
import pytest

from examples.demo.members import ApiProblemError, Member
from examples.demo.network import Network
from examples.demo.processes import HOTLINE
from tests.scenarios import previous
from tests.scenarios.forked import ForkedVerbs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

GB, NL, FR = "gb-iwf", "nl-eokm", "fr-pdc"
MEMBERS = {
    GB: {"name": "One", "jurisdictions": ["GB"]},
    NL: {"name": "Two", "jurisdictions": ["NL"]},
    FR: {"name": "Three", "jurisdictions": ["FR"]},
}
PLACES = {"gb": "192.0.2.130", "nl": "192.0.2.7", "fr": "192.0.2.195"}
ZONE = {
    f"{name}{number}.example": [{"type": "A", "ttl": 60, "data": address}]
    for name, address in PLACES.items()
    for number in range(9)
}
WAIT_S = 60.0
LOOKED = 'hotline_registry_refreshes_total{code="ok"} '


@pytest.fixture(scope="session")
def program(
    tmp_path_factory: pytest.TempPathFactory, part_missing: Callable[[str, str], NoReturn]
) -> Path:
    """Give the command line of N-1."""
    if not previous.is_at_hand():
        part_missing(f"commit {previous.commit()}", "clone the whole history, with git at hand")
    return previous.install(tmp_path_factory.mktemp("previous"))


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for something to be true, and give it."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await look()):  # noqa: ASYNC110 - other processes, no event of ours
            await asyncio.sleep(0.2)
        return found


class Story:
    """One network, and what its analysts do."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.made = 0

    def member(self, name: str) -> Member:
        """A member by its id."""
        return self.network.members[name]

    async def found(self, finder: str, host: str) -> str:
        """Hand in a report at a hotline; give the item's id."""
        self.made += 1
        item = {"url": f"https://{host}.example/{self.made}", "kind": "page"}
        report = {"source": "public", "reference": f"R-{self.made}", "items": [item]}
        made = await self.member(finder).api.post("/api/v1/reports", report, f"report-{self.made}")
        return str(made["items"][0]["item_id"])

    async def do(self, member: str, item: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """Record something about an item."""
        self.made += 1
        path = f"/api/v1/items/{item}/{what}"
        done: dict[str, Any] = await self.member(member).api.post(path, body, f"work-{self.made}")
        return done

    async def item(self, member: str, item: str, **wanted: Any) -> dict[str, Any]:
        """Wait until an item stands at a member as wanted; give it."""

        async def look() -> dict[str, Any] | None:
            try:
                view: dict[str, Any] = await self.member(member).api.get(f"/api/v1/items/{item}")
            except ApiProblemError:
                return None
            return view if all(holds(view, *one) for one in wanted.items()) else None

        found: dict[str, Any] = await until(look)
        return found

    async def version(self, sender: str, receiver: str, item: str) -> int:
        """In which version an item was handed over, by the evidence of its sender."""
        bundle = self.network.folder / f"{sender}.{item}.json"
        await self.member(sender).hotline("evidence", "export", item, "--output", str(bundle))
        proofs = json.loads(bundle.read_text(encoding="utf-8"))["proofs"]
        handed = [one for one in proofs if (one["receiver"], one["lane"]) == (receiver, "reports")]
        (entry,) = {base64.b64decode(one["entry"]) for one in handed}
        return entry[1]

    async def fetched(self, member: str) -> None:
        """Wait until a member that was started has fetched the registry; it is ready before."""

        async def look() -> bool:
            lines = (await self.member(member).api.text("/metrics")).splitlines()
            return any(line.startswith(LOOKED) and not line.endswith(" 0.0") for line in lines)

        await until(look)

    async def task(self, member: str, code: str) -> None:
        """Wait until a task stands before a person of a member."""

        async def look() -> bool:
            status = await self.member(member).hotline("status")
            return any(task["code"] == code for task in status["tasks"])

        await until(look)


def holds(view: dict[str, Any], name: str, value: Any) -> bool:
    """Whether a field of an item is as wanted; of a list: whether there are so many."""
    return bool(len(view[name]) == value if isinstance(view[name], list) else view[name] == value)


@pytest.mark.parametrize("umbrella", ["new", "old"])
async def test_r11_an_older_member_among_newer_ones_and_its_upgrade(
    umbrella: str, program: Path, tmp_path: Path
) -> None:
    """The whole of it, under an umbrella of either version."""
    assert previous.code_of(program).is_relative_to(program.parent)
    zone = tmp_path / "zone.json"
    zone.write_text(json.dumps(ZONE), encoding="utf-8")
    processes = ForkedVerbs(tmp_path)
    programs = {NL: program} | ({"umbrella": program} if umbrella == "old" else {})
    async with aiohttp.ClientSession() as http:
        network = Network(tmp_path, http, processes)
        story = Story(network)
        try:
            await network.make(MEMBERS, GB, zone, programs)
            await asyncio.gather(*(network.bring_up(one) for one in network.members.values()))
            await g10_items_go_both_ways(story)
            await g10_a_person_hears_who_reads_no_messages(story)
            if umbrella == "new":
                await g10_items_are_moved_on(story)
                kept = await g10_what_is_not_known_is_kept_and_shown(story)
                await r11_the_upgraded_member_reads_what_it_kept(story, kept)
            for member in network.members.values():
                await member.stop()
                verified = await member.hotline("verify")
                assert verified["findings"] == []
        finally:
            await processes.end()


async def g10_items_go_both_ways(story: Story) -> None:
    """Disposition, verdict and action come back, whoever is the older."""
    for finder, holder, host in ((GB, NL, "nl1"), (NL, GB, "gb1")):
        item = await story.found(finder, host)
        await story.item(holder, item, custody="here")
        await story.do(holder, item, "assessments", {"verdict": "baseline"})
        await story.do(holder, item, "actions", {"action": "removed"})
        told = await story.item(finder, item, assessments=1, actions=1, disposition="new")
        assert (told["closed_by"], told["disposition_by"]) == ("removed", holder)


async def g10_items_are_moved_on(story: Story) -> None:
    """Through the older to a newer, through the newer to the older, and past the older."""
    moves = ((GB, NL, FR, "nl2"), (NL, GB, FR, "gb2"), (GB, FR, NL, "fr2"))
    for finder, holder, third, host in moves:
        item = await story.found(finder, host)
        await story.item(holder, item, custody="here")
        country = third[:2].upper()
        await story.do(holder, item, "actions", {"action": "moved", "country": country})
        view = await story.item(third, item, custody="here")
        assert [hop["member"] for hop in view["chain"]][-2:] == [holder, third]
        assert await story.version(holder, third, item) == (1 if NL in (holder, third) else 2)
        await story.do(third, item, "actions", {"action": "removed"})
        await story.item(finder, item, closed_by="removed")


async def g10_a_person_hears_who_reads_no_messages(story: Story) -> None:
    """A message goes from N to N; to N-1 none is sent, and its author is told so."""
    item = await story.found(GB, "fr4")
    await story.item(GB, item, custody="handed_on", disposition="new")
    body = {"to": FR, "text": "Is this the same album?", "preview": False}
    await story.do(GB, item, "messages", body)
    (message,) = (await story.item(FR, item, messages=1))["messages"]
    assert (message["author"], message["text"]) == (GB, "Is this the same album?")
    older = await story.found(GB, "nl4")
    await story.item(GB, older, custody="handed_on", disposition="new")
    with pytest.raises(ApiProblemError, match="message_unreadable"):
        await story.do(GB, older, "messages", body | {"to": NL})


async def g10_what_is_not_known_is_kept_and_shown(story: Story) -> tuple[str, str]:
    """A member whose document was published by N, and that runs N-1 again: rolled back.

    What comes in forms that it does not know is receipted, kept, answered, and stands before a
    person at both members. Gives the items that were spoken of.
    """
    older = story.member(NL)
    await story.network.processes.hotline("publish", "--config", str(older.config))
    await story.member(GB).stop()
    await story.member(GB).start()
    await story.fetched(GB)
    known = await story.found(NL, "gb5")
    await story.item(GB, known, custody="here")
    await story.do(GB, known, "messages", {"to": NL, "text": "Which page?", "preview": False})
    unknown = await story.found(GB, "nl5")
    await story.task(GB, "entry_refused")  # so it was answered: there it stands as well
    await story.task(NL, "entry_unknown_kind")
    assert "messages" not in await story.item(NL, known)
    return known, unknown


async def r11_the_upgraded_member_reads_what_it_kept(story: Story, kept: tuple[str, str]) -> None:
    """The same directory and database under the new program; nothing has to be sent again."""
    known, unknown = kept
    member = story.member(NL)
    await member.stop()
    member.program = HOTLINE
    await member.start()
    (message,) = (await story.item(NL, known, messages=1))["messages"]
    assert (message["author"], message["text"]) == (GB, "Which page?")
    await story.item(NL, unknown, custody="here")
    await story.item(GB, unknown, disposition="new")
    status = await member.hotline("status")
    assert status["figures"]["entries_unknown"] == 0
    assert all(task["code"] != "entry_unknown_kind" for task in status["tasks"])
    await story.do(NL, known, "messages", {"to": GB, "text": "The second.", "preview": False})
    assert len((await story.item(GB, known, messages=2))["messages"]) == 2
