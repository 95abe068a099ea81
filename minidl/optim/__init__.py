"""Optimizers: what they have in common, their update rules, and schedules of the learning rate."""

from minidl.optim.optimizer_base import AHEAD as AHEAD
from minidl.optim.optimizer_base import Optimizer as Optimizer
from minidl.optim.schedules import Constant as Constant
from minidl.optim.schedules import Cosine as Cosine
from minidl.optim.schedules import Rate as Rate
from minidl.optim.schedules import Schedule as Schedule
from minidl.optim.schedules import StepDecay as StepDecay
from minidl.optim.schedules import WarmUp as WarmUp
from minidl.optim.update_rules import SGD as SGD
from minidl.optim.update_rules import Adam as Adam
from minidl.optim.update_rules import AdamW as AdamW
from minidl.optim.update_rules import RMSprop as RMSprop
from minidl.optim.update_rules import build_optimizer as build_optimizer
from minidl.optim.update_rules import describe_optimizer as describe_optimizer
from minidl.optim.update_rules import get_optimizer as get_optimizer
from minidl.optim.update_rules import optimizer as optimizer
from minidl.optim.update_rules import optimizers as optimizers
