"""`If-Match` with the `ETag` of an item: who decided by what he read hears if it changed since."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from node.api.conditions import read_if_match
from node.api.problems import ApiError

if TYPE_CHECKING:
    from tests.node.api.conftest import Client

NOBODY = "gb-iwf.01ARZ3NDEKTSV4RRFFQ69G5FAV"
NOTICE = {"action": "host_notified"}
DAY_MS = 86_400_000


async def submit(client: Client, local: Any, **item: Any) -> str:
    """Hand in a report of one item, which is placed here, and return the item's path."""
    draft = {"source": "public", "items": [{"url": "https://a.example/x", **item}]}
    body = await (await client.post("/api/v1/reports", json=draft)).json()
    await local.desk.locate_due()
    return f"/api/v1/items/{body['items'][0]['item_id']}"


async def tag(client: Client, path: str) -> dict[str, str]:
    """Read the item; return the header that binds what is recorded to what was read."""
    return {"If-Match": (await client.get(path)).headers["ETag"]}


async def shown(client: Client, path: str) -> Any:
    """Return the item as it stands."""
    return await (await client.get(path)).json()


class TestOfTwo:
    """Two who read the same decide at the same moment."""

    @pytest.mark.parametrize("action", ["host_notified", "lea_notified"])
    async def test_attack_two_cleared_to_notify_do_not_both_notify(
        self, client: Client, local: Any, action: str
    ) -> None:
        """One is told to send; the other reads what changed before he does."""
        path = await submit(client, local)
        read = await tag(client, path)
        answers = await asyncio.gather(
            *(client.post(f"{path}/actions", json={"action": action}, headers=read) for _ in "ab")
        )
        assert sorted(answer.status for answer in answers) == [201, 412]
        (refused,) = [answer for answer in answers if answer.status == 412]
        problem = await refused.json()
        assert (problem["code"], problem["field"]) == ("changed_since", "If-Match")
        assert "nothing was recorded" in problem["detail"]
        assert len((await shown(client, path))["actions"]) == 1

    async def test_contradictory_verdicts_are_not_both_taken(
        self, client: Client, local: Any
    ) -> None:
        """The second analyst hears that somebody judged meanwhile."""
        path = await submit(client, local, hashes={"md5": "ab" * 16}, kind="image")
        read = await tag(client, path)
        drafts = ({"verdict": "baseline"}, {"verdict": "not_illegal"})
        answers = await asyncio.gather(
            *(client.post(f"{path}/assessments", json=draft, headers=read) for draft in drafts)
        )
        assert sorted(answer.status for answer in answers) == [201, 412]
        assert len((await shown(client, path))["assessments"]) == 1

    async def test_without_the_header_both_are_taken(self, client: Client, local: Any) -> None:
        """As before, and a reminder is a notice like any other."""
        path = await submit(client, local)
        answers = [await client.post(f"{path}/actions", json=NOTICE) for _ in "ab"]
        assert [answer.status for answer in answers] == [201, 201]

    async def test_a_reminder_is_taken_on_what_is_read_then(
        self, client: Client, local: Any
    ) -> None:
        """The same action again, by who knows of the first."""
        path = await submit(client, local)
        for number in (1, 2):
            read = await tag(client, path)
            answer = await client.post(f"{path}/actions", json=NOTICE, headers=read)
            assert answer.status == 201
            assert len((await answer.json())["actions"]) == number


@pytest.mark.parametrize(
    ("method", "under", "draft"),
    [
        ("POST", "actions", NOTICE),
        ("POST", "assessments", {"verdict": "baseline"}),
        ("DELETE", f"assessments/{NOBODY}", None),
        ("POST", "retractions", {"action": NOBODY}),
        ("POST", "proxy-notices", {}),
        ("POST", "hashes", {"md5": "cd" * 16}),
        ("POST", "wrong-files", {"place": 0}),
        ("POST", "messages", {"to": "nl-eokm", "text": "x", "preview": False}),
        ("POST", "holds", {"reason": "x", "until": "2033-06-30T00:00:00Z"}),
        ("DELETE", f"holds/{NOBODY}", None),
        ("POST", "erasure", {"cause": "error"}),
    ],
)
async def test_whatever_is_recorded_on_an_item_takes_it(
    client: Client, local: Any, method: str, under: str, draft: Any
) -> None:
    """A tag that is no more refuses it, and nothing changes."""
    path = await submit(client, local)
    read = await tag(client, path)
    await client.post(f"{path}/actions", json={"action": "lea_notified"})
    before = await shown(client, path)
    answer = await client.request(method, f"{path}/{under}", json=draft, headers=read)
    assert (answer.status, (await answer.json())["code"]) == (412, "changed_since")
    assert await shown(client, path) == before
    assert (await client.get(path)).headers["ETag"] != read["If-Match"]


class TestWhatChangesTheTag:
    """What a person decides by, and nothing else."""

    async def test_another_look_at_the_same_place_does_not(
        self, client: Client, local: Any
    ) -> None:
        """Before a notice the node looks again by itself: that is not held against the notice."""
        path = await submit(client, local)
        read, looked = await tag(client, path), (await shown(client, path))["looked"]
        local.now += 30 * DAY_MS
        answer = await client.post(f"{path}/actions", json=NOTICE, headers=read)
        assert answer.status == 201
        assert (await answer.json())["looked"] != looked

    async def test_another_report_of_the_same_does_not(self, client: Client, local: Any) -> None:
        """It is one more sighting."""
        path = await submit(client, local)
        read = await tag(client, path)
        await submit(client, local)
        assert len((await shown(client, path))["sightings"]) == 2
        assert await tag(client, path) == read

    async def test_that_a_child_is_at_risk_does(self, client: Client, local: Any) -> None:
        """Whoever reports it again may say what changes everything."""
        path = await submit(client, local)
        read = await tag(client, path)
        draft = {"source": "public", "items": [{"url": "https://a.example/x"}]}
        await client.post("/api/v1/reports", json=draft | {"child_at_risk": True})
        assert await tag(client, path) != read

    async def test_a_refused_request_does_not_even_look(self, client: Client, local: Any) -> None:
        """What changed since is told before the place is asked for."""
        path = await submit(client, local)
        local.now += 30 * DAY_MS
        looked = (await shown(client, path))["looked"]
        answer = await client.post(f"{path}/actions", json=NOTICE, headers={"If-Match": '"0"'})
        assert answer.status == 412
        assert (await shown(client, path))["looked"] == looked


class TestWithAnIdempotencyKey:
    """What succeeded is answered again; what was refused was not done by another."""

    async def test_a_request_that_succeeded_gets_its_answer_again(
        self, client: Client, local: Any
    ) -> None:
        """Though the tag has moved on since, by that very request."""
        path = await submit(client, local)
        headers = {**await tag(client, path), "Idempotency-Key": "k-1"}
        first = await client.post(f"{path}/actions", json=NOTICE, headers=headers)
        again = await client.post(f"{path}/actions", json=NOTICE, headers=headers)
        assert (first.status, again.status) == (201, 201)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await again.read() == await first.read()

    async def test_attack_what_another_recorded_meanwhile_is_no_answer_to_a_refused_request(
        self, client: Client, local: Any
    ) -> None:
        """Else its repetition, under the same key, would be told to send the notice as well."""
        path = await submit(client, local)
        headers = {**await tag(client, path), "Idempotency-Key": "k-1"}
        await client.post(f"{path}/actions", json=NOTICE)
        for _ in range(2):
            refused = await client.post(f"{path}/actions", json=NOTICE, headers=headers)
            assert refused.status == 412
        headers |= await tag(client, path)
        taken = await client.post(f"{path}/actions", json=NOTICE, headers=headers)
        assert taken.status == 201
        assert len((await taken.json())["actions"]) == 2

    async def test_after_a_crash_nothing_is_recorded_twice(
        self, client: Client, local: Any
    ) -> None:
        """Without its kept answer nobody can tell whose record it is: a person looks."""
        path = await submit(client, local)
        headers = {**await tag(client, path), "Idempotency-Key": "k-1"}
        await client.post(f"{path}/actions", json=NOTICE, headers=headers)
        await local.store.writer.run(
            lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
        )
        again = await client.post(f"{path}/actions", json=NOTICE, headers=headers)
        assert again.status == 412
        assert len((await shown(client, path))["actions"]) == 1


class TestHostileHeaders:
    """RFC 9110, 13.1.1: what is read, what matches, what is refused."""

    @pytest.mark.parametrize(
        ("form", "status"),
        [
            ("{}", 201),
            ('"x", {}', 201),
            ('{} ,,\t"a,b"', 201),
            ("*", 201),
            (" * ", 201),
            ("W/{}", 412),
            ('W/"x", {}', 201),
            ('"x"', 412),
            ('""', 412),
            ('"\xe9"', 412),
            ("", 400),
            (",", 400),
            ("x", 400),
            ('"x', 400),
            ('"a"b"', 400),
            ('"x" "y"', 400),
            ('w/"x"', 400),
            ('W/ "x"', 400),
            ('*, "x"', 400),
            ("*,*", 400),
            ('"a b"', 400),
            ('"x"' + "," * 4000 + "y", 400),
        ],
    )
    async def test_each_has_its_answer(
        self, client: Client, local: Any, form: str, status: int
    ) -> None:
        """A list matches by any, `*` by whatever is there, a weak tag never; junk is named."""
        path = await submit(client, local)
        header = form.replace("{}", (await tag(client, path))["If-Match"])
        answer = await client.post(f"{path}/actions", json=NOTICE, headers={"If-Match": header})
        problem = await answer.json()
        assert answer.status == status
        code = {400: "bad_if_match", 412: "changed_since"}.get(status)
        assert problem.get("code") == code
        assert len((await shown(client, path))["actions"]) == (status == 201)

    async def test_what_is_not_here_is_not_found(self, client: Client) -> None:
        """As without the header, for which RFC 9110, 13.2.1 asks."""
        for header in ("*", '"x"'):
            answer = await client.post(
                f"/api/v1/items/{NOBODY}/actions", json=NOTICE, headers={"If-Match": header}
            )
            assert answer.status == 404

    def test_two_headers_are_one_list(self) -> None:
        """RFC 9110, 5.3."""
        assert read_if_match(['"a"', 'W/"b", "c"']) == frozenset({"a", "c"})
        with pytest.raises(ApiError):
            read_if_match(['"a"', "*"])

    async def test_a_condition_ends_with_its_request(self, client: Client, local: Any) -> None:
        """The next one on the same connection has none."""
        path = await submit(client, local)
        await client.post(f"{path}/actions", json=NOTICE, headers={"If-Match": '"0"'})
        assert (await client.post(f"{path}/actions", json=NOTICE)).status == 201
