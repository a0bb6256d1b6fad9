"""Privacy: consent at the door, what gives people away, and releases that promise not to.

* :func:`consented`, :func:`tables_of` - the one door to people's data;
* :func:`k_anonymity`, :func:`l_diversity`, :func:`t_closeness`, :func:`unicity` - how many people
  look alike;
* :mod:`segwork.privacy.attacks` - attacks carried out, beside guessing;
* :func:`release` with a :class:`Ledger` - differential privacy under a budget;
* :func:`judged` - the checks PR-….
"""

from __future__ import annotations

from segwork.privacy import attacks
from segwork.privacy.anonymity import k_anonymity, l_diversity, t_closeness
from segwork.privacy.consent import consented, door, tables_of
from segwork.privacy.judging import Disclosure, judged
from segwork.privacy.ledger import Ledger, ledger_of
from segwork.privacy.releases import available, half_width, release
from segwork.privacy.unicity import purchases, unicity

__all__ = [
    "Disclosure",
    "Ledger",
    "attacks",
    "available",
    "consented",
    "door",
    "half_width",
    "judged",
    "k_anonymity",
    "l_diversity",
    "ledger_of",
    "purchases",
    "release",
    "t_closeness",
    "tables_of",
    "unicity",
]
