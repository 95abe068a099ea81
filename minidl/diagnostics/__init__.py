"""How a network's layers do: dead, saturated, starved; and which operation made a NaN."""

from minidl.diagnostics.anomaly import detect_anomaly as detect_anomaly
from minidl.diagnostics.diagnosis import LayerHealth as LayerHealth
from minidl.diagnostics.diagnosis import diagnose as diagnose
from minidl.diagnostics.health import EXPLODED as EXPLODED
from minidl.diagnostics.health import FAST as FAST
from minidl.diagnostics.health import MANY_SATURATED as MANY_SATURATED
from minidl.diagnostics.health import SLOW as SLOW
from minidl.diagnostics.health import VANISHED as VANISHED
from minidl.diagnostics.health import Diagnosis as Diagnosis
from minidl.diagnostics.saturation import SLOPE as SLOPE
from minidl.diagnostics.saturation import SUMS as SUMS
from minidl.diagnostics.saturation import idle as idle
from minidl.diagnostics.saturation import levels_off as levels_off
