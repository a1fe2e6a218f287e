"""Patterns of personal data in a column of texts: which kinds a text has, and never where or what.

A shape, which RE2 finds in linear time, only says where to look. A library then decides: libphonenumber's
matcher for phone numbers, python-stdnum for numbers with check digits or ranges, email-validator, and
Python's own for addresses of the internet. `docs/privacy.md` says why these, and what they cannot tell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email
from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher, format_number
from stdnum import iban, luhn
from stdnum.us import itin, ssn

from sundial.register.feeds import PiiKind, Text

NOTHING = "none"
"""Kinds of a text without any."""

_REGION = "US"
# Where a number without a country is dialled.

_AT_ONCE = 2**13
# Texts that have copies in memory while they are read.

_TAX_NUMBER = r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}"

_SHAPES: Mapping[PiiKind, str] = {
    # The beginnings and lengths of Visa, Mastercard, American Express, Diners Club, JCB and Discover.
    "card": r"(?:3[0-9]|4[0-9]|5[1-5]|2[2-7]|6[05])[0-9](?:[ -]?[0-9]){11,13}",
    "email": r"[^\s<>()\[\]\"',;:/@]{1,64}@[\w.-]{1,253}\.[^\W\d_]{2,63}",
    "iban": r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}",
    "ip": r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}",
    "itin": _TAX_NUMBER,
    "ssn": _TAX_NUMBER,
}
_HINTS: Mapping[PiiKind, str] = {
    **_SHAPES,
    "email": "@",
    # Digits in groups, or a country: ten digits in a row are as often the number of a request.
    "phone": r"\+|[0-9]{3}[-.)/ ]{1,3}[0-9]{3}[-./ ]{1,3}[0-9]{4}",
}
"""What a text must have to be looked at again."""

_PLACES = {
    # Not a part of a longer number, word or path; mail may stand right beside anything.
    kind: re.compile(shape if kind == "email" else rf"(?<![\w.])(?<!\w-)(?:{shape})(?!\w)(?!-\w)(?!\.[0-9])")
    for kind, shape in _SHAPES.items()
}


def patterns(texts: pa.ChunkedArray, wanted: Text) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Returns whether each text has a pattern of personal data, and of which kinds.

    Args:
        texts: strings.
        wanted: which kinds and which values do not count.

    Returns:
        1 or 0 as int8; and the kinds in alphabetical order with commas between them, `none` where there are
        none. Both null where the text is missing. Memory beside them does not grow with the column.
    """
    pieces = [_kinds_of(texts.slice(start, _AT_ONCE), wanted) for start in range(0, len(texts), _AT_ONCE)]
    kinds = pa.chunked_array(pieces, pa.string())
    return pc.not_equal(kinds, NOTHING).cast(pa.int8()), kinds


def _kinds_of(texts: pa.ChunkedArray, wanted: Text) -> pa.Array:
    plain = _plain(texts.combine_chunks())
    found: dict[int, list[str]] = {}
    for kind in sorted({*get_args(PiiKind)} - {*wanted.allowed}):
        hinted = pc.fill_null(pc.match_substring_regex(plain, _HINTS[kind]), False)
        for place in np.flatnonzero(hinted.to_numpy(zero_copy_only=False)).tolist():
            if _has(kind, plain[place].as_py(), wanted):
                found.setdefault(place, []).append(kind)
    there = plain.is_valid().to_pylist()
    said = [",".join(found.get(place, [NOTHING])) if text else None for place, text in enumerate(there)]
    return pa.array(said, pa.string())


def _plain(texts: pa.Array) -> pa.Array:
    """Returns the texts with one sign for each that looks alike, and without those that nobody sees."""
    # Large: signs that stand for many may bring a piece beyond what offsets of 32 bits reach.
    plain = pc.utf8_normalize(texts.cast(pa.large_string()), form="NFKC")
    plain = pc.replace_substring_regex(plain, r"\p{Cf}", "")
    plain = pc.replace_substring_regex(plain, r"[\x{2014}\x{2015}]", " ")  # dashes between words
    return pc.replace_substring_regex(plain, r"[\p{Pd}\x{2212}]", "-")


def _has(kind: PiiKind, text: str, wanted: Text) -> bool:
    if kind == "phone":
        return any(number not in _published(wanted) for number in _phones(text))
    if kind == "email":
        return any(not _ours(domain, wanted) for domain in _domains(text))
    return any(_VALID[kind](value) for value in _PLACES[kind].findall(text))


def _phones(text: str) -> Iterator[str]:
    """Yields each phone number in a text as + and digits, the country's first."""
    for match in PhoneNumberMatcher(text, _REGION, leniency=Leniency.STRICT_GROUPING):
        if not match.raw_string.isdecimal():
            yield format_number(match.number, PhoneNumberFormat.E164)


def _published(wanted: Text) -> frozenset[str]:
    plain = (re.sub(r"[^0-9+]", "", phone) for phone in wanted.phones)
    return frozenset(phone if phone[0] == "+" else f"+1{phone[-10:]}" for phone in plain)


def _domains(text: str) -> Iterator[str]:
    """Yields the domain of each e-mail address in a text."""
    for address in _PLACES["email"].findall(text):
        try:
            yield validate_email(address, check_deliverability=False).ascii_domain.lower()
        except EmailNotValidError:
            continue


def _ours(domain: str, wanted: Text) -> bool:
    return any(f".{domain}".endswith(f".{ours.lower()}") for ours in wanted.email_domains)


def _is_card(value: str) -> bool:
    return bool(luhn.is_valid(re.sub("[ -]", "", value)))


def _is_iban(value: str) -> bool:
    """Returns whether the value is an IBAN, or one with words in large letters after it."""
    groups = value.split(" ")
    return any(iban.is_valid("".join(groups[:n])) for n in range(1, len(groups) + 1))


def _is_public_address(value: str) -> bool:
    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False


_VALID: Mapping[PiiKind, Callable[[str], bool]] = {
    "card": _is_card,
    "iban": _is_iban,
    "ip": _is_public_address,
    "itin": lambda value: bool(itin.is_valid(value)),
    "ssn": lambda value: bool(ssn.is_valid(value.replace(" ", "-"))),
}
