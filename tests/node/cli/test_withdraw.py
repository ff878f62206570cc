"""`hotline withdraw`: nothing is taken back by a slip, and only what is ours."""

from __future__ import annotations

from typing import Any

from node.cli.exits import Exit

Typed = Any
FOREIGN = "nl-eokm.01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def test_verdict_is_taken_back_by_its_id_once_it_is_meant(running: Typed) -> None:
    """Also one that nothing is known of here, by the id that it has in a peer's list."""
    verdict = f"{running.config.member.id}.01ARZ3NDEKTSV4RRFFQ69G5FAV"
    code, shown = await running("withdraw", verdict)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_confirmed")
    for known, named in ((False, f"{verdict}/0"), (True, verdict)):
        code, shown = await running("withdraw", named, "--yes")
        assert (code, shown["known"], shown["items"]) == (Exit.OK, known, [])


async def test_verdict_of_another_is_refused(running: Typed) -> None:
    """By name of the field, with the mend."""
    code, shown = await running("withdraw", FOREIGN, "--yes")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "foreign_verdict")
