"""What the phases of a walkthrough are called."""

from __future__ import annotations

PARTS = {
    "problem": "Problem",
    "forward": "Forward",
    "loss": "Loss",
    "seed": "Backward",
    "backward": "Backward",
    "update": "Update",
    "after": "Afterwards",
}
"""What the phases are called; the first gradient is the beginning of the way back."""
