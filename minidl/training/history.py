"""What each epoch measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from minidl.core import MissingError, UnknownNameError, did_you_mean


class History(Mapping[str, list[float]]):
    """Named curves, one number an epoch, all of one length.

    ``loss`` is the running mean over the epoch's batches, measured while the weights changed,
    unless early stopping watches it: then it comes from a clean pass after the epoch, as does
    every name that starts with ``val_``. What an epoch could not measure, as the loss was not
    finite or a metric not defined, is NaN.

    Parameters
    ----------
    curves : sequence of str
        What every epoch is to measure.

    Attributes
    ----------
    stopped : str
        Why training ended: ``"finished"``, ``"early stopping"``, ``"stopped by a callback"``,
        ``"interrupted"`` (Ctrl-C) or ``"diverged"`` (a loss that is not finite, which a
        RuntimeWarning says as well; ``minidl.detect_anomaly`` says what made it so).
    best_epoch : int or None
        The epoch (from 0) whose weights early stopping restored.

    Raises
    ------
    UnknownNameError
        For a curve that was not measured; ``in`` and ``get`` ask without an error.

    Examples
    --------
    >>> history = History()
    >>> history.add({"loss": 0.5})
    >>> history["loss"]
    [0.5]
    >>> history
    History(1 epoch, finished; last: loss=0.5)
    """

    def __init__(self, curves: Sequence[str] = ()) -> None:
        self.curves: dict[str, list[float]] = {name: [] for name in curves}
        self.stopped = "finished"
        self.best_epoch: int | None = None

    def add(self, measured: Mapping[str, float]) -> None:
        """Append one epoch's numbers."""
        for name, value in {**dict.fromkeys(self.curves, float("nan")), **measured}.items():
            self.curves.setdefault(name, []).append(float(value))

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.curves:
            remedy = "Give fit validation_data=(X, y), or validation_split=0.2."
            if not str(name).startswith("val_") or "val_loss" in self.curves:
                remedy = did_you_mean(name, self.curves, "Name it in fit(metrics=[…]).")
            measured = (
                f"one of {', '.join(self.curves)}"
                if self.curves
                else "a curve, of which there is none yet"
            )
            raise UnknownNameError(f"history[{name!r}]", measured, repr(name), remedy)
        return self.curves[name]

    def __contains__(self, name: object) -> bool:
        return name in self.curves

    def get(self, name: str, default: Any = None) -> Any:
        """The curve, or ``default`` if there is none."""
        return self.curves.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.curves)

    def __len__(self) -> int:
        return len(self.curves)

    @property
    def plot(self) -> NoReturn:
        """Refused: it is ``ml.plot(history)``."""
        raise MissingError("history.plot", "a mapping of curves", "plot", "Write ml.plot(history).")

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.items() if values)
        epochs = max((len(values) for values in self.curves.values()), default=0)
        unit = "epoch" if epochs == 1 else "epochs"
        return f"History({epochs} {unit}, {self.stopped}; last: {last or 'none'})"
