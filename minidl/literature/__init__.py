"""Published claims as small studies with rules that were set before looking.

A claim is a decorated function in a file by subject: it measures, its rule judges. ``statements``
has what all share, ``trials`` trains networks for those that compare.
"""

from minidl.literature.statements import Bound, Claim, Finding, Source, claim, claims

# In the order in which they are told: importing a file registers its claims.
from minidl.literature import fresh, depth, heads, outliers, labels, comparing

__all__ = [
    "Bound",
    "Claim",
    "Finding",
    "Source",
    "claim",
    "claims",
    "fresh",
    "depth",
    "heads",
    "outliers",
    "labels",
    "comparing",
]
