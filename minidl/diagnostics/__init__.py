"""How a network's layers do: dead, saturated, starved; and which operation made a NaN."""

from minidl.diagnostics.anomaly import detect_anomaly
from minidl.diagnostics.diagnosis import LayerHealth, diagnose
from minidl.diagnostics.health import EXPLODED, FAST, MANY_SATURATED, SLOW, VANISHED, Diagnosis
from minidl.diagnostics.saturation import SLOPE, SUMS, idle, levels_off

__all__ = [
    "Diagnosis",
    "EXPLODED",
    "FAST",
    "LayerHealth",
    "MANY_SATURATED",
    "SLOPE",
    "SLOW",
    "SUMS",
    "VANISHED",
    "detect_anomaly",
    "diagnose",
    "idle",
    "levels_off",
]
