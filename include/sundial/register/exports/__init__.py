"""The register entry in the words of published standards."""

from __future__ import annotations

from sundial.register.exports.atrs import ATRS
from sundial.register.exports.dutch import DUTCH
from sundial.register.exports.eurocities import EUROCITIES
from sundial.register.exports.omb import OMB
from sundial.register.exports.standard import Standard
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System

STANDARDS: dict[str, Standard] = {"eurocities": EUROCITIES, "dutch": DUTCH, "atrs": ATRS, "omb": OMB}


def unpublished(system: System) -> str | None:
    """Return why a system, with its status in effect, is in no published register; None where it is."""
    if system.status is Lifecycle.REJECTED:
        return "it was rejected"
    if system.example:
        return "it is an example, with generated data"
    return None if system.operated else "the City does not operate it"
