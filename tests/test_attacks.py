"""Hostile calls on programs and optimizers: eager code's bits, or an error that says so."""

import os
import random
import signal
import time

import attack
import attack_cases as cases
import attack_scenes as scenes
import numpy as np
import pytest
from attack import FINE, Child, on_both_sides

import minidl as ml

ACTIONS = [
    cases.batches_of_any_size,
    cases.orders_of_any_kind,
    cases.data_of_any_kind,
    cases.layers_given_arrays,
    cases.gradients_set,
    cases.targets_changed_in_place,
    cases.targets_of_other_memory,
    cases.steps_set,
    cases.setting_set,
    cases.frozen_or_thawed,
    cases.layers_frozen,
    cases.schedules,
    cases.trained_in_detect_anomaly,
]
SCENES = [
    scenes.one_program_on_two_threads,
    scenes.two_programs_with_one_optimizer,
    scenes.predicting_beside_training,
    scenes.recording_beside_training,
    scenes.orders_changed_meanwhile,
    scenes.copies_of_a_program,
    scenes.copies_of_a_network,
    scenes.copies_in_the_middle,
]
pytestmark = pytest.mark.filterwarnings("ignore")  # of divergence, overflow and forks: as it comes


def name(function):
    return function.__name__


@pytest.mark.parametrize("action", ACTIONS, ids=name)
def test_between_trainings(action):
    for seed in range(4):
        with np.errstate(all="ignore"):
            outcome = on_both_sides("", seed, [action])
        assert outcome.end in FINE, outcome


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_with_threads_and_copies(scene):
    with np.errstate(all="ignore"):
        assert scene(1, random.Random(1)) in FINE


# ── that it would notice ──────────────────────────────────────────────────────────────────────


def freeze(side, rng):
    side.net[0].weight.requires_grad = False


def test_a_program_that_goes_on_with_frozen_weights_is_found(monkeypatch):
    assert on_both_sides("", 0, [freeze]).end == "refused"
    monkeypatch.setattr(ml.Program, "check_memory", lambda self: None)
    monkeypatch.setattr(ml.Program, "confirm", lambda self: None)
    assert on_both_sides("", 0, [freeze]).end == "DIFFERENT"


def test_an_error_of_another_kind_is_found():
    assert on_both_sides("", 0, [lambda side, rng: {}["nothing"]]).end == "RAW ERROR"


@pytest.mark.parametrize(
    ("deed", "end"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "CRASH"),
        (lambda: time.sleep(60), "HANGS"),
        (lambda: "same", "same"),
    ],
)
def test_a_child_that_dies_or_hangs_is_found(deed, end, monkeypatch):
    monkeypatch.setattr(attack, "LIMIT", 1.0)
    monkeypatch.setattr(attack, "attempt", lambda seed: attack.Outcome("", "", deed()))
    child = Child(0)
    while (outcome := child.ended()) is None:
        time.sleep(0.01)
    assert outcome.end == end
