"""How a walkthrough's page looks in a real browser: on a phone, in the dark, on paper."""

import re

import numpy as np
import pytest
from browsing import PHONE, press
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import minidl as ml
from minidl.walkthrough.graph.drawing import DARK_COLOURS, LIGHT_COLOURS


def test_a_phone_has_no_need_to_scroll_sideways(page, tmp_path, address):
    net = ml.mlp([4, 12, 3], output="softmax", seed=0)  # long words, wide arrays
    wide = ml.explain(net, np.eye(2, 4), [2, 0], loss="cce", optimizer="adam")
    path = tmp_path / "wide.html"
    path.write_text(wide.to_html(), encoding="utf-8")
    for at in (address, path.as_uri()):
        browser = page(PHONE, at=at)
        for _ in wide.steps:
            assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
            press(browser, Keys.ARROW_RIGHT)
        assert browser.find_element(By.CSS_SELECTOR, ".graph svg").rect["width"] > 0.8 * PHONE[0]


def lightness(browser, selector, what):
    """Of a computed colour, from 0 to 255."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    colour = browser.execute_script(script, selector, what)
    return np.mean([float(part) for part in re.findall(r"[\d.]+", colour)[:3]])


def test_light_and_dark_follow_the_reader_and_the_button(page):
    for scheme in ("light", "dark"):
        browser = page(scheme=scheme)
        grounds = [lightness(browser, "body", "backgroundColor")]
        for _ in range(2):
            browser.find_element(By.ID, "theme").click()
            grounds.append(lightness(browser, "body", "backgroundColor"))
            ink = lightness(browser, "body", "color")
            assert lightness(browser, ".mw-node .above", "fill") == ink
            assert abs(ink - grounds[-1]) > 150
        assert grounds[0] == grounds[2]
        assert (grounds[0] > 200, grounds[1] > 200) == (scheme == "light", scheme == "dark")


def test_paper_has_all_steps_one_after_the_other_each_with_its_graph(page, walkthrough):
    browser = page(scheme="dark", medium="print")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert lightness(browser, "body", "backgroundColor") == 255
    shown = """return [...document.querySelectorAll(arguments[0])].filter(
      e => e.checkVisibility()).map(e => e.getBoundingClientRect().top)"""
    tops = browser.execute_script(shown, ".step")
    assert len(tops) == len(walkthrough.steps)
    assert tops == sorted(tops)
    assert len(browser.execute_script(shown, ".step svg")) == len(walkthrough.steps)
    assert browser.execute_script(shown, "nav, aside, button") == []
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(shown, ".step svg") == []


def test_the_picked_number_can_be_read_while_the_mouse_is_on_it(page):
    browser = page()
    press(browser, "1")
    picked = browser.find_element(By.CSS_SELECTOR, ".step.current td.picked")
    ActionChains(browser).move_to_element(picked).perform()
    selector = ".step.current td.picked"
    assert browser.execute_script(f"return document.querySelector('{selector}:hover') !== null")
    ink, ground = (lightness(browser, selector, w) for w in ("color", "backgroundColor"))
    assert abs(ink - ground) > 100


def contrast(one, other):
    """As WCAG 2 defines it: from 1 to 21."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT_COLOURS, DARK_COLOURS], ids=["light", "dark"])
def test_text_of_every_colour_has_the_contrast_that_wcag_asks_for(palette):
    colours = dict(re.findall(r"--mw-(\w+): (#\w{6})", palette))
    paper = colours.pop("paper")
    node = colours.pop("node")
    assert {"ink", "muted", "accent", "gradient", "positive", "negative"} == set(colours)
    for name, colour in colours.items():
        assert contrast(colour, paper) >= 4.5, name
    assert contrast(colours["muted"], node) >= 4.5
