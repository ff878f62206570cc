"""`hotline hoster origins | origin`: whom proxies hide, and what one of them told a person."""

from __future__ import annotations

import asyncio

import pytest

from node.cli import origins
from node.cli.exits import Exit
from node.cli.lists import opened_store
from node.config.edit import change_file
from node.jurisdiction.origins import Question
from node.store.places.origins import OriginBook
from tests.node.cli.conftest import Answer, Typing

DAY_MS = 86_400_000


class TestOrigin:
    """What a proxy told a person is recorded, beside a running node or without one."""

    ARGUMENTS = ("hoster", "origin", "https://Shop.site7.example/a.jpg")

    async def record(self, typed: Typing, *more: str) -> Answer:
        """Type the verb for a host."""
        change_file(typed.config.source, "jurisdiction", {"allow_documentation_ranges": True})
        return await typed(*self.ARGUMENTS, *more)

    async def test_it_answers_the_question_that_waits(self, typed: Typing) -> None:
        """The age stays, and the proxy; the node is told."""
        waits = Question("shop.site7.example", "veil", DAY_MS, DAY_MS, by_hand=True)
        with opened_store(typed.config) as (store, fingerprints):
            book = OriginBook(store.writer, store.readers, fingerprints)
            await book.keep([waits], {}, DAY_MS, {"veil": 1})
        _, before = await typed("hoster", "origins")
        assert before["origins"][0]["overdue"]
        code, told = await self.record(typed, "192.0.2.7", "2001:db8::7", "--by", "analyst-7")
        assert (code, told["provider"], told["asked_ms"]) == (Exit.OK, "veil", DAY_MS)
        assert told["asked_about"]
        assert told["addresses"] == ["192.0.2.7", "2001:db8::7"]
        _, listed = await typed("hoster", "origins")
        (one,) = listed["origins"]
        assert (one["waits"], one["overdue"], one["told_by"]) == (False, False, "analyst-7")
        _, status = await typed("status")
        assert "origin_told" in [task["code"] for task in status["tasks"]]

    @pytest.mark.parametrize(
        ("given", "host"),
        [
            ("shop.site7.example", "shop.site7.example"),
            ("Shop.Site7.example.", "shop.site7.example"),
            ("203.0.113.5", "203.0.113.5"),
            ("2001:db8::5", "2001:db8::5"),
        ],
    )
    async def test_host_is_written_as_people_have_it(
        self, typed: Typing, given: str, host: str
    ) -> None:
        """A name, an address, or a URL there."""
        change_file(typed.config.source, "jurisdiction", {"allow_documentation_ranges": True})
        _, told = await typed("hoster", "origin", given, "192.0.2.7", "--by", "a7")
        assert told["host"] == host

    async def test_it_can_be_known_before_anybody_asks(self, typed: Typing) -> None:
        """Under the name of who told it."""
        _, told = await self.record(typed, "192.0.2.7", "--by", "analyst-7", "--proxy", "mask")
        assert (told["host"], told["provider"]) == ("shop.site7.example", "mask")

    async def test_host_that_nobody_asks_about_is_named_as_such(self, typed: Typing) -> None:
        """Misspelled, the item of the right one would wait on, and look answered."""
        _, told = await self.record(typed, "192.0.2.7", "--by", "analyst-7")
        assert not told["asked_about"]

    @pytest.mark.parametrize(
        ("host", "address", "by", "error"),
        [
            ("http://[::1", "192.0.2.7", "a7", "bad_host"),
            ("service:chat/somebody", "192.0.2.7", "a7", "bad_host"),
            ("forum.i2p", "192.0.2.7", "a7", "bad_host"),
            ("shop.site7.example", "10.0.0.1", "a7", "bad_address"),
            ("shop.site7.example", "shop.example", "a7", "bad_address"),
            ("shop.site7.example", "192.0.2.7", "Ann Other", "bad_pseudonym"),
        ],
    )
    async def test_what_makes_no_sense_is_refused(
        self, typed: Typing, host: str, address: str, by: str, error: str
    ) -> None:
        """And nothing is kept."""
        change_file(typed.config.source, "jurisdiction", {"allow_documentation_ranges": True})
        code, told = await typed("hoster", "origin", host, address, "--by", by)
        assert code != Exit.OK
        assert told["error"]["code"] == error
        _, listed = await typed("hoster", "origins")
        assert listed["origins"] == []

    async def test_one_address_that_is_none_refuses_all(self, typed: Typing) -> None:
        """A slip of the pen must not go unseen."""
        code, told = await self.record(typed, "192.0.2.7", "192.168.2.7", "--by", "a7")
        assert code != Exit.OK
        assert told["error"]["code"] == "bad_address"

    async def test_the_text_says_who_asks_and_what_is_late(self, typed: Typing) -> None:
        """For people."""
        waits = Question("shop.site7.example", "veil", DAY_MS, DAY_MS, by_hand=True)
        with opened_store(typed.config) as (store, fingerprints):
            book = OriginBook(store.writer, store.readers, fingerprints)
            await book.keep([waits], {}, DAY_MS, {"veil": 1})
        text = (await asyncio.to_thread(origins.listing, typed.config.source)).text
        assert "people" in text
        assert "OVERDUE" in text
