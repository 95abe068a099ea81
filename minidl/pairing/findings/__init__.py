"""What a study shows, as data: nothing here knows how it is printed.

``outcomes`` (what came of each cell) and ``standing`` (how pairings stand on a dataset) are put
into ``tables`` for the statistics; ``plans`` says what a study can show before it is trained,
``findings`` is all of it, ready for a report.
"""

from minidl.pairing.findings.diagnosis import MEASURES as MEASURES
from minidl.pairing.findings.diagnosis import CellDiagnosis as CellDiagnosis
from minidl.pairing.findings.findings import Findings as Findings
from minidl.pairing.findings.outcomes import Outcome as Outcome
from minidl.pairing.findings.plans import duration as duration
from minidl.pairing.findings.plans import plan as plan
from minidl.pairing.findings.plans import status as status
from minidl.pairing.findings.standing import NaturalHead as NaturalHead
from minidl.pairing.findings.standing import Row as Row
from minidl.pairing.findings.standing import natural as natural
from minidl.pairing.findings.tables import ComparedTable as ComparedTable
from minidl.pairing.findings.tables import PlannedTable as PlannedTable
from minidl.pairing.findings.tables import planned_tables as planned_tables
