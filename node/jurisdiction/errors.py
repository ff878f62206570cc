"""What can go wrong when a location is read or its country is sought.

    JurisdictionError
    |-- UnlocatableError            the text given is no location (the reporter's mistake)
    |   |-- LocationEmptyError
    |   |-- LocationTooLongError
    |   |-- LocationNotTextError
    |   |-- SchemeMissingError
    |   |-- SchemeDefangedError
    |   |-- SchemeUnsupportedError
    |   |-- UrlMalformedError
    |   |-- HostMalformedError
    |   |-- HostNotPublicError
    |   `-- ServiceMalformedError
    |-- RdapAnswerError             a register's answer is not what it should be (theirs)
    |-- ServerAddressError          a name server is not configured as an address (ours)
    `-- DataFileError               a country database or proxy list cannot be used (ours)

Messages name the field and the mend. They never contain the location itself.
"""

from __future__ import annotations

from typing import ClassVar


class JurisdictionError(Exception):
    """Base of all errors of this room."""

    code: ClassVar[str] = "jurisdiction"
    retryable: ClassVar[bool] = False


class UnlocatableError(JurisdictionError):
    """The text in `field` is not a location that the node can canonicalise."""

    code: ClassVar[str] = "unlocatable"
    mend: ClassVar[str] = "give an absolute http or https URL"

    def __init__(self, field: str = "url") -> None:
        self.field = field
        super().__init__(f"{field}: {self.mend}")


class LocationEmptyError(UnlocatableError):
    """Nothing but blanks."""

    code: ClassVar[str] = "location_empty"
    mend: ClassVar[str] = "is empty; give an absolute URL"


class LocationTooLongError(UnlocatableError):
    """Longer than `locations.MAX_CHARACTERS`, as it is or in its canonical form."""

    code: ClassVar[str] = "location_too_long"
    mend: ClassVar[str] = "is longer than 8192 characters, escapes counted; shorten it"


class LocationNotTextError(UnlocatableError):
    """Contains code points that no UTF-8 text has (lone surrogates)."""

    code: ClassVar[str] = "location_not_text"
    mend: ClassVar[str] = "is not valid text; save the file as UTF-8"


class SchemeMissingError(UnlocatableError):
    """No `scheme:` in front; which one was meant is not for us to guess."""

    code: ClassVar[str] = "scheme_missing"
    mend: ClassVar[str] = "has no scheme; write http:// or https:// in front"


class SchemeDefangedError(UnlocatableError):
    """`hxxp` and its like: written so that nobody clicks on it."""

    code: ClassVar[str] = "scheme_defanged"
    mend: ClassVar[str] = "is defanged; write http or https instead of hxxp"


class SchemeUnsupportedError(UnlocatableError):
    """A scheme that names no place which can be located."""

    code: ClassVar[str] = "scheme_unsupported"
    mend: ClassVar[str] = "has a scheme that cannot be located; use http, https, ftp, ipfs, ipns"


class UrlMalformedError(UnlocatableError):
    """The WHATWG parser refuses it."""

    code: ClassVar[str] = "url_malformed"
    mend: ClassVar[str] = "is not a valid URL; check host and port"


class HostMalformedError(UnlocatableError):
    """No DNS name can look like this (RFC 1035 section 2.3.4)."""

    code: ClassVar[str] = "host_malformed"
    mend: ClassVar[str] = "has a host that no DNS name can be; check the dots and its length"


class HostNotPublicError(UnlocatableError):
    """A name or an address that only exists inside somebody's own network."""

    code: ClassVar[str] = "host_not_public"
    mend: ClassVar[str] = "has a host that is not on the public internet; check it"


class ServiceMalformedError(UnlocatableError):
    """A service location that lacks its service or its account."""

    code: ClassVar[str] = "service_malformed"
    mend: ClassVar[str] = "is not service:<name>/<account> in UTF-8; name both"


class ServerAddressError(JurisdictionError):
    """A configured name server is not `address`, `v4:port` or `[v6]:port`."""

    code: ClassVar[str] = "server_address"

    def __init__(self, field: str = "servers") -> None:
        self.field = field
        super().__init__(f"{field}: write a name server as 192.0.2.53, 192.0.2.53:53 or [::1]:53")


class RdapAnswerError(JurisdictionError):
    """A register answered with something that is no answer about the address asked about."""

    code: ClassVar[str] = "rdap_answer"


class DataFileError(JurisdictionError):
    """A data file is missing, damaged, or not the one that was configured."""

    code: ClassVar[str] = "data_file"
