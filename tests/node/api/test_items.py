"""`/api/v1/items`: reading items, and recording what analysts did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

NOBODY = "gb-iwf.01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def submit(client: Client, host: str = "a", **item: Any) -> str:
    """Hand in a report of one item and return the item's id."""
    draft = {"source": "public", "items": [{"url": f"https://{host}.example/x", **item}]}
    body = await (await client.post("/api/v1/reports", json=draft)).json()
    item_id: str = body["items"][0]["item_id"]
    return item_id


class TestReading:
    """One item, or pages of them."""

    async def test_an_item_is_read_by_its_id(self, client: Client) -> None:
        """Its address comes back as it was handed in."""
        item_id = await submit(client)
        response = await client.get(f"/api/v1/items/{item_id}")
        body = await response.json()
        assert response.status == 200
        assert (body["id"], body["url"]) == (item_id, "https://a.example/x")

    @pytest.mark.parametrize("item_id", [NOBODY, "x", "%00", "a%2Fb", "'; --"])
    async def test_an_unknown_item_is_not_found(self, client: Client, item_id: str) -> None:
        """404 with its code, whatever the id looks like."""
        response = await client.get(f"/api/v1/items/{item_id}")
        assert response.status == 404
        assert (await response.json())["code"] in {"unknown_item", "unknown_path"}

    async def test_pages_follow_each_other_without_gap_or_overlap(self, client: Client) -> None:
        """Every item once, in the order of the ids, until there is no next page."""
        made = [await submit(client, f"h{number}") for number in range(5)]
        seen: list[str] = []
        after = ""
        while True:
            page = await (await client.get(f"/api/v1/items?limit=2&after={after}")).json()
            seen += [item["id"] for item in page["items"]]
            if "next" not in page:
                break
            after = page["next"]
        assert seen == sorted(made)

    async def test_filters_narrow_the_list(self, client: Client, local: Any) -> None:
        """All that are given must hold."""
        await submit(client)
        await local.desk.locate_due()
        found = []
        for query in ("country=GB&custody=here", "country=NL", "custody=locating", "review=true"):
            page = await (await client.get(f"/api/v1/items?{query}")).json()
            found.append(len(page["items"]))
        assert found == [1, 0, 0, 0]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=0", "bad_parameter"),
            ("limit=501", "bad_parameter"),
            ("limit=x", "bad_parameter"),
            ("country=gb", "bad_parameter"),
            ("country=GB%0A", "bad_parameter"),
            ("responsible=gb-iwf%00", "bad_parameter"),  # which one store alone would look for
            ("custody=canary", "bad_parameter"),
            ("colour=red", "unknown_parameter"),
            ("limit=1&limit=2", "unknown_parameter"),
            ("changed_after=-1", "bad_parameter"),
            ("after=zzz", "bad_parameter"),
            ("after=gb-iwf.", "bad_parameter"),
            ("country=UK", "bad_parameter"),
            ("country=QQ", "bad_parameter"),
            ("country=EU", "bad_parameter"),
        ],
    )
    async def test_a_wrong_parameter_is_refused(
        self, client: Client, query: str, code: str
    ) -> None:
        """400 with the parameter's name; a mistake does not pass unseen."""
        response = await client.get(f"/api/v1/items?{query}")
        body = await response.json()
        assert (response.status, body["code"]) == (400, code)
        assert "canary" not in str(body)

    async def test_a_country_by_habit_is_told_its_code(self, client: Client) -> None:
        """An empty page would look as if nothing were hosted there."""
        problem = await (await client.get("/api/v1/items?country=UK")).json()
        assert (problem["field"], problem["detail"]) == ("country", "write GB")

    async def test_a_changed_after_past_the_newest_change_is_refused(self, client: Client) -> None:
        """As in the change feed, whose cursor it is."""
        response = await client.get("/api/v1/items?changed_after=999999999")
        assert response.status == 422
        problem = await response.json()
        assert (problem["code"], problem["field"]) == ("unknown_cursor", "changed_after")

    async def test_a_changed_after_of_a_history_that_is_gone_names_itself(
        self, client: Client
    ) -> None:
        """`after` is the place in the pages here: a reader told so would read nothing again."""
        response = await client.get(f"/api/v1/items?changed_after={(7 << 33) + 1}")
        problem = await response.json()
        assert (problem["code"], problem["field"]) == ("cursor_gone", "changed_after")
        assert "with changed_after=0" in problem["detail"]


class TestWork:
    """Assessments, actions, hashes."""

    async def test_an_assessment_is_recorded(self, client: Client) -> None:
        """It stands in the item at once."""
        item_id = await submit(client)
        draft = {"verdict": "baseline", "labels": ["self_generated"]}
        response = await client.post(f"/api/v1/items/{item_id}/assessments", json=draft)
        body = await response.json()
        assert response.status == 201
        assert body["assessments"][0]["verdict"] == "baseline"
        assert body["known"] is True

    async def test_only_the_responsible_member_acts(self, client: Client, local: Any) -> None:
        """409 before the item is ours, 201 after."""
        item_id = await submit(client)
        path, draft = f"/api/v1/items/{item_id}/actions", {"action": "removed"}
        early = await client.post(path, json=draft)
        assert (early.status, (await early.json())["code"]) == (409, "being_located")
        await local.desk.locate_due()
        response = await client.post(path, json=draft)
        assert (response.status, (await response.json())["closed_by"]) == (201, "removed")

    async def test_hashes_that_come_later_are_added_once(self, client: Client) -> None:
        """The same again change nothing."""
        item_id = await submit(client)
        path, draft = f"/api/v1/items/{item_id}/hashes", {"sha256": "AB" * 32}
        first = await client.post(path, json=draft)
        again = await client.post(path, json=draft)
        assert (first.status, again.status) == (201, 201)
        assert (await again.json())["hashes"] == [{"sha256": "ab" * 32, "place": 0}]

    async def test_wrong_file_is_taken_off_once(self, client: Client) -> None:
        """By its hash or its place, and a repeated request does nothing anew."""
        item_id = await submit(client)
        await client.post(f"/api/v1/items/{item_id}/hashes", json={"sha256": "ab" * 32})
        path, draft = f"/api/v1/items/{item_id}/wrong-files", {"hash": "AB" * 32}
        response = await client.post(path, json=draft, headers={"Idempotency-Key": "w-1"})
        shown = await response.json()
        assert (response.status, shown["hashes"]) == (201, [])
        assert shown["wrong_files"] == [{"sha256": "ab" * 32, "place": 0}]
        again = await client.post(path, json=draft, headers={"Idempotency-Key": "w-1"})
        assert (again.status, await again.json()) == (201, shown)
        gone = await client.post(path, json={"place": 0})
        assert (gone.status, (await gone.json())["field"]) == (422, "place")

    @pytest.mark.parametrize("what", ["assessments", "actions", "hashes", "wrong-files"])
    async def test_work_on_an_unknown_item_is_refused(self, client: Client, what: str) -> None:
        """404, nothing is made up."""
        drafts = {
            "assessments": {"verdict": "baseline"},
            "actions": {"action": "removed"},
            "hashes": {"md5": "ab" * 16},
            "wrong-files": {"place": 0},
        }
        response = await client.post(f"/api/v1/items/{NOBODY}/{what}", json=drafts[what])
        assert (response.status, (await response.json())["code"]) == (404, "unknown_item")

    @pytest.mark.parametrize(
        ("what", "draft", "status", "field"),
        [
            ("assessments", {"verdict": "canary"}, 400, "verdict"),
            ("assessments", {"verdict": "national"}, 422, "assessment.law"),
            ("assessments", {"verdict": "baseline", "at": "yesterday"}, 400, "at"),
            ("assessments", {"verdict": "baseline", "at": "2026-02-30T10:00:00Z"}, 422, "at"),
            ("actions", {"action": "removed", "country": "NL"}, 422, "country"),
            ("hashes", {"sha256": "canary"}, 400, "sha256"),
            ("hashes", {"pdq": "ab" * 32}, 422, "hashes.pdq_quality"),
            ("hashes", {}, 422, "hashes"),
            ("wrong-files", {"hash": "canary"}, 400, "hash"),
            ("wrong-files", {}, 422, "place"),
        ],
    )
    async def test_what_makes_no_sense_is_refused(
        self, client: Client, what: str, draft: dict[str, Any], status: int, field: str
    ) -> None:
        """The field is named, the value is not repeated."""
        item_id = await submit(client)
        response = await client.post(f"/api/v1/items/{item_id}/{what}", json=draft)
        body = await response.json()
        assert (response.status, body["field"]) == (status, field)
        assert "canary" not in str(body)


class TestIdempotencyKey:
    """Recording has one effect, too."""

    @pytest.mark.parametrize(
        ("what", "draft"),
        [
            ("actions", {"action": "host_notified"}),
            ("actions", {"action": "host_notified", "at": "2026-09-01T10:00:00+02:00"}),
            ("assessments", {"verdict": "baseline", "labels": ["self_generated"]}),
        ],
    )
    async def test_a_crash_before_the_answer_was_kept_records_nothing_twice(
        self, client: Client, local: Any, what: str, draft: dict[str, Any]
    ) -> None:
        """The retry finds what was recorded under the key."""
        item_id = await submit(client)
        await local.desk.locate_due()
        path, headers = f"/api/v1/items/{item_id}/{what}", {"Idempotency-Key": "k-1"}
        await client.post(path, json=draft, headers=headers)
        await local.store.writer.run(
            lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
        )
        local.now += 60_000
        response = await client.post(path, json=draft, headers=headers)
        assert response.status == 201
        assert len((await response.json())[what]) == 1

    async def test_verdict_with_an_earlier_time_is_given_once_though_its_answer_was_not_kept(
        self, client: Client, local: Any
    ) -> None:
        """It is recorded as later than the word that it corrects, so under another time."""
        path = f"/api/v1/items/{await submit(client)}/assessments"
        await client.post(path, json={"verdict": "baseline"})
        draft = {"verdict": "not_illegal", "at": "2026-09-01T10:00:00Z"}
        headers = {"Idempotency-Key": "k-1"}
        await client.post(path, json=draft, headers=headers)
        await local.store.writer.run(
            lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
        )
        again = await (await client.post(path, json=draft, headers=headers)).json()
        assert [one["verdict"] for one in again["assessments"]] == ["baseline", "not_illegal"]

    async def test_second_notice_of_one_time_is_recorded_though_its_key_was_reserved_before(
        self, client: Client, local: Any
    ) -> None:
        """The node ended before the work; the first notice, to another host, is not this one."""
        item_id = await submit(client)
        await local.desk.locate_due()
        path = f"/api/v1/items/{item_id}/actions"
        draft = {"action": "host_notified", "at": "2026-09-01T10:00:00Z"}
        await client.post(path, json=draft, headers={"Idempotency-Key": "k-1"})
        local.now += 60_000
        await local.store.writer.run(
            lambda c: c.execute(
                "INSERT INTO idempotency (token_sha256, key, body_sha256, created_ms)"
                " SELECT token_sha256, 'k-2', body_sha256, created_ms + 60000"
                " FROM idempotency WHERE key = 'k-1'"
            )
        )
        again = await client.post(path, json=draft, headers={"Idempotency-Key": "k-2"})
        assert len((await again.json())["actions"]) == 2

    async def test_attack_what_another_recorded_meanwhile_is_no_answer_to_what_was_refused(
        self, client: Client, local: Any
    ) -> None:
        """The item was not located yet; then a colleague notified, and the request comes again."""
        item_id = await submit(client)
        path, draft = f"/api/v1/items/{item_id}/actions", {"action": "host_notified"}
        headers = {"Idempotency-Key": "k-1"}
        assert (await client.post(path, json=draft, headers=headers)).status == 409
        await local.desk.locate_due()
        await client.post(path, json=draft)
        again = await client.post(path, json=draft, headers=headers)
        assert again.status == 201
        assert len((await again.json())["actions"]) == 2

    async def test_the_same_action_under_a_new_key_is_a_new_action(
        self, client: Client, local: Any
    ) -> None:
        """Looking twice and seeing it online twice are two events."""
        item_id = await submit(client)
        await local.desk.locate_due()
        path, draft = f"/api/v1/items/{item_id}/actions", {"action": "seen_online"}
        await client.post(path, json=draft, headers={"Idempotency-Key": "k-1"})
        local.now += 60_000
        response = await client.post(path, json=draft, headers={"Idempotency-Key": "k-2"})
        assert len((await response.json())["actions"]) == 2

    async def test_a_key_belongs_to_one_path(self, client: Client) -> None:
        """The same body for another item is another request."""
        first, second = await submit(client, "a"), await submit(client, "b")
        headers, draft = {"Idempotency-Key": "k-1"}, {"verdict": "baseline"}
        await client.post(f"/api/v1/items/{first}/assessments", json=draft, headers=headers)
        response = await client.post(
            f"/api/v1/items/{second}/assessments", json=draft, headers=headers
        )
        assert response.status == 409


class TestMessages:
    """Writing to a person of another member."""

    async def test_nobody_is_written_to_who_has_no_part_in_it(self, client: Client) -> None:
        """The field is named; nothing is sent."""
        item_id = await submit(client)
        body = {"to": "nl-eokm", "text": "Hello"}
        response = await client.post(f"/api/v1/items/{item_id}/messages", json=body)
        assert response.status == 422
        assert (await response.json())["field"] == "to"

    async def test_preview_is_what_would_be_sent_and_sending_sends_it(
        self, client: Client, local: Any
    ) -> None:
        """200 and nothing kept; then 201, and it stands with the item."""
        item_id = await self._handed_on(client, local)
        path = f"/api/v1/items/{item_id}/messages"
        body = {"to": "nl-eokm", "text": "One\nline", "preview": True}
        shown = await client.post(path, json=body)
        preview = await shown.json()
        assert (shown.status, preview["text"], preview["item"]) == (200, "One\nline", item_id)
        assert (await (await client.get(f"/api/v1/items/{item_id}")).json())["messages"] == []
        sent = await client.post(path, json=body | {"preview": False})
        kept = await sent.json()
        assert (sent.status, kept["to"], kept["text"]) == (201, "nl-eokm", "One\nline")
        assert (await (await client.get(f"/api/v1/items/{item_id}")).json())["messages"] == [kept]

    async def test_the_feed_tells_of_it_without_its_text(self, client: Client, local: Any) -> None:
        """Codes and ids only."""
        item_id = await self._handed_on(client, local)
        body = {"to": "nl-eokm", "text": "canary", "preview": False}
        await client.post(f"/api/v1/items/{item_id}/messages", json=body)
        page = await (await client.get("/api/v1/changes")).json()
        last = page["changes"][-1]
        assert (last["what"], last["detail"]["to"]) == ("message", "nl-eokm")
        assert "canary" not in str(page)

    @pytest.mark.parametrize("text", ["", "x" * 2001, "\x07", 5])
    async def test_a_text_that_cannot_be_sent_is_refused(
        self, client: Client, local: Any, text: Any
    ) -> None:
        """Too long, empty, with control characters: already in the preview."""
        item_id = await self._handed_on(client, local)
        body = {"to": "nl-eokm", "text": text}
        response = await client.post(f"/api/v1/items/{item_id}/messages", json=body)
        assert response.status in {400, 422}
        assert (await response.json())["field"] == "text"

    async def _handed_on(self, client: Client, local: Any) -> str:
        item_id = await submit(client)
        await local.desk.locate_due()
        await client.post(
            f"/api/v1/items/{item_id}/actions", json={"action": "moved", "country": "NL"}
        )
        return item_id


class TestHolding:
    """A person keeps an item, whoever wants it erased."""

    HOLD: ClassVar = {"reason": "order 12/2026", "until": "2033-06-30T00:00:00Z"}

    async def test_held_item_is_not_erased_until_the_hold_is_lifted(self, client: Client) -> None:
        """The refusal says why; the hold stands with the item, with its author."""
        path = f"/api/v1/items/{await submit(client)}"
        put = await client.post(f"{path}/holds", json=self.HOLD)
        hold = await put.json()
        assert (put.status, hold["reason"]) == (201, "order 12/2026")
        assert (await (await client.get(path)).json())["holds"] == [hold]
        refused = await client.post(f"{path}/erasure", json={"cause": "error"})
        assert (refused.status, (await refused.json())["code"]) == (409, "under_legal_hold")
        lifted = await client.delete(f"{path}/holds/{hold['id']}")
        assert (lifted.status, await lifted.json()) == (200, hold)
        erased = await client.post(f"{path}/erasure", json={"cause": "error"})
        assert erased.status == 200

    @pytest.mark.parametrize("answer_was_kept", [True, False])
    async def test_hold_is_put_once_under_one_key(
        self, client: Client, local: Any, *, answer_was_kept: bool
    ) -> None:
        """Also after a crash before the answer was kept."""
        path = f"/api/v1/items/{await submit(client)}"
        headers = {"Idempotency-Key": "k-1"}
        first = await client.post(f"{path}/holds", json=self.HOLD, headers=headers)
        if not answer_was_kept:
            await local.store.writer.run(
                lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
            )
        again = await client.post(f"{path}/holds", json=self.HOLD, headers=headers)
        assert (again.status, await again.json()) == (201, await first.json())
        assert len((await (await client.get(path)).json())["holds"]) == 1

    async def test_the_feed_tells_of_it_without_its_reason(self, client: Client) -> None:
        """Codes and ids only."""
        path = f"/api/v1/items/{await submit(client)}"
        await client.post(f"{path}/holds", json=self.HOLD | {"reason": "canary"})
        page = await (await client.get("/api/v1/changes")).json()
        assert page["changes"][-1]["what"] == "held"
        assert "canary" not in str(page)

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"until": "2001-01-01T00:00:00Z"}, "until"), ({"until": "soon"}, "until"),
         ({"reason": ""}, "reason"), ({"reason": "\x07"}, "reason")],
    )  # fmt: skip
    async def test_hold_that_makes_no_sense_is_refused_by_its_field(
        self, client: Client, change: dict[str, str], field: str
    ) -> None:
        """And nothing is kept."""
        path = f"/api/v1/items/{await submit(client)}"
        answer = await client.post(f"{path}/holds", json=self.HOLD | change)
        assert answer.status in {400, 422}
        assert (await answer.json())["field"] == field
        assert (await (await client.get(path)).json())["holds"] == []

    async def test_unknown_hold_is_not_found(self, client: Client) -> None:
        """404, with its code."""
        path = f"/api/v1/items/{await submit(client)}"
        answer = await client.delete(f"{path}/holds/{NOBODY}")
        assert (answer.status, (await answer.json())["code"]) == (404, "unknown_hold")


class TestTakingBack:
    """A person takes a verdict back, and what rested on it is retracted."""

    async def judged(self, client: Client) -> tuple[str, str]:
        """Return the path of an item that was judged, and the verdict's id."""
        path = f"/api/v1/items/{await submit(client)}"
        answer = await client.post(f"{path}/assessments", json={"verdict": "baseline"})
        (given,) = (await answer.json())["assessments"]
        return path, given["id"]

    async def test_verdict_is_gone(self, client: Client) -> None:
        """The answer is the item without it."""
        path, given = await self.judged(client)
        answer = await client.delete(f"{path}/assessments/{given}")
        view = await answer.json()
        assert (answer.status, view["assessments"], view["known"]) == (200, [], False)

    async def test_what_is_no_verdict_of_ours_is_not_found(self, client: Client) -> None:
        """404, with its code; so the second time."""
        path, given = await self.judged(client)
        await client.delete(f"{path}/assessments/{given}")
        for one in (given, NOBODY):
            answer = await client.delete(f"{path}/assessments/{one}")
            assert (answer.status, (await answer.json())["code"]) == (404, "unknown_verdict")

    async def test_verdict_is_gone_by_its_id_alone(self, client: Client) -> None:
        """Once its item is erased as well, and again; the answer says what became of it."""
        path, given = await self.judged(client)
        for told, items in ((1, [path.rpartition("/")[2]]), (0, [])):
            answer = await client.delete(f"/api/v1/assessments/{given}")
            done = {"verdict_id": given, "known": True, "items": items, "told": told}
            assert (answer.status, await answer.json()) == (200, done)
        assert (await (await client.get(path)).json())["assessments"] == []

    async def test_id_of_nothing_that_is_known_is_ours_to_take_back(self, client: Client) -> None:
        """After the loss of a disk a peer names it."""
        one = "gb-iwf.01ARZ3NDEKTSV4RRFFQ69G5FAV"
        answer = await client.delete(f"/api/v1/assessments/{one}")
        done = {"verdict_id": one, "known": False, "items": [], "told": 1}
        assert (answer.status, await answer.json()) == (200, done)

    @pytest.mark.parametrize("one", ["nl-eokm.01ARZ3NDEKTSV4RRFFQ69G5FAV", "gb-iwf", "%00"])
    async def test_id_of_another_is_not_ours_to_take_back(self, client: Client, one: str) -> None:
        """404, with its code, and the id is not repeated."""
        answer = await client.delete(f"/api/v1/assessments/{one}")
        text = await answer.text()
        assert (answer.status, (await answer.json())["code"]) == (404, "foreign_verdict")
        assert one not in text

    async def test_only_what_is_due_can_be_retracted(self, client: Client) -> None:
        """Nothing was notified here."""
        path, given = await self.judged(client)
        answer = await client.post(f"{path}/retractions", json={"action": given})
        assert (answer.status, (await answer.json())["field"]) == (422, "action")


class TestErasing:
    """A person ends an item; whoever may only record does not."""

    async def test_item_is_erased_by_who_may_everything(self, client: Client) -> None:
        """Then it is not there any more."""
        item = await submit(client)
        answer = await client.post(f"/api/v1/items/{item}/erasure", json={"cause": "error"})
        assert (answer.status, await answer.json()) == (
            200,
            {"item_id": item, "cause": "error", "entries": 0},
        )
        assert (await client.get(f"/api/v1/items/{item}")).status == 404

    @pytest.mark.parametrize("answer_was_kept", [True, False])
    async def test_erasing_twice_under_one_key_is_answered_as_the_first_time(
        self, client: Client, local: Any, *, answer_was_kept: bool
    ) -> None:
        """Whoever lost the answer hears that it was done, also after a crash before it was kept."""
        path = f"/api/v1/items/{await submit(client)}/erasure"
        headers, draft = {"Idempotency-Key": "k-1"}, {"cause": "error"}
        first = await client.post(path, json=draft, headers=headers)
        if not answer_was_kept:
            await local.store.writer.run(
                lambda c: c.execute("UPDATE idempotency SET status = NULL, response = NULL")
            )
        again = await client.post(path, json=draft, headers=headers)
        assert (again.status, await again.json()) == (200, await first.json())

    @pytest.mark.parametrize(
        ("what", "draft"),
        [
            ("assessments", {"verdict": "baseline"}),
            ("hashes", {"sha256": "ab" * 32}),
            ("holds", {"reason": "court", "until": "2026-10-10T00:00:00Z"}),
        ],
    )
    async def test_attack_an_erased_item_is_told_by_no_earlier_answer(
        self, client: Client, local: Any, what: str, draft: dict[str, Any]
    ) -> None:
        """Whoever repeats a request under its key is not handed address, hashes and password."""
        item = await submit(client, access={"password": "s3cret"})
        path, headers = f"/api/v1/items/{item}", {"Idempotency-Key": "k-1"}
        first = await client.post(f"{path}/{what}", json=draft, headers=headers)
        assert first.status == 201
        for hold in (await (await client.get(path)).json())["holds"]:
            await client.delete(f"{path}/holds/{hold['id']}")
        await client.post(f"{path}/erasure", json={"cause": "error"})
        again = await client.post(f"{path}/{what}", json=draft, headers=headers)
        assert (again.status, (await again.json())["code"]) == (404, "unknown_item")
        kept = await local.store.readers.run(
            lambda c: c.execute("SELECT * FROM idempotency").fetchall()
        )
        assert kept == []

    async def test_erasing_again_under_a_new_key_finds_nothing(self, client: Client) -> None:
        """What an earlier request erased is not this one's doing."""
        path, draft = f"/api/v1/items/{await submit(client)}/erasure", {"cause": "error"}
        await client.post(path, json=draft, headers={"Idempotency-Key": "k-1"})
        again = await client.post(path, json=draft, headers={"Idempotency-Key": "k-2"})
        assert again.status == 404

    async def test_unknown_cause_is_refused_and_erases_nothing(self, client: Client) -> None:
        """It is said for a reason that can be kept."""
        item = await submit(client)
        answer = await client.post(f"/api/v1/items/{item}/erasure", json={"cause": "whim"})
        assert answer.status == 400
        assert (await client.get(f"/api/v1/items/{item}")).status == 200
