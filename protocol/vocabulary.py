"""The closed lists of words that travel between members (docs/protocol.md §6, docs/glossary.md).

The wire form of a `StrEnum` is its text, of an `IntEnum` its number. A word that is not listed
here is malformed; a new word is a new version of the entry (docs/protocol.md §13).
"""

from enum import IntEnum, StrEnum


class Role(StrEnum):
    """What a member is in the network; a member may have several roles."""

    HOTLINE = "hotline"
    POLICE = "police"
    AGGREGATOR = "aggregator"
    WITNESS = "witness"


class Lane(StrEnum):
    """The three independent channels from one member to another."""

    REPORTS = "reports"
    STATUS = "status"
    BULK = "bulk"


class Kind(IntEnum):
    """What an entry says. 1 to 15 belong to the channel itself, 64 on to its past."""

    EPOCH_OPEN = 1
    REGISTRY_SEEN = 2
    TOMBSTONE = 3
    ITEM = 16
    SIGHTED = 17
    DISPOSITION = 32
    OUTCOME = 33
    WITHDRAWAL = 34
    PEER_MESSAGE = 35
    DISPOSITIONS = 36
    CONTENTS = 48
    CONTENT_VERDICT = 49
    CONTENT_VERDICT_WITHDRAWN = 50
    DISAVOW = 64


class Urgency(IntEnum):
    """Order of the outbox; smaller goes first."""

    CHILD_AT_RISK = 0
    NORMAL = 1
    BULK = 2


class Matter(StrEnum):
    """What a report is about. Only `csam` is routed; the others are counted where they arrived."""

    CSAM = "csam"
    GROOMING = "grooming"
    SEXTORTION = "sextortion"
    SEXUAL_HARASSMENT = "sexual_harassment"
    NUDISM = "nudism"
    ADULT = "adult"
    HATE_SPEECH = "hate_speech"
    TERRORISM = "terrorism"
    SPAM = "spam"
    QUERY = "query"
    OTHER = "other"


class ItemKind(StrEnum):
    """What an item is. A page is an item of its own and never equals its pictures."""

    PAGE = "page"
    IMAGE = "image"
    VIDEO = "video"
    ARCHIVE = "archive"
    LIVE = "live"
    TEXT = "text"


class Source(StrEnum):
    """Who brought a sighting."""

    PUBLIC = "public"
    VICTIM = "victim"
    HELPLINE = "helpline"
    PROACTIVE = "proactive"
    CRAWLER = "crawler"
    PARTNER = "partner"
    POLICE = "police"
    INDUSTRY = "industry"
    PEER = "peer"


class HostingState(StrEnum):
    """What the hosting jurisdiction of an item is known to be."""

    COUNTRY = "country"
    NONE = "none"
    HIDDEN = "hidden"
    DISPUTED = "disputed"
    UNRESOLVED = "unresolved"


class Confidence(StrEnum):
    """How far the evidence of a jurisdiction agrees."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Verdict(StrEnum):
    """One member's judgement of an item."""

    BASELINE = "baseline"
    NATIONAL = "national"
    NOT_ILLEGAL = "not_illegal"
    UNASSESSABLE = "unassessable"


class Action(StrEnum):
    """What was done about an item, or found to have been done."""

    LEA_NOTIFIED = "lea_notified"
    HOST_NOTIFIED = "host_notified"
    HOST_CLAIMED = "host_claimed"
    REMOVED = "removed"
    UNAVAILABLE = "unavailable"
    MOVED = "moved"
    NOT_ILLEGAL = "not_illegal"
    INACCESSIBLE = "inaccessible"
    SEEN_ONLINE = "seen_online"


class Reason(StrEnum):
    """Why an assessment or an action is what it is."""

    NOT_FOUND = "not_found"
    REMOVED_BEFORE_ASSESSMENT = "removed_before_assessment"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    LINK_EXPIRED = "link_expired"
    REFERRER_UNKNOWN = "referrer_unknown"
    PASSWORD = "password"  # noqa: S105 - a reason code, not a password
    PAYWALL = "paywall"
    LOGIN = "login"
    ACCOUNT_DISABLED = "account_disabled"
    GEOBLOCKED = "geoblocked"
    LEGALLY_BARRED = "legally_barred"
    INCOMPLETE_ARCHIVE = "incomplete_archive"
    IMAGE_TOO_SMALL = "image_too_small"
    AGE_UNCLEAR = "age_unclear"
    AGE_OVER_THRESHOLD = "age_over_threshold"
    ADULT = "adult"
    NUDISM = "nudism"
    VIRTUAL = "virtual"
    LINKS_ONLY = "links_only"
    BELOW_THRESHOLD = "below_threshold"
    HOST_REPLIED = "host_replied"
    CHECKED = "checked"
    CORRECTION = "correction"
    ERROR = "error"
    OTHER = "other"


class OutcomeWhat(StrEnum):
    """What became of an item, as told back along the chain."""

    ASSESSED = "assessed"
    ACTED = "acted"
    MOVED = "moved"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    REOPENED = "reopened"
    RESPONSIBLE_CHANGED = "responsible_changed"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class Disposition(StrEnum):
    """The receiver's answer to one entry: how it was judged (docs/protocol.md §10)."""

    # a new item here
    NEW = "new"
    NEW_KNOWN = "new_known"
    NEW_SUGGESTED = "new_suggested"
    NEW_REPLACING = "new_replacing"
    NEW_AGAIN = "new_again"
    # joined to an item that was here
    DUPLICATE = "duplicate"
    LATE_DUPLICATE = "late_duplicate"
    PERHAPS_BACK = "perhaps_back"
    JOINED = "joined"
    JOINED_PERHAPS_BACK = "joined_perhaps_back"
    VARIANT = "variant"
    ALIAS = "alias"
    PLACEHOLDER = "placeholder"
    COUNTED = "counted"
    FORWARDED = "forwarded"
    REVISION = "revision"
    ECHO = "echo"
    FACTS_ADDED = "facts_added"
    # withdrawals
    WITHDRAWN = "withdrawn"
    RESTRICTED = "restricted"
    FOR_A_PERSON = "for_a_person"
    # waiting
    PARKED = "parked"
    QUARANTINED = "quarantined"
    # not accepted as what it claims to be; custody stands all the same
    NOT_HERE = "not_here"
    NOT_PERMITTED = "not_permitted"
    CONFLICT = "conflict"
    MALFORMED = "malformed"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_VERSION = "unknown_version"
