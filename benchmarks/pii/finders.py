"""One finder on the corpus and on long texts; run in an environment of its own by `benchmarks.pii`.

Usage: python finders.py FINDER CORPUS N
"""

from __future__ import annotations

import csv
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Finder = Callable[[Sequence[str]], "list[set[str]]"]

LENGTH = 300
"""Characters of a long text: a sentence of the corpus among others."""
WORDS = ["The crew will", "visit your street", "within ten business days", "and repair", "the light"]


def sundial() -> Finder:
    """Returns the finder of `sundial.sources.pii`."""
    import pyarrow as pa

    from sundial.register.feeds import Text
    from sundial.sources.pii import patterns

    def find(texts: Sequence[str]) -> list[set[str]]:
        _, kinds = patterns(pa.chunked_array([pa.array(texts)]), Text(column="text"))
        return [set(said.split(",")) - {"none"} for said in kinds.to_pylist()]

    return find


def presidio() -> Finder:
    """Returns Presidio's pattern recognisers, called without an NLP engine."""
    from presidio_analyzer import predefined_recognizers as known

    recognisers = {
        "card": known.CreditCardRecognizer(),
        "email": known.EmailRecognizer(),
        "iban": known.IbanRecognizer(),
        "ip": known.IpRecognizer(),
        "itin": known.UsItinRecognizer(),
        "phone": known.PhoneRecognizer(supported_regions=("US",)),
        "ssn": known.UsSsnRecognizer(),
    }

    def kinds(text: str) -> set[str]:
        return {
            kind
            for kind, finder in recognisers.items()
            if any(hit.score >= 0.4 for hit in finder.analyze(text, finder.supported_entities, None))
        }

    return lambda texts: [kinds(text) for text in texts]


def datafog_core() -> Finder:
    """Returns the scan of datafog-core for the kinds that it has of these."""
    from datafog_core import scan

    names = {"CREDIT_CARD": "card", "EMAIL": "email", "IP_ADDRESS": "ip", "PHONE": "phone", "SSN": "ssn"}
    asked = {"entities": list(names)}
    return lambda texts: [{names[hit.entity_type] for hit in scan(text, asked)} for text in texts]


def scrubadub() -> Finder:
    """Returns scrubadub's default detectors for a text from the United States."""
    from scrubadub import Scrubber

    scrubber = Scrubber(locale="en_US")
    names = {"credit_card": "card", "email": "email", "phone": "phone", "social_security_number": "ssn"}
    return lambda texts: [
        {names[hit.type] for hit in scrubber.iter_filth(text) if hit.type in names} for text in texts
    ]


def main() -> None:
    """Prints the figures of one finder as a line of JSON."""
    name, corpus, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.process_time()
    find: Finder = {f.__name__: f for f in (sundial, presidio, datafog_core, scrubadub)}[name]()
    imports = time.process_time() - start
    with Path(corpus).open(encoding="utf-8", newline="") as file:
        rows = [(set(row["kinds"].split(",")) - {"none"}, row["text"]) for row in csv.DictReader(file)]
    found = find([text for _, text in rows])
    texts = list(_long(rows, n))
    start = time.process_time()
    find(texts)
    took = time.process_time() - start
    told = {
        "found": sum(len(kinds & hits) for (kinds, _), hits in zip(rows, found, strict=True)),
        "there": sum(len(kinds) for kinds, _ in rows),
        "look_alikes_hit": sum(bool(hits) for (kinds, _), hits in zip(rows, found, strict=True) if not kinds),
        "look_alikes": sum(not kinds for kinds, _ in rows),
        "numbers_hit": {
            what: sum(map(bool, find([make() for _ in range(500)]))) / 500
            for what, make in _numbers().items()
        },
        "cpu_s_per_100k": took / n * 100_000,
        "imports_cpu_s": imports,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(told))


def _long(rows: Sequence[tuple[set[str], str]], n: int) -> Sequence[str]:
    """Returns texts of which one in twenty has something in it."""
    draw = random.Random(1)  # noqa: S311 - texts, no secrets
    with_some, without = ([text for kinds, text in rows if bool(kinds) is some] for some in (True, False))
    texts = []
    for _ in range(n):
        parts = [draw.choice(without), *([draw.choice(with_some)] if draw.random() < 0.05 else [])]
        while sum(map(len, parts)) + len(parts) < LENGTH:
            parts.append(" ".join(draw.choices(WORDS, k=3)) + ".")
        draw.shuffle(parts)
        texts.append(" ".join(parts))
    return texts


def _numbers() -> dict[str, Callable[[], str]]:
    """Returns sentences with a number that is nobody's, by what the number is."""
    draw = random.Random(2)  # noqa: S311 - numbers, no secrets

    def digits(n: int) -> str:
        return "".join(draw.choices("0123456789", k=n))

    return {
        "8 digits": lambda: f"Request {digits(8)} was closed.",
        "9 digits": lambda: f"Ticket {digits(9)} is open.",
        "10 digits": lambda: f"Ticket {digits(10)} is open.",
        "16 digits": lambda: f"Tracking number {digits(16)}.",
        "coordinates": lambda: f"at 37.{digits(8)}, -121.{digits(8)}",
        "path of a page": lambda: f"https://city.example.gov/a/{digits(10)}?b={digits(10)}",
        "date and time": lambda: (
            f"20{digits(2)}-0{draw.randint(1, 9)}-1{digits(1)} 1{digits(1)}:3{digits(1)}"
        ),
        "parcel": lambda: f"Parcel {digits(3)}-{digits(2)}-{digits(3)}",
        "version of four parts": lambda: f"build {draw.randint(1, 30)}.{draw.randint(0, 30)}.{digits(2)}.7",
    }


if __name__ == "__main__":
    main()
