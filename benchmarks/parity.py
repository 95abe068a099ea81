"""Every activation and loss that PyTorch has too: minidl, PyTorch, and the exact result.

Values and gradients in float32 and float64 at ordinary, tiny, huge, subnormal and special inputs.
Each side is held to minidl's accuracy contract against mpmath at 60 digits, or against what is
pinned (kinks, signs of zero, infinities). One table lists what is beyond the contract, a line for
each function, dtype and kind of input, with the worst example:

- ``minidl``, ``PyTorch``, ``neither``: who is right.
- ``convention``: PyTorch decides otherwise where minidl has pinned its own answer; among them
  "bounded" inputs, probabilities and rates below 1e-12, whose log and denominator have bounds.
- ``unpinned``: no answer is pinned: slopes at NaN that differ; infinite inputs, or rows whose
  spread overflows, where both stop short of the limit in the same way.

Exit code 1 if minidl is beyond the contract anywhere, else 0.

    python benchmarks/parity.py
"""

from __future__ import annotations

import importlib.util
import sys
import warnings

import numpy as np

if importlib.util.find_spec("torch") is None:
    print("PyTorch is not installed, nothing can be compared: pip install 'minidl[bench]'")
    sys.exit(1)

from parity_cases import activations, losses
from parity_elements import compare_elements, compare_prelu
from parity_findings import Comparison, report
from parity_rows import (
    compare_margin,
    compare_row_activations,
    compare_row_losses,
    compare_row_probabilities,
)

DTYPES = (np.float32, np.float64)


def main() -> int:
    """Compare everything."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    found = Comparison()
    for dtype in DTYPES:
        for case in (*activations(), *losses()):
            compare_elements(case, dtype, found)
        compare_prelu(dtype, found)
        compare_row_activations(dtype, found)
        compare_row_losses(dtype, found)
        compare_row_probabilities(dtype, found)
        compare_margin(dtype, found)
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
