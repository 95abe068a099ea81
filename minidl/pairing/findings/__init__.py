"""What a study shows, as data: nothing here knows how it is printed.

``outcomes`` (what came of each cell) and ``standing`` (how pairings stand on a dataset) are put
into ``tables`` for the statistics; ``plans`` says what a study can show before it is trained,
``findings`` is all of it, ready for a report.
"""

from minidl.pairing.findings.diagnosis import (
    MEASURES,
    CellDiagnosis,
)
from minidl.pairing.findings.findings import (
    Findings,
)
from minidl.pairing.findings.outcomes import (
    Outcome,
)
from minidl.pairing.findings.plans import (
    duration,
    plan,
    status,
)
from minidl.pairing.findings.standing import (
    NaturalHead,
    Row,
    natural,
)
from minidl.pairing.findings.tables import (
    ComparedTable,
    PlannedTable,
    planned_tables,
)

__all__ = [
    "CellDiagnosis",
    "Findings",
    "MEASURES",
    "NaturalHead",
    "Outcome",
    "PlannedTable",
    "Row",
    "ComparedTable",
    "duration",
    "natural",
    "plan",
    "planned_tables",
    "status",
]
