"""The register entry in the words of published standards."""

from __future__ import annotations

from sundial.register.exports.atrs import ATRS
from sundial.register.exports.dutch import DUTCH
from sundial.register.exports.eurocities import EUROCITIES
from sundial.register.exports.omb import OMB
from sundial.register.exports.standard import Standard

STANDARDS: dict[str, Standard] = {"eurocities": EUROCITIES, "dutch": DUTCH, "atrs": ATRS, "omb": OMB}
