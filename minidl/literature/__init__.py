"""Published claims as small studies with rules that were set before looking.

A claim is a decorated function in a file by subject: it measures, its rule judges. ``statements``
has what all share, ``trials`` trains networks for those that compare.
"""

from minidl.literature.statements import Bound as Bound
from minidl.literature.statements import Claim as Claim
from minidl.literature.statements import Finding as Finding
from minidl.literature.statements import Source as Source
from minidl.literature.statements import claim as claim
from minidl.literature.statements import claims as claims

# In the order in which they are told: importing a file registers its claims.
from minidl.literature import fresh as fresh
from minidl.literature import depth as depth
from minidl.literature import heads as heads
from minidl.literature import outliers as outliers
from minidl.literature import labels as labels
from minidl.literature import comparing as comparing
