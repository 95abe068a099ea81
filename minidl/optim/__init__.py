"""Optimizers: what they have in common, their update rules, and schedules of the learning rate."""

from minidl.optim.optimizer_base import AHEAD, Optimizer
from minidl.optim.schedules import Constant, Cosine, Rate, Schedule, StepDecay, WarmUp
from minidl.optim.update_rules import (
    SGD,
    Adam,
    AdamW,
    RMSprop,
    build_optimizer,
    describe_optimizer,
    get_optimizer,
    optimizer,
    optimizers,
)

__all__ = [
    "AHEAD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Optimizer",
    "RMSprop",
    "Rate",
    "SGD",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "build_optimizer",
    "describe_optimizer",
    "get_optimizer",
    "optimizer",
    "optimizers",
]
