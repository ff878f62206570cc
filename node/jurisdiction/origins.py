"""Where content behind a proxy is really hosted: the question to the proxy, with its age.

Rules upheld (rule 6 of docs/glossary.md: `hidden` is nobody's country):

* Each host behind a proxy has one question. A proxy with an interface is asked until it answers,
  less and less often; of any other, people ask by hand, and say here what they were told. The age
  runs from the first time that somebody needed it, also where several proxies hide the host in
  turn, and past `deadline_ms` it is overdue.
* An answer is a list of public addresses; it holds for a time, then the next item that needs it
  asks again. It decides as addresses do, by the vote of the databases on them (`locate`), and it
  is evidence with its date. Special and internal addresses in an answer are passed over.
* An address literal behind a proxy is a host as well: the proxy is asked about it.
* A question that nobody answered in `GIVE_UP_MS` is given up: it waits no more, a person has it,
  and it makes room. Where there is no room, a new host's items look again later.

Pure, and in memory; the store keeps it, `node.asking.origins` asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from node.jurisdiction.addresses import effective

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from node.jurisdiction.addresses import AddressPolicy

FIRST_PAUSE_MS = 60_000
LAST_PAUSE_MS = 12 * 3_600_000
LOOK_AFTER_MS = 30_000
"""How long after a question is due its items are located again."""
MAX_ADDRESSES = 32
MAX_QUESTIONS = 200_000
FORGET_MS = 30 * 86_400_000
GIVE_UP_MS = 30 * 86_400_000
GIVE_UP_TRIES = 20
"""At least, so that a node that was away for a month has asked."""
SELDOM_MS = 12 * 3_600_000
"""When items are located again whose question people ask, or whose answer leads to a proxy."""
DEADLINE_MS = 72 * 3_600_000
"""How old a question may be before its items stand before a person, unless the operator says."""
FULL_PAUSE_MS = 6 * 3_600_000
"""When a host for which there was no room is looked at again."""
PRUNE_EVERY_MS = 60_000


class Question(msgspec.Struct, frozen=True):
    """The question to `provider` where `host` stands.

    `asked_ms` (UTC) is since when it waits, `next_ms` when it is asked (again), `attempts` how
    often it was asked in vain since, `problem` the code of the last failure. Of an answer:
    `addresses`, when it came and until when it holds. `given_up_ms` is when it was left to a
    person. `by_hand`: the proxy has no interface that is configured here, so people ask it;
    `told_by` is the pseudonym of who recorded the answer, which stays at this node.
    """

    host: str
    provider: str
    asked_ms: int
    next_ms: int
    attempts: int = 0
    problem: str | None = None
    addresses: tuple[str, ...] = ()
    answered_ms: int | None = None
    expires_ms: int | None = None
    given_up_ms: int | None = None
    by_hand: bool = False
    told_by: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it is not answered, and still asked."""
        return self.answered_ms is None and self.given_up_ms is None

    def holds(self, now_ms: int) -> bool:
        """Whether there is an answer that holds at `now_ms`."""
        if self.answered_ms is None or self.expires_ms is None:
            return False
        return self.answered_ms <= now_ms < self.expires_ms

    def __repr__(self) -> str:
        """Say how it stands without naming the host."""
        told = "waits" if self.waits else "given up" if self.given_up_ms else "answered"
        return f"<Question to {self.provider}, {told}>"


def public(told: Iterable[str], policy: AddressPolicy) -> tuple[str, ...]:
    """Return the public addresses among what was told, sorted, at most `MAX_ADDRESSES`."""
    found: dict[str, None] = {}
    for raw in told:
        try:
            address = str(effective(raw))
        except ValueError:
            continue
        if policy.refused(address) is None and len(found) < MAX_ADDRESSES:
            found[address] = None
    return tuple(sorted(found))


def answered(
    question: Question, told: Iterable[str], policy: AddressPolicy, now_ms: int, keep_ms: int
) -> Question:
    """Return the question with an answer; without any public address in it, with one more try."""
    found = public(told, policy)
    if not found:
        return failed(question, "no_origin", now_ms)
    return msgspec.structs.replace(
        question,
        addresses=found,
        answered_ms=now_ms,
        expires_ms=now_ms + keep_ms,
        attempts=0,
        problem=None,
        given_up_ms=None,
    )


def failed(question: Question, problem: str, now_ms: int, retry_ms: int | None = None) -> Question:
    """Return the question after it was asked in vain; `retry_ms` (UTC): not before.

    What has been asked for too long is given up; its row in the store ends like an answer's.
    """
    pause_ms = min(FIRST_PAUSE_MS << min(question.attempts, 16), LAST_PAUSE_MS)
    next_ms = max(now_ms + pause_ms, retry_ms or 0)
    tries = question.attempts + 1
    over = tries >= GIVE_UP_TRIES and now_ms - question.asked_ms >= GIVE_UP_MS
    return msgspec.structs.replace(
        question,
        attempts=tries,
        next_ms=next_ms,
        problem=problem,
        given_up_ms=now_ms if over else None,
        expires_ms=now_ms if over else None,
    )


class Origins:
    """All questions at hand.

    Args:
        providers: the proxies that may be asked by themselves; of others, people ask.
        questions: what is kept.
        deadline_ms: how old a question may be before it is overdue.
        capacity: how many hosts have a question at most. When it is reached, those go whose answer
            is over for `FORGET_MS`, and those given up; if there are none, a new host has to wait.
    """

    def __init__(
        self,
        providers: Collection[str],
        questions: Iterable[Question] = (),
        *,
        deadline_ms: int = DEADLINE_MS,
        capacity: int = MAX_QUESTIONS,
    ) -> None:
        self._deadline_ms = deadline_ms
        self._providers = frozenset(providers)
        self._capacity = capacity
        self._pruned_ms = -PRUNE_EVERY_MS
        self._questions: dict[str, Question] = {}
        self._fresh: dict[str, None] = {}
        self.fill(questions)

    def fill(self, questions: Iterable[Question]) -> None:
        """Take over what is kept."""
        self._questions.update((one.host, one) for one in questions)

    def answer(self, host: str, now_ms: int) -> Question | None:
        """Return the question about a host if its answer holds."""
        found = self._questions.get(host)
        return found if found is not None and found.holds(now_ms) else None

    def question(self, host: str) -> Question | None:
        """Return the question about a host, however it stands."""
        return self._questions.get(host)

    def is_overdue(self, question: Question, now_ms: int) -> bool:
        """Whether nobody has answered it in time."""
        past = now_ms - question.asked_ms >= self._deadline_ms
        return question.given_up_ms is not None or (question.waits and past)

    def need(self, host: str, providers: Iterable[str], now_ms: int) -> int | None:
        """Ask where a host stands; return when to locate it again.

        None: nobody is known to ask, or the question is with a person.
        """
        veils = list(providers)
        if not veils:
            return None
        provider = next((one for one in veils if one in self._providers), veils[0])
        found = self._questions.get(host)
        if found is not None and found.provider == provider and _is_left(found, now_ms):
            return None
        over = found is not None and not found.waits and not found.holds(now_ms)
        if found is None or over or found.provider != provider:
            if found is None and not self._has_room(now_ms):
                return now_ms + FULL_PAUSE_MS
            since_ms = found.asked_ms if found is not None and found.waits else now_ms
            found = Question(host, provider, since_ms, now_ms)
        return self._next_look(self._as_asked(found), now_ms)

    def _as_asked(self, question: Question) -> Question:
        """Keep a question as it is asked now, by the node or by hand, if that is new."""
        by_hand = question.provider not in self._providers
        now = msgspec.structs.replace(question, by_hand=by_hand)
        if now != self._questions.get(question.host):
            self.keep(now)
        return now

    def _next_look(self, question: Question, now_ms: int) -> int | None:
        """Return when the items of a question are located again; at its deadline at the latest."""
        waits_by_hand = question.by_hand and question.waits
        if waits_by_hand and now_ms - question.asked_ms >= GIVE_UP_MS:
            left = msgspec.structs.replace(question, given_up_ms=now_ms, expires_ms=now_ms)
            self.keep(left)
            return None
        next_ms = max(question.next_ms, now_ms) + LOOK_AFTER_MS
        if waits_by_hand or _is_answered_in_vain(question, now_ms):
            next_ms = now_ms + SELDOM_MS
        deadline_ms = question.asked_ms + self._deadline_ms
        return min(next_ms, deadline_ms) if now_ms < deadline_ms else next_ms

    def _has_room(self, now_ms: int) -> bool:
        """Return whether one more host may have a question, after forgetting old ones for it."""
        full = len(self._questions) >= self._capacity
        # Looking through all of them for every host would hold up the loop while it stays full.
        if full and not 0 <= now_ms - self._pruned_ms < PRUNE_EVERY_MS:
            self._pruned_ms = now_ms
            self._prune(now_ms - FORGET_MS)
        return len(self._questions) < self._capacity

    def _prune(self, before_ms: int) -> None:
        """Forget what was answered and is over since before `before_ms`, as the store does.

        So is what was given up, if it is kept: the store has it until then, and a person the task.
        """
        old = [
            one.host
            for one in self._questions.values()
            if one.expires_ms is not None
            and (one.expires_ms < before_ms or one.given_up_ms is not None)
            and one.host not in self._fresh
        ]
        for host in old:
            del self._questions[host]

    def due(self, now_ms: int, limit: int) -> list[Question]:
        """Return questions that are to be asked now, the oldest first.

        One that is put off by more than any pause was put off by a clock that was wrong.
        """
        latest = now_ms + 2 * LAST_PAUSE_MS
        waiting = [
            one
            for one in self._questions.values()
            if one.waits and not one.by_hand and not now_ms < one.next_ms <= latest
        ]
        return sorted(waiting, key=lambda one: (one.next_ms, one.host))[:limit]

    def keep(self, question: Question) -> None:
        """Take over what became of a question."""
        self._questions[question.host] = question
        self._fresh[question.host] = None

    def take_fresh(self) -> list[Question]:
        """Return what has changed since the last time, to be kept."""
        fresh, self._fresh = self._fresh, {}
        return [self._questions[host] for host in fresh]

    def give_back(self, questions: Iterable[Question]) -> None:
        """Count as changed again what `take_fresh` returned and could not be kept."""
        self._fresh.update((one.host, None) for one in questions if one.host in self._questions)

    def waiting(self) -> dict[str, int]:
        """Return, for each proxy that may be asked, how many questions wait for its answer."""
        return self._count(dict.fromkeys(self._providers, 0), by_hand=False)

    def by_hand(self) -> dict[str, int]:
        """Return, for each proxy there ever was a question to, how many wait for people to ask."""
        proxies = {one.provider for one in self._questions.values()}
        return self._count(dict.fromkeys(proxies, 0), by_hand=True)

    def _count(self, found: dict[str, int], *, by_hand: bool) -> dict[str, int]:
        for one in self._questions.values():
            if one.waits and one.by_hand is by_hand:
                found[one.provider] = found.get(one.provider, 0) + 1
        return found


def _is_answered_in_vain(question: Question, now_ms: int) -> bool:
    """Whether a host is hidden though there is an answer, that no look can have missed."""
    told_ms = question.answered_ms
    return told_ms is not None and not 0 <= now_ms - told_ms < 2 * LOOK_AFTER_MS


def _is_left(question: Question, now_ms: int) -> bool:
    """Whether a question was given up so lately that it is not asked anew."""
    return question.given_up_ms is not None and 0 <= now_ms - question.given_up_ms < FORGET_MS
