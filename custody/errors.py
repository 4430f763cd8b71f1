"""What can go wrong on a custodian's computer.

CustodyError        what was given can't be used; says in a sentence what to do (the same again never helps)
└── Declined        the person said no, and nothing was signed
"""

from __future__ import annotations


class CustodyError(Exception):
    """What was given can't be used."""


class Declined(CustodyError):
    """The person looked at what would be signed and said no."""
