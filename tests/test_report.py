"""A study's report: as a page in a real browser, as Markdown, as a picture, in a terminal."""

import base64
import csv
import io
import json
import re
import tomllib
from collections import Counter
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.image import imread
from simulated import report_text, simulated, tables_of

from minidl.core.errors import FileError
from minidl.document import Figures
from minidl.pairing import Ledger, Study, run
from minidl.pairing.findings.findings import Findings
from minidl.pairing.report import sections, show, write
from minidl.pairing.report.picture import heat_map
from minidl.pairing.report.svg import SERIES, drawing
from minidl.pairing.statistics import CLAIM

STUDY = Study(
    name="small",
    datasets=["xor", "iris", "outliers"],
    hidden=["relu", "sigmoid"],
    heads=["sigmoid+bce", "softmax+cce", "linear+mse"],
    tuning_repetitions=1,
    repetitions=3,
    epochs=3,
)
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "small.sqlite"
    assert run(STUDY, path, workers=1)
    with Ledger(path, write=False) as ledger:
        return Findings.of(STUDY, STUDY.load(), ledger)


@pytest.fixture(scope="module")
def written(findings, tmp_path_factory):
    return write(findings, tmp_path_factory.mktemp("report"))


@pytest.fixture
def page(chromium, written):
    """Opens the report at a size, in light or dark, on a screen or on paper."""

    def opened(size=DESK, scheme="light", medium="screen"):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        media = {"media": medium, "features": features}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        chromium.get(written[0].as_uri())
        return chromium

    return opened


def lightness(browser, selector, what):
    """Of a computed colour, from 0 to 255."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    colour = browser.execute_script(script, selector, what)
    return np.mean([float(part) for part in re.findall(r"[\d.]+", colour)[:3]])


# ------------------------------------------------------------------------------------ in a browser


def test_the_page_opens_without_an_error_and_without_a_request(page, written):
    browser = page()
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [
        message["params"]["request"]["url"]
        for message in asked
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert written[0].as_uri() in urls
    assert [url for url in urls if not url.startswith(("data:", written[0].as_uri()))] == []
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_findings_come_first(page, findings):
    browser = page()
    assert browser.title == "Which activation goes with which loss"
    script = "return [...document.querySelectorAll('h1, h2')].map(h => h.textContent)"
    headings = browser.execute_script(script)
    assert headings == [browser.title, *(section.title for section in sections(findings))]
    text = browser.execute_script("return document.querySelector('#headlines').innerText")
    for table in findings.tables:
        assert table.headlines[0] in text
    top = browser.execute_script(
        "return document.querySelector('#headlines').getBoundingClientRect().bottom"
    )
    assert top < DESK[1]


def test_a_phone_has_no_need_to_scroll_sideways(page):
    browser = page(PHONE)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    small = browser.execute_script(
        "return [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert max(small) <= PHONE[0]
    assert min(small) > 0.7 * PHONE[0]


def test_light_and_dark_follow_the_reader_and_the_button(page):
    for scheme in ("light", "dark"):
        browser = page(scheme=scheme)
        grounds = [lightness(browser, "body", "backgroundColor")]
        for _ in range(2):
            browser.execute_script("document.querySelector('#theme').click()")
            grounds.append(lightness(browser, "body", "backgroundColor"))
            inks = [lightness(browser, s, "fill") for s in ("svg text", "svg")]
            written = lightness(browser, "body", "color")
            assert inks[0] == pytest.approx(written)  # figures take the page's colours
            assert abs(written - grounds[-1]) > 150
        assert grounds[0] == grounds[2]
        assert (grounds[0] > 200, grounds[1] > 200) == (scheme == "light", scheme == "dark")


def test_paper_is_white_and_has_no_buttons(page):
    browser = page(scheme="dark", medium="print")
    assert lightness(browser, "body", "backgroundColor") == 255
    assert lightness(browser, "svg text", "fill") == 0
    script = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert {browser.execute_script(script, s) for s in ("nav", "button", ".data")} == {"none"}


def test_the_data_of_every_figure_is_one_click_away(page, findings):
    browser = page()
    script = """
    return [...document.querySelectorAll('figure')].map(figure => {
        const details = figure.querySelector('details'), link = details.querySelector('a');
        const before = link.checkVisibility();
        details.querySelector('summary').click();
        return [before, link.checkVisibility(), link.download, link.href];
    })"""
    found = browser.execute_script(script)
    charts = [
        chart
        for section in sections(findings)
        for block in section.blocks
        if isinstance(block, Figures)
        for chart in block.figures
    ]
    assert len(found) == len(charts) > 8
    for (before, after, name, address), chart in zip(found, charts, strict=True):
        assert (before, after) == (False, True)
        assert name.endswith(".csv")
        text = base64.b64decode(unquote(address).partition("base64,")[2]).decode()
        table = list(csv.reader(io.StringIO(text)))
        assert table[0] == list(chart.data.columns)
        assert len(table) == len(chart.data.rows) + 1 > 1


def test_those_who_listen_are_told_everything(page):
    browser = page()
    names = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert [name for name, count in Counter(names).items() if count > 1] == []
    script = """
    const without = [];
    for (const e of document.querySelectorAll('[role=img], [role=region], nav, button'))
        if (!e.getAttribute('aria-label')) without.push(e.outerHTML);
    for (const e of document.querySelectorAll('svg'))
        if (!e.closest('[role=img]')) without.push('svg');
    for (const e of document.querySelectorAll('table'))
        if (!e.caption || e.querySelectorAll('thead th[scope=col]').length === 0 ||
            e.querySelectorAll('tbody tr').length !==
            e.querySelectorAll('tbody th[scope=row]').length) without.push(e.outerHTML);
    return without"""
    assert browser.execute_script(script) == []
    assert browser.execute_script("return document.documentElement.lang") == "en"
    links = "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))"
    assert set(browser.execute_script(links)) <= set(names)


def test_a_screenshot_shows_words_and_figures(page, tmp_path):
    browser = page()
    browser.execute_script("document.querySelector('#curves').scrollIntoView()")
    path = tmp_path / "report.png"
    assert browser.save_screenshot(str(path))
    pixels = imread(path)[..., :3].reshape(-1, 3)
    colours = {tuple(colour) for colour in np.round(pixels * 255).astype(int)[::7].tolist()}
    assert (11, 92, 173) in colours  # the first series
    assert 0.3 < (pixels == 1).all(axis=1).mean() < 0.95


# ------------------------------------------------------------------------------------- on the disk


def test_the_page_needs_nothing_else(written):
    text = written[0].read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|<iframe|<img|src=", text)
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    assert 5e4 < len(text) < 2e6


def test_the_same_findings_are_the_same_page(findings, written, tmp_path):
    again = write(findings, tmp_path)
    assert [path.name for path in again] == ["report.html", "report.md", "pairings.png"]
    for first, second in zip(written, again, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_what_is_written_in_a_figure_keeps_its_digits():
    @drawing("one", 3, 2)
    def draw(figure, axes):
        axes.set_title("mean 0.81834 <of> 3")
        axes.plot([0, 1], [1, 2], color=SERIES[0])
        axes.set_xticks([1 / 3], ["0.00125"])

    text = draw()
    assert ">mean 0.81834 &lt;of&gt; 3<" in text
    assert ">0.00125<" in text
    assert "var(--series-1)" in text
    assert not re.search(r'd="[^"]*\.\d{3}', text)


def test_markdown_says_the_same(findings, written):
    text = written[1].read_text(encoding="utf-8")
    assert re.findall("^## (.*)$", text, re.M) == [s.title for s in sections(findings)]
    assert "![" in text
    assert "(pairings.png)" in text
    widths = {}
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.M):
        lines = [re.sub(r"\\\|", "", line).count("|") for line in block.splitlines()]
        assert len(set(lines)) == 1, block
        widths[lines[0]] = block
    assert len(widths) > 4
    for name, found in findings.standings.items():
        assert f"{found[0].mean:.3f}" in text, name


def test_the_picture_shows_every_dataset(findings, written, monkeypatch):
    assert imread(written[2]).shape[2] in (3, 4)
    assert imread(written[2]).std() > 0.05
    drawn = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda figure, *_, **__: drawn.append(figure)
    )
    heat_map(findings)
    [figure] = drawn
    titles = [axes.get_title().partition(":")[0] for axes in figure.axes]
    assert titles == list(findings.standings)
    for axes, rows in zip(figure.axes, findings.standings.values(), strict=True):
        shown = sorted(text.get_text() for text in axes.texts)
        assert shown == sorted(f"{row.mean:.2f}".replace("-", "−") for row in rows)


def test_a_study_can_be_reproduced_from_its_report(findings):
    text = report_text(findings)
    told = re.search(r"\*\*small\.toml\*\*\n\n```\n(.*?)```", text, re.S)[1]
    assert Study.from_mapping(tomllib.loads(told)) == STUDY
    assert "minidl pair run small.toml" in text
    assert findings.environment.numerics in text


def test_a_study_may_be_called_anything():
    study = Study(name="a/../b c", datasets=["xor"], hidden=["relu"], heads=["sigmoid+bce"],
                  learning_rates=[0.01], repetitions=2, epochs=1)  # fmt: skip
    text = report_text(simulated(study, tables_of("a"), lambda cell: np.full(2, 0.5)))
    assert "minidl pair run a_.._b_c.toml" in text


def test_names_are_shown_as_they_are(tmp_path):
    """A table's file may be called anything."""
    study = Study(
        datasets=["xor"], hidden=["relu"], heads=["sigmoid+bce", "linear+mse"],
        learning_rates=[0.01], repetitions=2, epochs=2,
    )  # fmt: skip
    name = "a<b>|$c$&"
    found = simulated(study, tables_of(name), lambda cell: np.array([0.5, 0.75]))
    html, text, _ = write(found, tmp_path)
    assert "a&lt;b&gt;|$c$&amp;" in html.read_text(encoding="utf-8")
    assert "<b>" not in html.read_text(encoding="utf-8")
    assert "a\\<b>\\|$c$&" in text.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_named(findings, tmp_path, refused):
    (tmp_path / "file").write_text("")
    with refused(FileError, "file", "a folder that can be written", "a file", "another name"):
        write(findings, tmp_path / "file")


def test_a_picture_that_is_cut_short_leaves_the_one_before(findings, tmp_path, cut_short):
    (tmp_path / "pairings.png").write_bytes(b"of yesterday")
    with pytest.raises(KeyboardInterrupt):
        write(findings, tmp_path)
    assert (tmp_path / "pairings.png").read_bytes() == b"of yesterday"


def test_a_study_in_which_all_fails_is_reported(tmp_path):
    study = Study(datasets=["xor"], hidden=["relu", "tanh"], heads=["sigmoid+bce"],
                  learning_rates=[0.01], repetitions=2, epochs=1)  # fmt: skip
    found = simulated(study, tables_of("a", "b"), lambda cell: np.full(2, np.nan))
    html, text, _ = write(found, tmp_path)
    assert "8 of 8 trials failed or diverged" in text.read_text(encoding="utf-8")
    assert "the loss was nan in epoch 1" in html.read_text(encoding="utf-8")


def test_markdown_draws_nothing(findings, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a figure is drawn")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", refuse)
    assert report_text(findings)


# ----------------------------------------------------------------------------------- in a terminal


def printed(findings):
    file = io.StringIO()
    show(findings, file)
    return file.getvalue()


def test_the_terminal_has_a_table_a_dataset_and_ends_with_the_findings(findings):
    text = " ".join(printed(findings).split())
    for name, found in findings.standings.items():
        assert re.search(rf"{name}: .*mean ± 95 % over 3 repetitions", text)
        assert f"{found[0].mean:.3f} ± {found[0].half:.3f}" in text
    assert "sigmoid+binary_crossentropy ★" in text
    assert f"of {findings.done} trials failed or diverged" in text
    ends = text[text.index("What this study shows") :]
    for table in findings.tables:
        assert table.headlines[0] in ends


def test_of_many_pairings_the_best_and_the_worst_are_printed():
    study = Study(datasets=["xor"], heads=["sigmoid+bce", "softmax+cce"], learning_rates=[0.01],
                  repetitions=2, epochs=1)  # fmt: skip
    cells = study.cells(tables_of("a"))
    place = {cell: i for i, cell in enumerate(cells)}
    found = simulated(study, tables_of("a"), lambda cell: np.full(2, 0.9 - 0.01 * place[cell]))
    text = printed(found)
    ranks = [int(rank) for rank in re.findall(r"^ +(\d+)  ", text, re.M)]
    assert ranks == [*range(1, 11), len(cells) - 2, len(cells) - 1, len(cells)]
    assert f"The 10 best and 3 worst of {len(cells)}." in text


def test_the_terminal_counts_the_claims_it_has_no_room_for():
    study = Study(datasets=["xor"], heads=["sigmoid+bce"], learning_rates=[0.01],
                  repetitions=10, epochs=1)  # fmt: skip
    place = {hidden: i for i, hidden in enumerate(study.hidden)}
    found = simulated(
        study, tables_of("a"), lambda cell: np.arange(10) / 100 - place[cell.pairing.hidden] / 50
    )
    [table] = found.tables
    more = len(table.headlines) - 6
    assert more > 0
    assert " ".join(printed(found).split()).count(CLAIM) == 6
    assert f"… and {more} more, in the report." in printed(found)


def test_failures_and_unsound_heads_are_printed():
    study = Study(datasets=["xor"], hidden=["relu"], heads=["sigmoid+bce", "sigmoid+hinge"],
                  learning_rates=[0.01], repetitions=2, epochs=1)  # fmt: skip
    found = simulated(study, tables_of("a"), lambda cell: np.array([np.nan, 0.5]))
    text = " ".join(printed(found).split())
    assert "1 of 2 trials failed or diverged" in text
    assert "a relu/sigmoid+binary_crossentropy 16-16, auto, adam 1 0 the loss was nan" in text
    assert "sigmoid + hinge: sigmoid gives (0, 1)" in text
