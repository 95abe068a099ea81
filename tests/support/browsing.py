"""A walkthrough's page in a browser: keys that are pressed, and what is shown after them."""

import re

import numpy as np

DESK, PHONE = (1440, 900), (390, 844)
X = [[0.5, -1.0], [1.5, 2.0]]


def press(browser, *keys):
    for key in keys:
        browser.find_element("tag name", "body").send_keys(key)


SHOWN = """
const step = document.querySelector('.step.current');
const cells = (t) => [...t.querySelectorAll('td')].map(c => c.textContent);
return {
  number: Number(step.id.slice(5)),
  title: step.querySelector('h2').textContent,
  why: step.querySelector('.why').textContent,
  made: [...step.querySelectorAll('.made table')].map(t => [t.dataset.array, cells(t)]),
  results: [...step.querySelectorAll('.worked .result')].map(r => r.textContent),
  nodes: [...document.querySelectorAll('.graph .mw-node')].map(
    n => [...n.querySelectorAll('text')].map(t => t.textContent)),
  visible: [...document.querySelectorAll('.step')].filter(s => s.checkVisibility()).length,
  said: document.getElementById('said').textContent,
};"""


def check(shown, walkthrough):
    """What the browser shows of a step is what the walkthrough holds after it."""
    step = walkthrough.steps[shown["number"]]
    assert (shown["title"], shown["why"], shown["visible"]) == (step.title, step.why, 1)
    if step.phase != "problem":
        made = [
            [a.name, [walkthrough.cell(a.name, i, step.number) for i in np.ndindex(a.shape)]]
            for a in step.writes
        ]
        assert shown["made"] == made
    if step.expansion and shown["results"]:
        array = step.writes[0]
        first = tuple(map(int, np.argwhere(array.numbers)[0])) if array.numbers.any() else None
        index = first if first is not None else (0,) * len(array.shape)
        equations = walkthrough.equations(step.number, array.name, index)
        # As MathML prints it: 1.2·10−5, of which the exponent is set higher.
        results = [re.sub(r"e(.+)", r"·10\1", e.result) for e in equations]
        assert shown["results"] == [re.sub(r"^1·10", "10", r).replace("-", "−") for r in results]
    texts = {t for node in shown["nodes"] for line in node for t in [line.split(" ", 1)[-1]]}
    for name in ("dense1.sums", "dense1", "dense2.sums", "dense2"):
        for j in range(walkthrough.shapes[name][1]):
            assert walkthrough.cell(name, (0, j), step.number) in texts, name
    assert walkthrough.cell("∂dense1", (0, 0), step.number) in texts
    loss = walkthrough.problem.loss_name
    assert walkthrough.cell(loss, (), step.number) in texts
