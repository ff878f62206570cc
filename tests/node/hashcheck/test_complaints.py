"""A complaint, from the hit to the block list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from node.casework.mistakes.correcting import Disproved
from node.hashcheck.contract import LIST, MOST_GROUNDS, ComplaintState, Hit, Why, one_file
from node.matching.contents import Likeness, compare
from node.matching.lists import Provenance, Terms, Trust
from node.store.contents.list_removing import retract_pictures
from node.store.contents.lists import all_lists, keep_terms
from node.store.items.tasks import close_task
from protocol.facts import Content
from tests.builders.cases import FINGERPRINTS, US, event_id, file, item
from tests.builders.hashcheck import Service
from tests.builders.network import NOW_MS

Client = TestClient[Request, Application]
CHECK, COMPLAINTS = "/hashcheck/v1/check", "/hashcheck/v1/complaints"


async def hit(client: Client, number: int) -> dict[str, str]:
    """Check a file by its SHA-256; return the answer."""
    body = {"entries": [{"sha256": f"{number:064x}"}]}
    answers = (await (await client.post(CHECK, json=body)).json())["answers"]
    answer: dict[str, str] = answers[0]
    return answer


async def complain(client: Client, reference: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Complain; return status and answer."""
    body = {"reference": reference, "why": "not_illegal", "text": "a stock picture"}
    answer = await client.post(COMPLAINTS, json=body, headers=headers or None)
    return answer.status, await answer.json()


async def test_upheld_complaint_removes_the_entry_at_once(service: Service, hoster: Client) -> None:
    """For every hosting company, by whatever hash; a rejection brings it back."""
    await service.knows(1, file(1, md5=1, length=5000))
    reference = (await hit(hoster, 1))["reference"]
    status, made = await complain(hoster, reference)
    assert (status, made["status"]) == (201, "open")
    (waiting,) = await service.desk.complaints(open_only=True)
    assert waiting.state.hit.found == ("gb-iwf." + f"{1:026d}",)
    complaint_id = made["complaint_id"]
    await service.desk.decide(complaint_id, upheld=True, by="anna", reason="stock")
    assert await hit(hoster, 1) == {"answer": "none"}
    by_md5 = {"entries": [{"md5": f"{1:032x}", "length": 5000}]}
    assert "none" in await (await hoster.post(CHECK, json=by_md5)).text()
    told = await (await hoster.get(f"{COMPLAINTS}/{complaint_id}")).json()
    assert told == {**made, "status": "upheld"}
    await service.desk.decide(complaint_id, upheld=False, by="bert", reason="it is illegal")
    assert await hit(hoster, 1) == {"answer": "hit", "reference": reference}


async def test_upheld_complaint_removes_the_entry_of_a_list_by_all_its_hashes(
    service: Service, hoster: Client
) -> None:
    """Not only by the hash that was asked: the same file comes again by another."""
    await service.lists(file(1, sha1=1, md5=1, length=5000))
    made = (await complain(hoster, (await hit(hoster, 1))["reference"]))[1]
    by_both = {"entries": [{"sha1": f"{1:040x}", "md5": f"{1:032x}"}]}
    assert "hit" in await (await hoster.post(CHECK, json=by_both)).text()
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    assert await hit(hoster, 1) == {"answer": "none"}
    assert "none" in await (await hoster.post(CHECK, json=by_both)).text()


async def test_upheld_complaint_stops_pictures_that_look_alike_too(
    service: Service, hoster: Client
) -> None:
    """The known picture is blocked, not only the file that was asked."""
    await service.knows(1, file(1, pdq=7))
    made = (await complain(hoster, (await hit(hoster, 1))["reference"]))[1]
    alike = {"entries": [{"pdq": f"{6:064x}", "pdq_quality": 90}]}
    assert "review" in await (await hoster.post(CHECK, json=alike)).text()
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    assert "none" in await (await hoster.post(CHECK, json=alike)).text()


async def test_an_upheld_complaint_blocks_no_file_that_was_only_named_beside(
    service: Service, hoster: Client
) -> None:
    """Else a hosting company slips a known file out by naming its hash beside a harmless one's."""
    await service.knows(1, file(1))
    await service.knows(2, file(2, sha1=2, md5=2))
    await service.lists(file(3))
    for number in (1, 3):
        mixed = {"entries": [{"sha256": f"{number:064x}", "sha1": f"{2:040x}"}]}
        (told,) = (await (await hoster.post(CHECK, json=mixed)).json())["answers"]
        made = (await complain(hoster, told["reference"]))[1]
        await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
        assert await hit(hoster, number) == {"answer": "none"}
        second = {"entries": [{"sha1": f"{2:040x}", "md5": f"{2:032x}"}]}
        assert '"hit"' in await (await hoster.post(CHECK, json=second)).text()


async def test_attack_a_second_file_slips_out_by_hashes_beside_a_harmless_one(
    service: Service, hoster: Client
) -> None:
    """Both are met as the same file, since the list knows the second by other hashes only."""
    await service.knows(1, file(1, length=50_000))
    await service.lists(file(sha1=22, md5=22))
    mixed = {"entries": [{"sha256": f"{1:064x}", "sha1": f"{22:040x}", "md5": f"{22:032x}"}]}
    second = {"entries": [{"sha1": f"{22:040x}", "md5": f"{22:032x}"}]}
    (told,) = (await (await hoster.post(CHECK, json=mixed)).json())["answers"]
    made = (await complain(hoster, told["reference"]))[1]
    (waiting,) = await service.desk.complaints(open_only=True)
    assert waiting.state.hit.found == ("gb-iwf." + f"{1:026d}",)
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    assert await hit(hoster, 1) == {"answer": "none"}
    assert '"hit"' in await (await hoster.post(CHECK, json=second)).text()


@pytest.mark.parametrize(
    "asked", [file(2, md5=7, length=5000), file(md5=7, length=5000)], ids=["named", "by_md5"]
)
async def test_attack_a_harmless_file_of_the_same_md5_acquits_no_file_known_by_its_sha256(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]], asked: Content
) -> None:
    """Such pairs can be made; the person saw the one that a list knows by its MD5 and length."""
    illegal = file(1, md5=7, length=5000)
    await service.knows(1, illegal)
    await service.lists(file(md5=7, length=5000))
    await service.lists(file(3, md5=7, length=5000), name="other")
    taken_back: list[Content] = []

    async def noted(contents: Sequence[Content], _by: str) -> Disproved:
        taken_back.extend(contents)
        return Disproved((), ())

    desk = replace(service.desk, disprove=noted)
    hears = await aiohttp_client(service.app(), headers=await service.key(sources=("list:stock",)))
    (told,) = await entries(hears, asked)
    made = (await complain(hears, told["reference"]))[1]
    await desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    sources = ("own", "list:stock", "list:other")
    all_of_it = await service.key(sources=sources)
    told_after = [
        one["answer"]
        for one in await entries(
            hears, file(2, md5=7, length=5000), illegal, file(1), file(3), asked, **all_of_it
        )
    ]
    still = "review" if asked.sha256 is None else "none"
    assert told_after == ["none", "hit", "hit", "hit", still]
    assert [compare(illegal, one) for one in taken_back] == [Likeness.OTHER]


async def entries(client: Client, *asked: Content, **headers: str) -> list[dict[str, str]]:
    """Check files by all their hashes; return the answers."""
    named = [
        {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in msgspec.structs.asdict(one).items()
            if value is not None
        }
        for one in asked
    ]
    answer = await client.post(CHECK, json={"entries": named}, headers=headers or None)
    answers: list[dict[str, str]] = (await answer.json())["answers"]
    return answers


@pytest.mark.parametrize(
    ("asked", "known", "falls"),
    [
        (file(1, sha1=2, md5=2), [file(sha1=2, md5=2), file(1)], [1]),
        (file(1, sha1=2, md5=2), [file(1, sha1=2), file(sha1=2, md5=2)], [0, 1]),
        (file(1, sha1=1, md5=1), [file(sha1=1, md5=1), file(1), file(1, sha1=1)], [1, 2, 0]),
        (file(sha1=1, md5=2, length=9), [file(sha1=1), file(md5=2, length=9)], [1]),
        (file(sha1=1, md5=2), [file(md5=2), file(sha1=1)], [1]),
        (file(sha1=1, md5=1), [file(md5=1), file(1, sha1=1, md5=1)], [1, 0]),
        (file(md5=1, length=9), [file(1, md5=1, length=9), file(2, md5=1, length=9)], [0]),
        (
            file(md5=1, length=9),
            [file(md5=1, length=9), file(1, md5=1, length=9), file(2, md5=1, length=9)],
            [0, 1],
        ),
        (file(pdq=1), [file(1, pdq=7), file(2, pdq=3)], [1]),
        (file(pdq=1), [file(1, pdq=3), file(1, pdq=7), file(2, pdq=3)], [0, 1]),
    ],
)
def test_of_what_an_entry_meets_one_file_falls(
    asked: Content, known: list[Content], falls: list[int]
) -> None:
    """That to which the strongest hash leads, with what may be the same; never one beside it."""
    assert one_file(asked, known) == tuple(known[at] for at in falls)


async def test_what_is_for_review_can_be_complained_of(service: Service, hoster: Client) -> None:
    """A file that a list wrongly suggests would wait at the company for ever."""
    await service.lists(file(1), trust=Trust.SUGGESTION)
    told = await hit(hoster, 1)
    assert (told["answer"], set(told)) == ("review", {"answer", "reference"})
    made = (await complain(hoster, told["reference"]))[1]
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    assert await hit(hoster, 1) == {"answer": "none"}


async def test_complaint_of_a_picture_removes_the_nearest_alone(
    service: Service, hoster: Client
) -> None:
    """It is judged by one known picture; another that is near as well is still illegal."""
    await service.knows(1, file(1, pdq=0b11))
    await service.knows(2, file(2, pdq=0b1111))
    body = {"entries": [{"pdq": f"{1:064x}", "pdq_quality": 90}]}
    (told,) = (await (await hoster.post(CHECK, json=body)).json())["answers"]
    made = (await complain(hoster, told["reference"]))[1]
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    assert [(await hit(hoster, number))["answer"] for number in (1, 2)] == ["none", "hit"]


async def test_a_reference_is_the_companys_whichever_of_its_keys_asks(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """Keys that check lie on many machines, one that complains on one; and keys are renewed."""
    await service.knows(1, file(1))
    checks = await aiohttp_client(service.app(), headers=await service.key(scopes=("check",)))
    reference = (await hit(checks, 1))["reference"]
    await service.desk.revoke_key((await service.only_key()).key_id)
    renewed = await aiohttp_client(service.app(), headers=await service.key())
    assert (await hit(renewed, 1))["reference"] == reference
    status, made = await complain(renewed, reference)
    assert (status, made["status"]) == (201, "open")
    other = await service.key(scopes=("complain",))
    path = f"{COMPLAINTS}/{made['complaint_id']}"
    assert (await renewed.get(path, headers=other)).status == 200
    assert (await complain(renewed, reference, **other))[1] == made


async def test_a_rejected_complaint_is_opened_again_for_other_grounds_but_not_for_ever(
    service: Service, hoster: Client
) -> None:
    """A person may have erred, too; who only repeats himself, or goes on, is not heard."""
    await service.knows(1, file(1))
    reference = (await hit(hoster, 1))["reference"]
    complaint_id = (await complain(hoster, reference))[1]["complaint_id"]

    async def said(text: str) -> str:
        body = {"reference": reference, "why": "other_file", "text": text}
        return str((await (await hoster.post(COMPLAINTS, json=body)).json())["status"])

    for at in range(1, MOST_GROUNDS):
        await service.desk.decide(complaint_id, upheld=False, by="anna", reason="seen")
        assert (await complain(hoster, reference))[1]["status"] == "rejected"
        assert await said(f"grounds {at}") == "open"
        assert await said(f"grounds {at + 10}") == "open"  # the first waits: nothing is added
        (waiting,) = await service.desk.complaints(open_only=True)
        assert (waiting.complaint_id, waiting.state.text) == (complaint_id, f"grounds {at}")
        assert len(waiting.state.earlier) == at
    await service.desk.decide(complaint_id, upheld=False, by="anna", reason="seen")
    assert await said("once more") == "rejected"
    assert await service.desk.complaints(open_only=True) == []


async def test_an_upheld_complaint_is_not_opened_again(service: Service, hoster: Client) -> None:
    """There is nothing to complain of."""
    await service.knows(1, file(1))
    reference = (await hit(hoster, 1))["reference"]
    made = (await complain(hoster, reference))[1]
    await service.desk.decide(made["complaint_id"], upheld=True, by="anna", reason="stock")
    body = {"reference": reference, "why": "other", "text": "another"}
    assert (await (await hoster.post(COMPLAINTS, json=body)).json())["status"] == "upheld"


async def test_files_of_a_benign_list_are_no_hit_by_whatever_hash(
    service: Service, hoster: Client
) -> None:
    """Though a person here judged an item with it; the known file counts, not the asked hash."""
    await service.knows(1, file(1, md5=1, length=5000))
    assert (await hit(hoster, 1))["answer"] == "hit"
    await service.lists(file(1), trust=Trust.BENIGN, name="stock")
    assert await hit(hoster, 1) == {"answer": "none"}
    by_md5 = {"entries": [{"md5": f"{1:032x}", "length": 5000}]}
    assert "none" in await (await hoster.post(CHECK, json=by_md5)).text()


async def test_attack_benign_list_silences_no_verdict_of_a_person_here_unseen(
    service: Service, hoster: Client
) -> None:
    """Answered none, and a person looks at the item, once: who has closed the task knows."""
    await service.knows(1, file(1, md5=1, length=5000))
    await service.lists(file(1), trust=Trust.BENIGN, name="stock")
    for _ in range(2):
        assert await hit(hoster, 1) == {"answer": "none"}
    queries = service.store.queries
    silenced = ("own_verdict_silenced", item(1).id)
    assert [one[:2] for one in await queries.tasks()] == [silenced]
    await service.store.writer.run(lambda c: close_task(c, *silenced, service.now))
    service.checking.silenced.clear()  # as after a restart
    assert await hit(hoster, 1) == {"answer": "none"}
    assert await queries.tasks() == []


@pytest.mark.parametrize("by", ["gb-iwf", None], ids=["member", "upheld"])
async def test_nobody_is_asked_of_a_file_that_no_person_here_holds_illegal(
    service: Service, hoster: Client, by: str | None
) -> None:
    """Another member's word is its own, and who upheld a complaint has said so."""
    await service.knows(1, file(1), by=by or US)
    if by is None:
        reference = (await hit(hoster, 1))["reference"]
        complaint_id = (await complain(hoster, reference))[1]["complaint_id"]
        await service.desk.decide(complaint_id, upheld=True, by="anna", reason="stock")
    await service.lists(file(1), trust=Trust.BENIGN, name="stock")
    assert await hit(hoster, 1) == {"answer": "none"}
    codes = {one[0] for one in await service.store.queries.tasks()}
    assert "own_verdict_silenced" not in codes


async def test_a_complaint_is_answered_to_its_own_company_alone(
    service: Service, hoster: Client
) -> None:
    """Neither references nor complaints of others can be found out."""
    await service.knows(1, file(1))
    reference = (await hit(hoster, 1))["reference"]
    other = await service.key(hoster="other")
    assert (await complain(hoster, reference, **other))[1]["code"] == "unknown_reference"
    assert (await complain(hoster, "gb-iwf." + "0" * 26))[0] == 404
    made = (await complain(hoster, reference))[1]
    path = f"{COMPLAINTS}/{made['complaint_id']}"
    refused = await hoster.get(path, headers=other)
    assert refused.status == 404
    assert "hotline" not in await refused.text()  # a company has none of its commands
    strange = await (await hoster.get(path, params={"all": "true"})).json()
    assert (strange["code"], strange["detail"]) == (
        "unknown_parameter",
        "is not a field; none is known here, leave it away",
    )
    assert (await hoster.get(path)).status == 200
    assert (await hoster.get(f"{COMPLAINTS}/a%00b")).status == 404


async def test_a_key_that_only_checks_cannot_complain(
    service: Service, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    """Scopes are for keys that lie on many machines."""
    headers = await service.key(scopes=("check",))
    client = await aiohttp_client(service.app(), headers=headers)
    status, told = await complain(client, "gb-iwf." + "0" * 26)
    assert (status, told["code"], told["field"]) == (403, "scope_missing", "complain")


async def uphold_picture(service: Service) -> None:
    """Ask about a picture, complain of the answer, uphold it."""
    await service.follow()
    await service.key()
    key = await service.only_key()
    (told,) = await service.checking.check(key, [file(pdq=6)])
    assert told.reference is not None
    draft = ComplaintState("pics", key.key_id, Why.NOT_ILLEGAL, None, Hit(file(pdq=6), (), ()))
    complaint_id = event_id(77)
    await service.store.hashchecks.complain(key, told.reference, complaint_id, draft, service.now)
    await service.desk.decide(complaint_id, upheld=True, by="anna", reason="stock")
    (again,) = await service.checking.check(key, [file(pdq=6)])
    assert again.answer == "none"


async def test_item_that_is_known_by_its_picture_alone_is_blocked(service: Service) -> None:
    """It has no other hash by which it could be."""
    await service.knows(1, file(pdq=7))
    await uphold_picture(service)


async def test_entry_that_is_a_picture_alone_leaves_its_list(service: Service) -> None:
    """And another of the list, which looks like it, does not."""
    await service.lists(file(pdq=7))
    await service.lists(file(5, pdq=7), name="police", may_share=False)
    await uphold_picture(service)
    lists = await service.store.readers.run(all_lists)
    assert {one.terms.name: one.entries for one in lists} == {"stock": {}, "police": {"a": 1}}


async def test_benign_list_keeps_the_picture(service: Service) -> None:
    """It says the same."""
    await service.lists(file(pdq=7))
    await service.lists(file(pdq=7), name="harmless", trust=Trust.BENIGN)
    await uphold_picture(service)
    lists = await service.store.readers.run(all_lists)
    assert {one.terms.name: one.entries for one in lists} == {"stock": {}, "harmless": {"a": 1}}


async def test_of_what_a_complaint_names_only_that_picture_is_taken_back(service: Service) -> None:
    """Not what has other hashes, nor what a benign list or a member says."""
    await service.lists(file(pdq=7))
    await service.lists(file(5, pdq=7), name="more")
    await service.lists(file(pdq=7), name="harmless", trust=Trust.BENIGN)
    await service.lists(file(pdq=7), name="member/fr-pdc")
    terms = Terms("member/fr-pdc", Provenance.MEMBER)
    await service.store.writer.run(lambda c: keep_terms(c, terms, {}, NOW_MS))
    names = ("stock/1", "more/2", "harmless/3", "member/fr-pdc/4")
    hit = Hit(file(pdq=6), (file(pdq=7),), (*(LIST + name for name in names), event_id(1)))
    await service.store.writer.run(lambda c: retract_pictures(c, FINGERPRINTS, hit, NOW_MS))
    lists = await service.store.readers.run(all_lists)
    stand = {one.terms.name for one in lists if one.entries}
    assert stand == {"more", "harmless", "member/fr-pdc"}
