"""Country codes as databases write them, read as ISO 3166-1 alpha-2, or not at all.

Databases answer with codes that are no country (EU, AP), that ISO withdrew (AN, CS) or that are
somebody's habit (UK, EL). A code that can only mean one country is read as that; any other is no
answer. XK (Kosovo, user-assigned) is kept: the registry decides who takes it.
"""

from __future__ import annotations

ISO_COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 -- a table reads better than 249 quoted strings
)
COUNTRIES = ISO_COUNTRIES | {"XK"}
_READ_AS = {
    "UK": "GB",
    "EL": "GR",
    "AC": "SH",
    "TA": "SH",
    "DG": "IO",
    "CP": "FR",
    "FX": "FR",
    "EA": "ES",
    "IC": "ES",
    "DD": "DE",
    "TP": "TL",
    "ZR": "CD",
    "BU": "MM",
}


def read_country(code: str | None) -> str | None:
    """Return the country that `code` can only mean; None if it means none or several."""
    if code is None:
        return None
    tidy = code.strip().upper()
    return tidy if tidy in COUNTRIES else _READ_AS.get(tidy)


def country_mend(code: str) -> str | None:
    """Return how to mend a country that a person or program wrote; None: it is right as it is."""
    if code in COUNTRIES:
        return None
    meant = read_country(code)
    return f"write {meant}" if meant else "write a country of ISO 3166-1 alpha-2, such as NL"
