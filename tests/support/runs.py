"""A small study that is run in many ways: with what every way must come to."""

from minidl.pairing import Ledger, Study
from minidl.pairing.execution.exporting import export

STUDY = Study(
    datasets=["iris", "xor"],
    hidden=["relu", "tanh"],
    heads=["softmax+cce", "sigmoid+bce"],
    learning_rates=[0.001, 0.03, 1.0],
    tuning_repetitions=2,
    repetitions=3,
    epochs=3,
)
TRIALS = 2 * 2 * 2 * (3 * 2 + 3)


def exported(ledger):
    """The bytes of each file that a ledger is exported as, by name."""
    with Ledger(ledger, write=False) as opened:
        paths = export(opened, ledger.parent / f"{ledger.stem}-export")
    assert len(paths) == 3
    return {path.name: path.read_bytes() for path in paths}


def count(ledger):
    with Ledger(ledger, write=False) as opened:
        return sum(opened.count().values())


class Kept(list):
    """Places in the order in which results were kept, and what to do at each."""

    def __init__(self):
        self.acts = {}

    def note(self, found):
        self.extend(key for key, _, _ in found)
        for after, act in list(self.acts.items()):
            if len(self) >= after:
                del self.acts[after]
                act()
