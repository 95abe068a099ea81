"""The sections on what is compared: headlines, scores, who beats whom, what matters, ranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minidl.document import Block, Bullets, Figures, Listing, Paragraph, Shade, Value, number
from minidl.pairing.findings import ComparedTable, Findings, PlannedTable, Row, natural
from minidl.pairing.report import diagrams
from minidl.pairing.report.differences import comparisons_listing, differences_listing
from minidl.pairing.report.section import compared, scored, section
from minidl.pairing.report.wording import (
    CROSS,
    HIGHER,
    LOWER,
    SHOWN_ROWS,
    STAR,
    colour_range,
    mark,
    metric_name,
    score,
    short,
)
from minidl.pairing.statistics import how_many, sentence
from minidl.pairing.study import Pairing

HEADLINES = 6
"""Claims of a task that stand at the top; the others follow on request."""
RANKED_PAIRINGS = 15
"""Pairings that a ranking draws: the first of them."""
MATRIX_PAIRINGS = 16
"""Pairings that a pairwise matrix has room for."""


@section("headlines", 10, "What this study shows")
def headline_blocks(findings: Findings) -> Iterator[Block]:
    """What a study shows in plain words, task by task: claims, then what describes."""
    if findings.missing:
        wanted = how_many(findings.wanted, "trial")
        yield Paragraph(
            f"The study is not complete: {findings.done:,} of {wanted} are there. Only datasets "
            "with all their pairings are compared. Stopping as soon as something is shown would "
            "claim too often: what counts is the whole study."
        )
    if findings.study.fixed_rate:
        yield Paragraph(
            "All networks were trained at one learning rate, which suits some pairings and not "
            "others: differences may be those of the rate."
        )
    for table in findings.tables:
        yield from table_headlines(table)
    for plan in findings.planned:
        if findings.table(plan.task) is None:
            why = "no dataset is complete" if len(plan.pairings) > 1 else "there is one pairing"
            yield Paragraph(f"{plan.task.capitalize()}: nothing is compared yet, as {why}.")


def table_headlines(table: ComparedTable) -> Iterator[Block]:
    """A task in words: what is compared, what is shown, and what describes besides."""
    scores, shown = table.scores, table.headlines
    against = "all with all" if table.reference is None else f"each with {table.reference}"
    differ = table.higher + table.lower
    yield Paragraph(
        f"{table.task.capitalize() or 'Scores'}: {len(scores.pairings)} pairings on "
        f"{how_many(len(scores.datasets), 'dataset')} of "
        f"{how_many(table.ranks.families, 'family')}, compared {against}. "
        f"{differ} of {how_many(len(table.comparisons), 'comparison')} "
        f"{'shows' if differ == 1 else 'show'} a difference."
    )
    yield Bullets(shown[:HEADLINES])
    if len(shown) > HEADLINES:
        rest = [(text,) for text in shown[HEADLINES:]]
        yield Listing(f"{len(rest)} more", ("what is shown",), rest, folded=True)
    about = ["What is shown on a dataset holds for other splits and starts of the same rows."]
    single = any(c.shown and c.dataset for c in table.comparisons)
    yield Bullets([*about * single, sentence(table.ranks), *_matter(table)])


def _matter(table: ComparedTable) -> Iterator[str]:
    """How much pairing matters, of ranks on a dataset in a repetition.

    One dataset cannot tell what is so everywhere, one repetition not what is split and start.
    """
    if table.scores.repetitions == 1:
        return
    shares = {share.source: share.share for share in table.rank_shares}
    main = shares["activation"] + shares["loss"]
    together = f"{100 * shares['activation × loss']:.0f} % how the two go together"
    if len(table.scores.datasets) > 1:
        by_dataset = sum(share for source, share in shares.items() if "× dataset" in source)
        together += f" everywhere, {100 * by_dataset:.0f} % depends on the dataset"
    yield (
        f"Of how ranks within a dataset vary, {100 * main:.0f} % is hidden activation or head by "
        f"itself, {together}, and {100 * shares['left over']:.0f} % is split and start."
    )


# ------------------------------------------------------------------------------------ scores


@section("scores", 30, "Scores of every pairing on every dataset", scored)
def score_blocks(findings: Findings) -> Iterator[Block]:
    """Pairing × dataset, one table a task."""
    yield Paragraph(
        "Mean test scores over repetitions; a failure counts as the worst score of its dataset, "
        "or 0. The stronger the colour, the nearer to the best of the column; bold: the highest "
        f"mean. {STAR} a head that textbooks recommend for the task, {CROSS} failed repetitions."
    )
    for plan in findings.planned:
        yield from heat_listings(findings, plan)


def heat_listings(findings: Findings, plan: PlannedTable) -> Iterator[Listing]:
    """The scores of a task, pairings from best to worst mean rank; a long table's end is folded."""
    names = [name for name in plan.datasets if findings.standings.get(name)]
    if not names:
        return
    table = findings.table(plan.task)
    by_pairing = {name: {row.pairing: row for row in findings.standings[name]} for name in names}
    rows: list[tuple[Value, ...]] = []
    raw: list[tuple[Value, ...]] = []
    for pairing in order(findings, plan):
        cells = [by_pairing[name].get(pairing) for name in names]
        if any(cells):
            verdicts = [table.verdict(pairing.name, name) if table else 0 for name in names]
            shades = [
                _shade(cell, findings.standings[name], verdict)
                for cell, name, verdict in zip(cells, names, verdicts, strict=True)
            ]
            rows.append((_name(pairing, plan), _over(table, pairing), *shades))
            raw.append(
                (pairing.name, _over(table, pairing), *(c.mean if c else None for c in cells))
            )
    metrics = [f"{name} ({metric_name(findings.data[name].metric)})" for name in names]
    columns = ("pairing", "mean rank", *metrics)
    title = f"{plan.task}: scores"
    full = Listing(title, columns, raw)
    yield Listing(title, columns, rows[:SHOWN_ROWS], _note(table, plan), full=full)
    if rest := rows[SHOWN_ROWS:]:
        yield Listing(f"{title}, the other {len(rest)}", columns, rest, folded=True, full=full)


def order(findings: Findings, plan: PlannedTable) -> list[Pairing]:
    """Pairings by mean rank over families, or over the datasets there are; those apart last."""
    table = findings.table(plan.task)
    ranks: dict[Pairing, list[int]] = {p: [] for p in (*plan.pairings, *plan.apart)}
    for name in plan.datasets:
        for row in findings.standings.get(name, []):
            ranks[row.pairing].append(row.rank)
    means = {p: float(np.mean(numbers)) if numbers else np.inf for p, numbers in ranks.items()}
    if table is not None:
        over = zip(plan.pairings, table.ranks.mean_ranks.tolist(), strict=True)
        means |= dict(over)
    return sorted(means, key=lambda pairing: (pairing in plan.apart, means[pairing]))


def _name(pairing: Pairing, plan: PlannedTable) -> str:
    star = f" {STAR}" if natural(pairing.head, plan.task) else ""
    return f"{short(pairing.name)}{star}" + (" (reference)" if pairing == plan.reference else "")


def _over(table: ComparedTable | None, pairing: Pairing) -> Value:
    """The mean rank, with a mark where a difference from the reference is shown over families."""
    if table is None or pairing.name not in table.scores.pairings:
        return None
    rank = table.ranks.mean_ranks[table.scores.index(pairing.name)]
    return Shade(f"{rank:.1f}", sign=mark(table.verdict(pairing.name)))


def _shade(row: Row | None, column: Sequence[Row], verdict: int) -> Value:
    if row is None:
        return None
    low, best = colour_range([other.mean for other in column])
    shade = np.clip((row.mean - low) / (best - low), 0, 1) if best > low else 1.0
    signs = mark(verdict) + CROSS * bool(row.failures)
    return Shade(score(row.mean, 3), float(shade), signs, row.mean == best)


def _note(table: ComparedTable | None, plan: PlannedTable) -> str:
    apart = (
        f" Pairings that are not sound on every dataset come last, and are compared with none: "
        f"{len(plan.apart)}."
    ) * bool(plan.apart)
    if table is None:
        return f"Nothing is compared yet.{apart}"
    on_datasets = table.design.scope == "datasets"
    if table.reference is None:
        where = "the findings at the top" if on_datasets else "the pairwise matrix"
        return f"What differs is said by {where}.{apart}"
    where = "over dataset families, beside the mean rank"
    if on_datasets:
        where = "on a dataset, beside the score"
    return (
        f"{HIGHER} shown to score higher than the reference {where}, {LOWER} lower; without a mark "
        f"no difference is shown.{apart}"
    )


# ----------------------------------------------------------------------------- who beats whom


@section("pairwise", 40, "Who beats whom", compared)
def pairwise_blocks(findings: Findings) -> Iterator[Block]:
    """Who beats whom: a matrix and a critical-difference diagram a task."""
    yield Paragraph(
        "Numbers count dataset families in which the row's pairing has the higher mean and the "
        f"lower one. They describe; only {HIGHER} and {LOWER} mark differences that a planned and "
        "corrected test shows. In the diagram a bar joins pairings that are not shown to differ."
    )
    for table in findings.tables:
        yield matrix_listing(table)
        yield _diagram(table)
        yield comparisons_listing(table)
        if table.differences:
            yield differences_listing(table)


def matrix_listing(table: ComparedTable) -> Listing:
    """Wins and losses of the foremost pairings and the reference; of all in the data."""
    matrix = table.matrix
    by_rank = np.argsort(table.ranks.mean_ranks, kind="stable").tolist()
    some = by_rank[:MATRIX_PAIRINGS]
    if table.reference is not None and (row := table.scores.index(table.reference)) not in some:
        some = [*some[:-1], row]
    names = [short(name) for name in matrix.pairings]
    rows = [(names[i], *(_duel(table, i, j) for j in some)) for i in some]
    raw = [
        (names[i], *("" if i == j else str(_duel(table, i, j)) for j in by_rank)) for i in by_rank
    ]
    corner = "row against column"
    note = f"The first {len(some)} of {len(names)} by mean rank." * (len(some) < len(names))
    full = Listing("all pairings", (corner, *(names[j] for j in by_rank)), raw)
    columns = (corner, *(names[j] for j in some))
    return Listing(f"{table.task}: pairwise matrix", columns, rows, note, full=full)


def _duel(table: ComparedTable, i: int, j: int) -> Value:
    if i == j:
        return None
    matrix = table.matrix
    wins, losses = int(matrix.wins[i, j]), int(matrix.losses[i, j])
    share = wins / max(wins + losses + int(matrix.ties[i, j]), 1)
    return Shade(f"{wins}–{losses}", share, mark(matrix.verdicts[i, j]))


def _diagram(table: ComparedTable) -> Figures:
    apart = table.ranks.critical_difference
    caption = (
        f"Mean ranks over {how_many(table.ranks.families, 'family')}, with bars from the planned "
        f"comparisons. (Had all pairs been planned, two mean ranks would have to be {apart:.1f} "
        "apart by Nemenyi's test.)"
    )
    if table.design.scope == "datasets":
        said = "said at the top" if table.reference is None else "marked beside the scores"
        caption += f" What is shown on single datasets is {said}."
    count = len(table.scores.pairings)
    if count > SHOWN_ROWS:
        caption += f" The first {SHOWN_ROWS} of {count} are drawn; the data has all."
    return Figures(caption, [diagrams.rank_diagram(f"ranks-{table.task}", table, SHOWN_ROWS)])


# ------------------------------------------------------------------- what matters, and ranking


@section("variance", 50, "How much does pairing matter?", compared)
def variance_blocks(findings: Findings) -> Iterator[Block]:
    """How much pairing matters: shares of the variation."""
    yield Paragraph(
        "Where the variation between scores comes from. Activation × loss is what neither explains "
        "alone: pairing (loss stands for the whole head). With × dataset it differs from table to "
        "table. Seed is how a split and a start move all pairings together; left over is how they "
        "move pairings apart. Ranks are taken within a dataset and a repetition, so that neither a "
        "hard dataset nor one disaster decides. These are descriptions of this study, not tests."
    )
    for table in findings.tables:
        ranked = [s for s in table.rank_shares if s.source not in ("dataset", "seed")]
        drawn = [
            diagrams.share_bars(f"shares-{table.task}", f"{table.task}: of scores", table.shares),
            diagrams.share_bars(f"rank-shares-{table.task}", f"{table.task}: of ranks", ranked),
        ]
        yield Figures("Shares of the total sum of squares.", drawn)


@section("ranking", 60, "Ranking, without the luck of having been chosen", compared)
def ranking_blocks(findings: Findings) -> Iterator[Block]:
    """A ranking that does not flatter its winner."""
    yield Paragraph(
        "Whoever leads was lucky as well. Repetitions are split in halves, again and again: one "
        "half ranks, the other scores the one in each place. Intervals of interquartile means say "
        "what other repetitions on the same datasets would give, not what other datasets would."
    )
    for table in findings.tables:
        drawn = []
        if table.ranking:
            first = table.ranking[:RANKED_PAIRINGS]
            yield Bullets([sentence(table.ranking[0])])
            drawn.append(diagrams.places(f"places-{table.task}", f"{table.task}: means", first))
        means = table.means[:RANKED_PAIRINGS]
        title = f"{table.task}: interquartile means"
        drawn.append(diagrams.estimates(f"means-{table.task}", title, means))
        yield Figures(f"The first {len(means)} of {len(table.means)}.", drawn)
        if table.ranking:
            yield _places(table)


def _places(table: ComparedTable) -> Listing:
    columns = ("pairing", "place", "mean", "corrected", "first in", "places on other repetitions")
    rows = [
        (
            ranked.pairing,
            ranked.place,
            number(ranked.score),
            number(ranked.corrected),
            f"{100 * ranked.first:.0f} %",
            f"{ranked.best_place} to {ranked.worst_place}",
        )
        for ranked in table.ranking
    ]
    return Listing(f"{table.task}: all places", columns, rows, folded=True)
