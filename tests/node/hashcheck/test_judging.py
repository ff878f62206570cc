"""What is answered for one entry: every way in which it is not a hit."""

from __future__ import annotations

from itertools import product

import pytest

from node.hashcheck.contract import NETWORK, OWN
from node.hashcheck.judging import BLURRED, Answer, Blur, Rules, judge
from node.hashcheck.seam import Finding
from node.matching.contents import PDQ_NEAR, Likeness, compare
from protocol.facts import Content
from tests.builders.cases import file

BLUR = Blur(bytes(32))
RULES = Rules((OWN,), 100, frozenset(), BLUR)
ASKED = file(1, md5=1, length=5000)


def found(likeness: Likeness = Likeness.SAME, **more: object) -> Finding:
    """Return what was found."""
    made = Finding(OWN, likeness, "gb-iwf.x", content=file(1, md5=1))
    return made._replace(**more)  # type: ignore[arg-type]


def answer(
    *some: Finding, asked: Content = ASKED, blocked: tuple[Content, ...] = (), rules: Rules = RULES
) -> Answer:
    """Return the answer alone."""
    return judge(asked, some, blocked, rules).answer


def test_the_same_file_by_a_word_that_counts_is_a_hit() -> None:
    """All else is less."""
    assert answer(found()) is Answer.HIT
    assert answer() is Answer.NONE


@pytest.mark.parametrize("likeness", [Likeness.PERHAPS, Likeness.NEAR])
def test_what_only_may_be_the_file_is_for_a_person(likeness: Likeness) -> None:
    """One MD5 alone, or a picture that looks alike, blocks nobody's upload."""
    assert answer(found(likeness)) is Answer.REVIEW


def test_a_disputed_word_is_for_a_person() -> None:
    """Another, undisputed, makes it a hit all the same."""
    assert answer(found(sure=False)) is Answer.REVIEW
    assert answer(found(sure=False), found()) is Answer.HIT


def test_what_the_contract_does_not_name_is_not_told() -> None:
    """Police lists must not reach commercial hosters unless that was agreed."""
    assert answer(found(source=NETWORK)) is Answer.NONE
    assert answer(found(source="list:police"), found(Likeness.NEAR)) is Answer.REVIEW


def test_a_small_file_is_never_a_hit() -> None:
    """Blank pixels stand in lists; the length that was asked tells it, or the one that is known."""
    assert answer(found(), asked=file(1, length=99)) is Answer.REVIEW
    assert answer(found(), asked=file(1, length=100)) is Answer.HIT
    assert answer(found(), asked=file(1)) is Answer.HIT
    assert answer(found(content=file(1, length=99)), asked=file(1)) is Answer.REVIEW
    assert answer(found(content=file(1, length=99)), found(), asked=file(1)) is Answer.REVIEW
    assert answer(found(content=file(1, length=100)), asked=file(1)) is Answer.HIT
    assert answer(found(), found(Likeness.PERHAPS, content=file(md5=1, length=99))) is Answer.HIT


def test_what_is_allowed_is_none() -> None:
    """By the SHA-256 that was asked, or that of the content that is known."""
    rules = RULES._replace(allowed=frozenset({file(1).sha256 or b""}))
    assert answer(found(), rules=rules) is Answer.NONE
    assert answer(found(), asked=file(md5=1), rules=rules) is Answer.NONE
    assert answer(found(content=None), asked=file(1), rules=rules) is Answer.NONE
    assert answer(found(content=file(2)), asked=file(2), rules=rules) is Answer.HIT


def test_what_is_blocked_is_none() -> None:
    """What was asked, or what is known; a file that only shares a weak hash with it is not."""
    assert answer(found(), blocked=(file(1),)) is Answer.NONE
    assert answer(found(content=file(5)), asked=file(md5=3), blocked=(file(5),)) is Answer.NONE
    assert answer(found(content=None), blocked=(file(2, md5=1),)) is Answer.HIT


HARMLESS = file(1, sha1=1, md5=7, length=5000)
ILLEGAL = file(2, sha1=2, md5=7, length=5000)
"""Both are known; somebody made them to have one MD5 and one length. The first was disproved."""


def test_every_question_about_one_of_two_files_with_the_same_weak_hashes() -> None:
    """`none` where it can only be the harmless one, `review` where it may be the other."""
    values: dict[str, list[object]] = {
        name: [None, *{getattr(HARMLESS, name), getattr(ILLEGAL, name)}]
        for name in ("sha256", "sha1", "md5", "length")
    }
    asked_so = [Content(*some) for some in product(*values.values()) if any(some[:3])]  # type: ignore[arg-type]
    assert len(asked_so) == 3 * 3 * 2 * 2 - 2
    for asked in asked_so:
        like = {one: compare(asked, one, pictures=False) for one in (HARMLESS, ILLEGAL)}
        some = [found(how, content=one) for one, how in like.items() if how <= Likeness.PERHAPS]
        told = answer(*some, asked=asked, blocked=(HARMLESS,))
        may_be = like[HARMLESS] <= Likeness.PERHAPS
        ought = {Likeness.SAME: Answer.HIT, Likeness.PERHAPS: Answer.REVIEW}
        wanted = ought.get(like[ILLEGAL], Answer.NONE)
        assert told is (Answer.REVIEW if may_be and wanted is Answer.HIT else wanted), asked


def test_a_harmless_file_stays_none_whatever_looks_like_it() -> None:
    """It was asked by its own hash."""
    near = found(Likeness.NEAR, content=file(9, pdq=3))
    assert answer(near, asked=file(1, pdq=3), blocked=(file(1),)) is Answer.NONE


def test_of_what_is_known_without_its_hashes_nobody_says_that_it_is_another_file() -> None:
    """It may be the one that was disproved."""
    perhaps = found(Likeness.PERHAPS, content=None)
    assert answer(perhaps, asked=file(md5=7), blocked=(HARMLESS,)) is Answer.NONE


def test_known_picture_without_other_hashes_is_blocked_by_exactly_its_hash() -> None:
    """Others that look like the question count as before."""
    alone = file(pdq=3)
    near = found(Likeness.NEAR, content=alone)
    asked = file(9, pdq=3)
    assert answer(near, asked=asked) is Answer.REVIEW
    assert answer(near, asked=asked, blocked=(alone,)) is Answer.NONE
    assert answer(near, asked=asked, blocked=(file(pdq=2),)) is Answer.REVIEW
    assert answer(near, asked=asked, blocked=(file(1, pdq=3),)) is Answer.REVIEW
    other = found(Likeness.NEAR, content=file(pdq=2))
    assert answer(near, other, asked=asked, blocked=(alone,)) is Answer.REVIEW
    named = found(Likeness.NEAR, content=file(1, pdq=3))
    assert answer(named, asked=asked, blocked=(alone,)) is Answer.REVIEW


def test_the_end_of_what_is_near_is_another_for_each_hash() -> None:
    """And the same for the same hash: asking twice teaches nothing."""
    limits = [BLUR.limit(n.to_bytes(32, "big")) for n in range(2000)]
    assert limits == [BLUR.limit(n.to_bytes(32, "big")) for n in range(2000)]
    assert set(limits) == set(range(PDQ_NEAR - BLURRED + 1, PDQ_NEAR + 1))
    other = Blur(b"\1" * 32)
    assert limits != [other.limit(n.to_bytes(32, "big")) for n in range(2000)]


def test_beyond_its_end_nothing_is_near() -> None:
    """The answer is blurred, never the distance told."""
    asked = file(pdq=77)
    limit = BLUR.limit(asked.pdq or b"")
    near = found(Likeness.NEAR, content=file(pdq=78))
    assert answer(near._replace(distance=limit), asked=asked) is Answer.REVIEW
    assert answer(near._replace(distance=limit + 1), asked=asked) is Answer.NONE
