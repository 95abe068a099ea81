"""What is shown of an x-ray: what is given, two tables a logit, findings, a legend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from minidl.diagnostics import SLOPE
from minidl.document import Arrays, Block, Bullets, Listing, Page, Paragraph, Section, Span
from minidl.walkthrough.formulas import LEAST_DIGITS, digits_of
from minidl.walkthrough.steps import Array
from minidl.walkthrough.xrays.views import Logit, View

SHOWN_LOGITS = 8
SHOWN_NUMBERS = 48
"""Of an array that is given; a larger one is in the data only."""

BACK_COLUMNS = ("head", "t", "p", "∂L/∂p", "p′(z)", "1/p′(z)", "∂L/∂z")
UPDATE_COLUMNS = ("head", "z", "new z", "p", "new p", "L", "new L")
SATURATED_LEGEND = f"* saturated: p′(z) is at most {SLOPE:.0%} of the steepest that it can be."
LEGEND = (
    "∂L/∂p · p′(z) = ∂L/∂z, but for rounding to the digits shown; n is what the loss averages "
    "over. An update moves all weights of the network: one whose input is x gets the gradient "
    "x · ∂L/∂z, added up over rows, a bias ∂L/∂z. Losses of two heads are numbers of two kinds: "
    "compare what happens to p."
)
SOFTMAX_LEGEND = (
    "Of a softmax, p′(z) is how fast p moves with its own z. Every p of the row moves with it: "
    "∂L/∂z is the sum of ∂L/∂p · ∂p/∂z over all outputs, and nothing is divided by one slope."
)


def xray_page(title: str, optimizer: str, given: Sequence[Array], views: Sequence[View]) -> Page:
    """An x-ray as a page."""
    sections = [Section("Given", [*_given(given)])]
    for i, logit in enumerate(views[0].logits[:SHOWN_LOGITS]):
        place = f"row {logit.row}, output {logit.unit}: z = {_number(logit.z)}"
        seen = [(view, view.logits[i]) for view in views]
        sections += [
            Section(f"The way back, {place}", [_table(BACK_COLUMNS, _back, seen)]),
            Section("One update", [_table(UPDATE_COLUMNS, _after, seen)]),
        ]
    sections.append(Section("What stands between the loss and z", [*_findings(views)]))
    sections.append(Section("", [Paragraph(_legend(views), "note")]))
    lead = f"{title[0].upper()}{title[1:]}, {optimizer}"
    return Page(f"The same network under {len(views)} heads", sections, lead)


def _given(arrays: Sequence[Array]) -> Iterator[Block]:
    """The rows and the parameters that are small enough."""
    small = [array for array in arrays if len(array.values) <= SHOWN_NUMBERS]
    yield Arrays([(array.name, _rows(array)) for array in small])
    if left := [array.name for array in arrays if array not in small]:
        yield Paragraph(f"Too large to be shown: {', '.join(left)}.", "note")


def _rows(array: Array) -> list[list[str]]:
    texts, columns = [*map(_number, array.values)], array.shape[-1] if array.shape else 1
    return [texts[i : i + columns] for i in range(0, len(texts), columns)]


def _table(
    columns: tuple[str, ...],
    row: Callable[[View, Logit], tuple[str, ...]],
    seen: Sequence[tuple[View, Logit]],
) -> Listing:
    return Listing("", columns, [row(*pair) for pair in seen], download=False)


def _findings(views: Sequence[View]) -> Iterator[Block]:
    more = len(views[0].logits) - SHOWN_LOGITS
    if more > 0:
        yield Paragraph(f"{more} more logits are in the data: give fewer rows.", "warning")
    yield Bullets([(Span(view.head, "strong"), f": {view.finding}") for view in views])


def _legend(views: Sequence[View]) -> str:
    """What the columns and marks that are there mean."""
    star = any(logit.saturated for view in views for logit in view.logits[:SHOWN_LOGITS])
    mixed = any(view.mixes for view in views)
    return " ".join([SATURATED_LEGEND] * star + [LEGEND] + [SOFTMAX_LEGEND] * mixed)


def _back(view: View, logit: Logit) -> tuple[str, ...]:
    slope = _number(logit.slope) + " *" * logit.saturated
    weakened = "—" if view.mixes else _number(logit.weakened)
    known = map(_number, (logit.target, logit.prediction, logit.upstream))
    return view.head, *known, slope, weakened, _number(logit.gradient)


def _after(view: View, logit: Logit) -> tuple[str, ...]:
    moved = (logit.z, logit.z_after, logit.prediction, logit.prediction_after)
    return view.head, *map(_number, (*moved, view.loss, view.loss_after))


def _number(value: float) -> str:
    return "∞" if value == float("inf") else digits_of(Decimal(value), LEAST_DIGITS)
