"""The judgements: pure functions from facts to findings. Times are milliseconds UTC.

Thresholds are the network's policy where it has one, otherwise the constants here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity, fine, span
from node.peer.errors import PeerUnreachableError
from protocol.versions import spoken

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from keys.member import Capabilities
    from node.jurisdiction.status import DataAge

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

CLOCK_WARNING_MS = 10_000
CLOCK_CRITICAL_MS = 60_000
"""Signed requests live 60 s (RFC 9421 `created`): beyond that, nobody accepts ours."""
REGISTRY_WARNING_MS = 6 * HOUR_MS
REGISTRY_CRITICAL_MS = 72 * HOUR_MS
SEALING_WARNING_MS = 30 * DAY_MS
EXPIRY_WARNING_MS = 30 * DAY_MS
OUTBOX_WARNING_MS = HOUR_MS
OUTBOX_CRITICAL_MS = DAY_MS
PARKED_WARNING_MS = DAY_MS
"""Lanes overtake each other by minutes: what waits for a day waits for something that was lost."""
DISK_WARNING_BYTES = 2 << 30
DISK_CRITICAL_BYTES = 256 << 20
SHOWN = 5  # so many subjects are named; of the rest only the number


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What this node holds of the registry.

    Attributes:
        verified_ms: when it was last verified against a mirror.
        issued_ms: when its timestamp was signed.
        expires_ms: when the first of its roles expires.
        status: of this member: `active`, `suspended` or `unknown`.
        sealing_not_after_ms: of the newest sealing key that peers see and that lies here, if any.
        keys_match: whether the published keys are those on disk.
        endpoint_matches: whether the published endpoint is the configured one.
        alarms: news of members that are held back: member, code, when it takes effect by itself.
        signed_by_one: roles of the network's holders (`root`, `targets`) that one person signs.
    """

    verified_ms: int
    issued_ms: int
    expires_ms: int
    status: str
    sealing_not_after_ms: int | None
    keys_match: bool
    endpoint_matches: bool = True
    alarms: tuple[tuple[str, str, int | None], ...] = ()
    signed_by_one: tuple[str, ...] = ()


OUTBOX_ATTEMPTS = 8
"""So often is a push tried before a person hears of it: some minutes.

See `node.peer.channels.pacing`.
"""
NOT_HEARD = frozenset({PeerUnreachableError.code, "member_suspended"})
"""With these nobody lacks a key: a node that restarts is down for a while, and what is for a member
that is suspended waits. `check_peers` tells of who does not answer."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One sending channel: what waits, since when, and what stops it.

    `unreceipted` entries were sent and not receipted, after `attempts` in vain.
    """

    peer: str
    lane: str
    waiting: int
    oldest_ms: int | None
    problem: str | None
    stopped: str | None
    unreceipted: int = 0
    attempts: int = 0


def check_clock(offsets_ms: Mapping[str, int], last_event_ms: int | None, now_ms: int) -> Finding:
    """Judge this machine's clock by what others signed, and by our own newest record.

    Args:
        offsets_ms: source -> how far its clock is ahead of ours.
        last_event_ms: when the newest event here was learnt.
        now_ms: this machine's clock.
    """
    if last_event_ms is not None and last_event_ms - now_ms > CLOCK_CRITICAL_MS:
        what = "the newest record here is from the future: the clock was set back"
        return Finding(Severity.CRITICAL, "clock", "clock_back", what, _SET_CLOCK)
    if not offsets_ms:
        what = "no peer could be asked for the time"
        return Finding(Severity.NOTE, "clock", "clock_unknown", what, _SEE_CLOCK)
    middle = sorted(offsets_ms.values())[len(offsets_ms) // 2]
    what = f"this clock is {abs(middle) / 1000:.0f} s {'behind' if middle > 0 else 'ahead of'} "
    what += f"the clocks of {len(offsets_ms)} others"
    if abs(middle) >= CLOCK_CRITICAL_MS:
        return Finding(Severity.CRITICAL, "clock", "clock_wrong", what, _SET_CLOCK)
    if abs(middle) >= CLOCK_WARNING_MS:
        return Finding(Severity.WARNING, "clock", "clock_drifts", what, _SET_CLOCK)
    return fine("clock", f"agrees with {len(offsets_ms)} others")


_SET_CLOCK = "timedatectl set-ntp true, then timedatectl timesync-status"
_SEE_CLOCK = "timedatectl timesync-status"


def check_registry(facts: RegistryFacts | None, now_ms: int) -> list[Finding]:
    """Judge freshness, standing in the network and published keys."""
    if facts is None:
        what = "no registry was ever verified here: nothing can be sent or received"
        mend = "hotline join --root FINGERPRINT --mirror ADDRESS"
        return [Finding(Severity.CRITICAL, "registry", "registry_none", what, mend)]
    findings = [
        *_standing(facts),
        *_freshness(facts, now_ms),
        *_sealing(facts, now_ms),
        *_alarms(facts, now_ms),
        *_keeping(facts),
    ]
    return findings or [fine("registry", f"verified {span(now_ms - facts.verified_ms)} ago")]


def _standing(facts: RegistryFacts) -> list[Finding]:
    if facts.status == "unknown":
        what, mend = "the network does not list this member", "send admission.json to the umbrella"
        return [Finding(Severity.CRITICAL, "registry", "not_admitted", what, mend)]
    if facts.status != "active":
        what = f"this member is {facts.status}: others keep what it sends in quarantine"
        mend = "talk to the umbrella"
        return [Finding(Severity.CRITICAL, "registry", "not_active", what, mend)]
    if not facts.keys_match:
        what = "the keys that the network publishes for this member are not the keys here"
        mend = "restore the right keys_dir; check [member] keys_dir"
        return [Finding(Severity.CRITICAL, "registry", "keys_differ", what, mend)]
    if not facts.endpoint_matches:
        what = "[peer] endpoint is not the one that the network publishes"
        return [Finding(Severity.WARNING, "registry", "endpoint_differs", what, "hotline publish")]
    return []


def _keeping(facts: RegistryFacts) -> list[Finding]:
    if not facts.signed_by_one:
        return []
    what = f"one person alone signs {' and '.join(facts.signed_by_one)} of this network: whoever"
    what += " has that key decides who is a member"
    mend = "in a trial: nothing; else the umbrella follows docs/runbooks/root-ceremony.md"
    return [Finding(Severity.WARNING, "registry", "network_of_one", what, mend)]


def _alarms(facts: RegistryFacts, now_ms: int) -> list[Finding]:
    """What is held back stands here until a person has called the member, or it takes effect."""
    findings = []
    for member, code, until_ms in facts.alarms:
        what = f"{member}: {code}; nothing is sealed to keys that are not trusted yet"
        if until_ms is not None:
            what += f", taken in {span(until_ms - now_ms)} unless the network changes it back"
        mend = f"call {member} and the umbrella by telephone: is the change theirs?"
        findings.append(Finding(Severity.WARNING, "registry", "registry_alarm", what, mend))
    return findings


def _freshness(facts: RegistryFacts, now_ms: int) -> list[Finding]:
    findings = []
    age = now_ms - min(facts.verified_ms, facts.issued_ms)
    what = f"the registry is {span(age)} old"
    if age >= REGISTRY_CRITICAL_MS:
        what += ": no new members or keys are trusted; traffic between known members goes on"
        mend = "check [registry] mirrors; ask the umbrella whether network serve runs"
        findings.append(Finding(Severity.CRITICAL, "registry", "registry_stale", what, mend))
    elif age >= REGISTRY_WARNING_MS:
        mend = "hotline status shows the last attempt; check [registry] mirrors"
        findings.append(Finding(Severity.WARNING, "registry", "registry_old", what, mend))
    left = facts.expires_ms - now_ms
    if left < 0:
        what = "a signature of the registry has expired"
        mend = "ask the umbrella to sign again (network serve does it unattended)"
        findings.append(Finding(Severity.WARNING, "registry", "registry_expired", what, mend))
    return findings


def _sealing(facts: RegistryFacts, now_ms: int) -> list[Finding]:
    if facts.status == "unknown":
        return []
    mend = "bring member.key; hotline publish --rotate"
    if facts.sealing_not_after_ms is None:
        what = "no key lies here that opens what peers seal to this member"
        found = "bring back the backup of keys_dir; if there is none: " + mend
        return [Finding(Severity.CRITICAL, "registry", "sealing_missing", what, found)]
    if facts.sealing_not_after_ms <= now_ms:
        what = "the last published sealing key has expired: peers go on sealing to it"
        return [Finding(Severity.CRITICAL, "registry", "sealing_expired", what, mend)]
    left = facts.sealing_not_after_ms - now_ms
    if left < SEALING_WARNING_MS:
        what = f"the last published sealing key expires in {span(left)}"
        return [Finding(Severity.WARNING, "registry", "sealing_expires", what, mend)]
    return []


def check_outbox(channels: Iterable[ChannelFacts], now_ms: int) -> list[Finding]:
    """Judge what waits for other members, and channels that wait for a person."""
    findings = []
    waiting = 0
    for channel in channels:
        waiting += channel.waiting
        name = f"{channel.peer}/{channel.lane}"
        if channel.stopped:
            what = f"the channel {name} is stopped ({channel.stopped}) and waits for a person"
            command = f"hotline resume {channel.peer} {channel.lane}"
            mend = f"docs/operating/tasks.md says how to decide; then {command}"
            findings.append(Finding(Severity.CRITICAL, "outbox", "channel_stopped", what, mend))
            continue
        age = 0 if channel.oldest_ms is None else now_ms - channel.oldest_ms
        tried = channel.attempts >= OUTBOX_ATTEMPTS and channel.problem not in NOT_HEARD
        if channel.unreceipted and tried:
            what = (
                f"{channel.unreceipted} entries were sent to {name}, and no receipt of them counts"
            )
            what += f" (last answer: {channel.problem})" if channel.problem else ""
            mend = f"call {channel.peer}: its doctor and hotline keys status say what it lacks"
            found = Finding(Severity.WARNING, "outbox", "outbox_unreceipted", what, mend)
            findings.append(found)
        if age < OUTBOX_WARNING_MS:
            continue
        severity = Severity.CRITICAL if age >= OUTBOX_CRITICAL_MS else Severity.WARNING
        what = f"{channel.waiting} entries wait for {name}, the oldest for {span(age)}"
        what += f" (last answer: {channel.problem})" if channel.problem else ""
        mend = f"hotline peers; call {channel.peer} if it does not answer"
        findings.append(Finding(severity, "outbox", "outbox_old", what, mend))
    return findings or [fine("outbox", f"{waiting} entries wait, none of them for long")]


def check_parked(count: int, oldest_ms: int | None, now_ms: int) -> Finding:
    """Judge entries that speak of an item that never came."""
    age = 0 if oldest_ms is None else now_ms - oldest_ms
    if age < PARKED_WARNING_MS:
        return fine("inbox", f"{count} entries wait for their item, none of them for long")
    what = f"{count} entries wait for an item that was never seen, the oldest for {span(age)}"
    mend = "hotline verify names them; ask their sender whether it sent the item"
    return Finding(Severity.WARNING, "inbox", "parked_old", what, mend)


def check_unknown(count: int) -> Finding:
    """Judge entries that a newer program sent and this one cannot read."""
    if not count:
        return fine("inbox", "every entry is of a kind and version that this program knows")
    what = f"{count} entries are of a kind or version that this program does not know"
    mend = "upgrade: they are kept, and judged by themselves as soon as the program knows them"
    return Finding(Severity.WARNING, "inbox", "entries_unknown", what, mend)


def check_spoken(listed: Capabilities) -> Finding:
    """Judge whether our member document says what this program reads."""
    ours = spoken()
    if (set(listed.versions), set(listed.kinds)) == (set(ours.versions), set(ours.kinds)):
        return fine("versions", "the member document lists what this program reads")
    what = "the member document lists other versions or kinds than this program reads"
    mend = "hotline publish (bring member.key); until then peers write in the older form"
    return Finding(Severity.WARNING, "versions", "capabilities_differ", what, mend)


def check_tasks(tasks: Sequence[tuple[str, str, int]], now_ms: int) -> list[Finding]:
    """Name what waits for a person: (code, subject, opened_ms)."""
    if not tasks:
        return [fine("tasks", "nothing waits for a person")]
    by_code: dict[str, list[tuple[str, int]]] = {}
    for code, subject, opened_ms in tasks:
        by_code.setdefault(code, []).append((subject, opened_ms))
    return [_task_finding(code, found, now_ms) for code, found in sorted(by_code.items())]


def _task_finding(code: str, found: list[tuple[str, int]], now_ms: int) -> Finding:
    oldest = now_ms - min(opened_ms for _, opened_ms in found)
    subjects = ", ".join(subject for subject, _ in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    what = f"{len(found)} open since up to {span(oldest)}: {subjects}{more}"
    mend = f"docs/operating/tasks.md, task {code}; then hotline tasks close"
    return Finding(Severity.WARNING, "tasks", code, what, mend)


def check_disk(free_bytes: int, name: str, floor_bytes: int = 0) -> Finding:
    """Judge the free space of one place; below `floor_bytes` the node takes nothing of others."""
    what = f"{free_bytes / (1 << 30):.1f} GiB free for {name}"
    mend = f"free space on the file system of {name}"
    if free_bytes < floor_bytes:
        what += ", less than [peer] disk_floor_mib: nothing of other members is taken"
    if free_bytes < max(DISK_CRITICAL_BYTES, floor_bytes):
        return Finding(Severity.CRITICAL, "disk", "disk_full", what, mend)
    low = free_bytes < DISK_WARNING_BYTES
    return Finding(Severity.WARNING, "disk", "disk_low", what, mend) if low else fine("disk", what)


def check_data(
    ages: Sequence[DataAge],
    damaged: Iterable[str],
    *,
    silent: Iterable[str] = (),
    documentation_ranges: bool,
    copies: Iterable[tuple[str, str]] = (),
    idle: Iterable[tuple[str, int]] = (),
) -> list[Finding]:
    """Judge the country databases by their build dates, and by what can be read of them.

    `copies` are files that are a voter's own under another name; `idle` are lists with so many
    entries that need an ASN database where none is.
    """
    findings = []
    for name, first in copies:
        what = f"{name} is the same file as {first}: it votes once"
        mend = f"take {name} out of [[jurisdiction.databases]], or put another maker's there"
        findings.append(Finding(Severity.WARNING, "data", "data_twice", what, mend))
    for name, count in idle:
        what = f"{name}: {count} asn entries match nothing, since there is no ASN database"
        mend = "set [jurisdiction] asn_database"
        findings.append(Finding(Severity.WARNING, "data", "data_no_networks", what, mend))
    for name in damaged:
        what = f"{name} holds records that cannot be read: it does not vote there"
        mend = f"get the file for {name} again and set its sha256"
        findings.append(Finding(Severity.CRITICAL, "data", "data_damaged", what, mend))
    for name in silent:
        what = f"{name} names no country anywhere: it never votes"
        mend = f"put a database of countries in the place of {name}, or take it out"
        findings.append(Finding(Severity.CRITICAL, "data", "data_silent", what, mend))
    if documentation_ranges:
        what = "documentation addresses are taken for real ones"
        mend = "remove [jurisdiction] allow_documentation_ranges outside trials"
        findings.append(Finding(Severity.NOTE, "data", "documentation_ranges", what, mend))
    if not ages:
        what = "no country database: every item stays with its finder"
        mend = "add [[jurisdiction.databases]]"
        findings.append(Finding(Severity.CRITICAL, "data", "data_none", what, mend))
    for age in ages:
        mend = f"get a newer file for {age.name} and set its sha256"
        if age.verdict == "from_future":
            what = f"{age.name} says that it was built in the future"
            findings.append(Finding(Severity.WARNING, "data", "data_future", what, mend))
        elif age.verdict == "old":
            what = f"{age.name} is {age.age_days} days old"
            findings.append(Finding(Severity.WARNING, "data", "data_old", what, mend))
    return findings or [fine("data", f"{len(ages)} country databases are fresh")]


def check_recovering(us: str, members: Collection[str], *, here: bool) -> list[Finding]:
    """Judge who comes back after a loss: `members` say so in their documents; `here`: we do."""
    findings = [
        Finding(
            Severity.NOTE,
            "recovery",
            "member_recovers",
            f"{member} says that it lost its node, and gets back what it had said",
            "hotline recover status; telephone it before you allow anything",
        )
        for member in sorted(set(members) - {us})
    ]
    if here:
        what = "this node recovers: it takes nothing in and says nothing"
        mend = "hotline recover status; when all is back, hotline recover finish"
        findings.append(Finding(Severity.WARNING, "recovery", "recovering", what, mend))
    return findings


def check_pulling(us: str, hidden: Collection[str]) -> list[Finding]:
    """Judge who cannot be called: `hidden` are members that publish no endpoint; they pull."""
    others = sorted(set(hidden) - {us})
    if us in hidden and others:
        what = f"neither this member nor {others[0]} can be called: nothing passes between them"
        mend = "one of them publishes an endpoint: [peer] endpoint, then hotline publish"
        return [Finding(Severity.CRITICAL, "peers", "both_unreachable", what, mend)]
    if us in hidden:
        return [fine("pull", "this member cannot be called: it pulls")]
    return [fine("pull", f"{member} cannot be called: it pulls here") for member in others]


def check_peers(failed: Mapping[str, str], asked: int) -> list[Finding]:
    """Judge who could be reached: member -> code of the failure."""
    findings = [
        Finding(
            Severity.WARNING,
            "peers",
            "peer_unreachable",
            f"{member} cannot be reached ({code})",
            f"call {member}; what is for it waits here and is not lost",
        )
        for member, code in sorted(failed.items())
    ]
    return findings or [fine("peers", f"{asked} of {asked} members answer")]
