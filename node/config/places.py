"""The keys about places: where content is hosted, who hosts there, whom to tell."""
# ruff: noqa: RUF009 - `_key` only calls `dataclasses.field`

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.config import values as kinds
from node.config.declaring import key as _key

if TYPE_CHECKING:
    from pathlib import Path

    from node.config.values import DatabaseRef, OriginRef


@dataclass(frozen=True, kw_only=True)
class JurisdictionSection:
    """How the hosting country of a location is found."""

    databases: tuple[DatabaseRef, ...] = _key(
        "Country databases (MMDB) that vote, each with `name`, `path` and the `sha256` it must"
        " have.",
        kinds.DATABASES,
        (),
    )
    proxy_list: Path | None = _key(
        "File of address ranges, networks (ASN) and name suffixes of proxies: content behind them"
        " is `hidden`.",
        kinds.PATH,
        None,
    )
    proxy_list_sha256: str | None = _key(
        "SHA-256 that the proxy list must have.", kinds.SHA256, None
    )
    asn_database: Path | None = _key(
        "Database (MMDB) of the networks (ASN) that announce addresses: evidence, and what `asn`"
        " entries of the proxy list and the watch list are compared with.",
        kinds.PATH,
        None,
    )
    asn_database_sha256: str | None = _key(
        "SHA-256 that the ASN database must have.", kinds.SHA256, None
    )
    watch_list: Path | None = _key(
        "File of leased blocks and watched networks: a place in one loses a step of confidence.",
        kinds.PATH,
        None,
    )
    watch_list_sha256: str | None = _key(
        "SHA-256 that the watch list must have.", kinds.SHA256, None
    )
    anycast_list: Path | None = _key(
        "File of address ranges that are announced from many places at once: a place in one is"
        " `disputed`.",
        kinds.PATH,
        None,
    )
    anycast_list_sha256: str | None = _key(
        "SHA-256 that the anycast list must have.", kinds.SHA256, None
    )
    overrides: Path | None = _key(
        "TOML file of this hotline's own rules and confirmed origins, each with author, reason and"
        " end: they decide over databases and proxies.",
        kinds.PATH,
        None,
    )
    overrides_sha256: str | None = _key(
        "SHA-256 that the file of overrides must have.", kinds.SHA256, None
    )
    resolvers: tuple[str, ...] = _key(
        "DNS servers asked; empty asks those of the operating system.", kinds.RESOLVERS, ()
    )
    dns_timeout_ms: int = _key(
        "How long one DNS question may take.", kinds.integer(50, 60_000), 2000
    )
    absent_looks: int = _key(
        "How often a name that has no address is asked again, half a minute to a quarter of an hour"
        " apart, before its items are put in front of a person.",
        kinds.integer(0, 1000),
        8,
    )
    follow_redirects: bool = _key(
        "Ask the sites of items where they redirect (HEAD, never a body): content stands where the"
        " last hop leads. They see this machine's address.",
        kinds.SWITCH,
        default=False,
    )
    redirect_ports: tuple[int, ...] = _key(
        "Ports that sites are asked at where `follow_redirects` is on. Another one that a URL names"
        " is not connected to.",
        kinds.PORTS,
        (80, 443),
    )
    own_ranges: tuple[str, ...] = _key(
        "Public addresses of this hotline's own network: a redirect, or a reported URL, has nothing"
        " there asked where `follow_redirects` is on.",
        kinds.RANGES,
        (),
    )
    uncertain_hours: int = _key(
        "How long an item whose country is not sure waits for an analyst before it goes where most"
        " says it is, with a flag; 0: for ever.",
        kinds.integer(0, 720),
        24,
    )
    locate_again_hours: int = _key(
        "How old the last look at where an item is hosted may be when a notice, a referral or a"
        " check of it is recorded: an older item is located again; 0: however old.",
        kinds.integer(0, 8760),
        24,
    )
    allow_documentation_ranges: bool = _key(
        "Treat documentation addresses as real ones: only for trials with synthetic data.",
        kinds.SWITCH,
        default=False,
    )
    max_age_days: int = _key(
        "Age at which a country database raises an alarm.", kinds.integer(1, 3650), 45
    )


@dataclass(frozen=True, kw_only=True)
class HostersSection:
    """Who hosts at an address, and whom to tell there."""

    file: Path | None = _key(
        "TOML file of this hotline's own hosters: names, ranges, resellers and contacts, each with"
        " author, reason and end.",
        kinds.PATH,
        None,
    )
    rdap: bool = _key(
        "Ask registers (RDAP) for hoster and abuse contact of addresses. They then see which"
        " address is looked at.",
        kinds.SWITCH,
        default=False,
    )
    rdap_ipv4: Path | None = _key(
        "IANA's bootstrap file for IPv4 (`ipv4.json`): which register knows which range.",
        kinds.PATH,
        None,
    )
    rdap_ipv6: Path | None = _key("The same for IPv6 (`ipv6.json`).", kinds.PATH, None)
    rdap_a_day: int = _key(
        "How many blocks of addresses the node may look up by itself in 24 hours, where `rdap` is"
        " on: those of new items that are here, so that a contact is known when it is needed;"
        " 0: none.",
        kinds.integer(0, 100_000),
        500,
    )
    rdap_servers: tuple[str, ...] = _key(
        "Servers to which a register may redirect, beside those in the bootstrap files.",
        kinds.SERVERS,
        (),
    )
    origins: tuple[OriginRef, ...] = _key(
        "Proxies that may be asked whom they hide, each with `provider` (as in the proxy list),"
        " `url` with `{host}` in it, and `headers`: names to secret references.",
        kinds.ORIGINS,
        (),
    )
    origin_days: int = _key(
        "How long what a proxy said holds before it is asked again.", kinds.integer(1, 365), 7
    )
    origin_hours: int = _key(
        "How long the question where a host behind a proxy stands may wait for an answer before its"
        " items stand before a person.",
        kinds.integer(1, 720),
        72,
    )
    keep_days: int = _key(
        "How long what a register said holds before it is asked again.",
        kinds.integer(1, 365),
        30,
    )
    verify_hours: int = _key(
        "How long people have to verify a contact before `hotline doctor` raises an alarm.",
        kinds.integer(1, 8760),
        72,
    )
