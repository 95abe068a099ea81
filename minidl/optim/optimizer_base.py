"""What every optimizer has in common: parameters, state, learning rate, clipping, a step.

An optimizer's state is plain named arrays, one number a parameter, laid out as the parameters
are; an update is one compiled call for each stretch of memory, which is one for a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import signature
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from minidl.autodiff import Tensor, listener, recorder, stretches
from minidl.core import (
    ELSEWHERE,
    NON_NEGATIVE,
    POSITIVE,
    ArgumentError,
    Exclusive,
    Interval,
    RecordError,
    Together,
    defined_by_minidl,
    distinct,
    named_settings,
    number,
    refuse_former_names,
    whole_number,
    with_defaults,
)
from minidl.kernels import update
from minidl.optim.parameters import checked_parameters
from minidl.optim.schedules import Rate, is_pure

AHEAD = 1024
"""For how many updates learning rates are looked up at once."""


class Optimizer:
    """Common to all: parameters, state, learning rate, clipping.

    Copies and pickles keep everything; the copy of a network has a copy of its optimizer.

    Parameters
    ----------
    parameters : list of Tensor
        What to update: ``net.parameters()``, or some of them.
    learning_rate : float, Schedule or function, optional
        At least 0; a schedule or function takes the number of updates made before.
    clip_norm : float, optional
        Scale all gradients down together when their common norm is above this; above 0.
    clip_value : float, optional
        Limit each number of the gradients to ±this; above 0. Comes before ``clip_norm``.
    **settings
        What the optimizer's own page lists.

    Attributes
    ----------
    parameters : tuple of Tensor
        Frozen ones among them are left alone until they are thawed.
    state : dict of str to ndarray
        What is remembered of each parameter between updates.
    steps : int
        How many updates were made.
    update_kernel, states, symbols
        Of the class: what updates one stretch; the names of what is remembered, and of the numbers
        that ``constants`` gives. ``formulas`` states the update in them.

    Raises
    ------
    ArgumentError
        For settings that make no sense; the message names the setting.
    DtypeError
        For parameters of two dtypes.

    Examples
    --------
    >>> from minidl.optim import SGD
    >>> w = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SGD([w], learning_rate=0.1, clip_value=1.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([ 0.9, -1.9], dtype=float32)

    One of your own goes by a ``name``, with ``defaults`` for its settings (a learning rate among
    them), ``domains`` where one may not lie anywhere in [0, ∞), and ``states``: the names of what
    it remembers of each parameter, arrays that begin at 0. ``constants`` are the numbers that an
    update needs beside the learning rate; ``kernel`` works in place on one stretch of parameters:
    values, gradients, an array for each state, and ``step_numbers``: the learning rate, the number
    of this update (1, 2 …), and the constants. ``@ml.optimizer`` above the class lets
    ``fit(optimizer="heavy_ball")`` and saved networks know it. One that computes with NumPy, as
    here, trains eagerly, and ``fit`` says so.

    >>> class HeavyBall(Optimizer):
    ...     name = "heavy_ball"
    ...     states = ("velocity",)
    ...     defaults = {"learning_rate": 0.1, "momentum": 0.5}
    ...     domains = {"momentum": Interval(0, 1, includes_low=True)}
    ...     def constants(self):
    ...         return [self.settings["momentum"]]
    ...     def kernel(self, p, g, velocity, step_numbers):
    ...         rate, update, momentum = step_numbers
    ...         velocity[...] = momentum * velocity + g
    ...         p -= rate * velocity
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = HeavyBall([w])
    >>> for _ in range(2):
    ...     w.grad = [1.0]
    ...     optimizer.step()
    >>> w.numpy(), optimizer.state["velocity"]  # 1 − 0.1 − 0.1 · (1 + 0.5)
    (array([0.75], dtype=float32), array([1.5], dtype=float32))
    """

    name = ""
    aliases: tuple[str, ...] = ()
    update_kernel: ClassVar[Any] = None
    states: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    defaults: ClassVar[dict[str, Any]] = {}
    domains: ClassVar[dict[str, Interval]] = {}
    """Where a setting may lie, if not anywhere in [0, ∞)."""

    # What is looked at again only where it has changed.
    _active: Sequence[Tensor] = ()
    _arrays: Sequence[np.ndarray] = ()
    _runs: Sequence[tuple[np.ndarray, np.ndarray, slice]] = ()
    _turns: Sequence[Exclusive] = ()
    _rates = _ahead = _count = _step_numbers = _squares = np.zeros(0)
    _sound: Mapping[str, Any] = {}

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: Rate | None = None,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        **settings: Any,
    ) -> None:
        if "learning_rate" not in self.defaults:
            remedy = 'Write defaults = {"learning_rate": 0.01} in the class.'
            culprit = f"{type(self).__name__}.defaults"
            raise ArgumentError(culprit, "a learning_rate among them", "none", remedy)
        self.parameters = checked_parameters(self.name, parameters)
        self.settings: dict[str, Any] = with_defaults(
            self.name, self.defaults, settings, others=("clip_norm", "clip_value")
        )
        if learning_rate is not None:
            self.settings["learning_rate"] = learning_rate
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self._check_settings()
        size = sum(parameter.size for parameter in self.parameters)
        dtype = self.parameters[0].dtype
        self.state = {name: np.zeros(size, dtype) for name in self.states}
        self._rates = np.zeros(AHEAD, np.float64)
        self._count = np.zeros(1, np.int64)  # updates made
        self._ahead = np.zeros(1, np.int64)  # the update that rates[0] is for
        self._step_numbers = np.zeros(2 + len(self.constants()), np.float64)
        self._turn = Exclusive(f"the optimizer {self.name}", "Make one for each thread.")
        self._join([parameter for parameter in self.parameters if parameter.requires_grad])

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inner = ("alone", "clip", "looks_ahead", "memory", "prepare", "work")
        refuse_former_names(cls, {name: f"_{name}" for name in inner})
        given = signature(cls.__init__)
        if any(x.kind is x.VAR_POSITIONAL for x in given.parameters.values()):  # handed on
            given = signature(Optimizer.__init__)
        shown = [x for name, x in given.parameters.items() if name != "self"]
        cls.__signature__ = named_settings(  # type: ignore[attr-defined]
            given.replace(parameters=shown),
            {key: value for key, value in cls.defaults.items() if key != "learning_rate"},
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("parameters", "state") and name in self.__dict__:
            remedy = "Make another optimizer: ml.Adam([*optimizer.parameters, more])."
            if name == "state":
                remedy = "Write numbers into its arrays: optimizer.state['…'][...] = 0.0."
            expected, got = "what it was made with", "something else"
            raise ArgumentError(f"{self.name}.{name} = …", expected, got, remedy)
        settings = [name] if name in self.defaults else ELSEWHERE.get(name, [])
        if settings and name != "learning_rate" and settings[0] in self.defaults:
            remedy = f"Write optimizer.settings[{settings[0]!r}] = {value!r:.30}."
            raise ArgumentError(f"{self.name}.{name} = …", "a setting", "an attribute", remedy)
        super().__setattr__(name, value)

    def _setting(self, key: str, value: Any) -> Any:
        culprit, default = f"{self.name}({key}=…)", self.defaults[key]
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise ArgumentError(culprit, "True or False", repr(value), f"Write {default}.")
            return value
        if key == "learning_rate" and callable(value):
            return value
        return number(culprit, value, self.domains.get(key, NON_NEGATIVE), default or 0.01)

    def _bound(self, key: str, value: float | None) -> float | None:
        return None if value is None else number(f"{self.name}({key}=…)", value, POSITIVE, 1.0)

    def __getstate__(self) -> dict[str, Any]:
        # The memory of a copy is joined anew.
        return {**self.__dict__, "_active": (), "_arrays": (), "_runs": (), "_turns": ()}

    @property
    def steps(self) -> int:
        """How many updates were made."""
        self._looked_at("steps")
        return int(self._count[0])

    @steps.setter
    def steps(self, steps: int) -> None:
        limit = 2**53  # far below where the counter would run over
        self._count[0] = whole_number(f"{self.name}.steps", steps, 0, 0, limit)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update."""
        self._looked_at("learning_rate")
        return self._rate(int(self._count[0]))

    @learning_rate.setter
    def learning_rate(self, rate: Rate) -> None:
        self.settings["learning_rate"] = self._setting("learning_rate", rate)

    def _rate(self, update: int) -> float:
        """The learning rate after so many updates; a schedule's answer is looked at each time."""
        rate = self.settings["learning_rate"]
        if not callable(rate):
            return float(rate)
        culprit = f"{self.name}(learning_rate=…), of update {update}"
        return number(culprit, rate(update), NON_NEGATIVE, 0.01)

    def _looked_at(self, what: str) -> None:
        """While a step is recorded, this is a number that a program would not look at again."""
        if (tape := recorder()) is not None:
            raise tape.refuse(
                RecordError(
                    f"{self.name}.{what}",
                    "a step made of Tensor operations alone",
                    "one that looks at a number while it is recorded",
                    "Look at it after the step, give a schedule for what depends on the number "
                    "of updates, or train with fit(record=False).",
                )
            )

    def reset(self) -> None:
        """Forget all updates, as if just made: state 0, no steps."""
        for state in self.state.values():
            state[...] = 0
        self.steps = 0

    def _looks_ahead(self) -> bool:
        """Whether the numbers of many updates may be worked out before the first of them.

        A class of the user's own, or a schedule that could look at what training changes, is
        asked before each update, as in eager code.
        """
        return defined_by_minidl(self) and is_pure(self.settings["learning_rate"])

    def _prepare(self, updates: int) -> None:
        """Put the numbers of the next updates, at most ``AHEAD``, where kernels read them."""
        self._check_settings()
        self._check_state()
        updated = int(self._count[0])
        if callable(self.settings["learning_rate"]):
            standing = self._standing()
            self._rates[:updates] = [self._rate(updated + i) for i in range(updates)]
            if self._standing() != standing:
                raise ArgumentError(
                    f"{self.name}(learning_rate=…)",
                    "a schedule, which only tells a rate",
                    "one that changes the optimizer or its parameters",
                    "Change them between two calls of fit, or in a callback.",
                )
        else:
            self._rates[:updates] = self.settings["learning_rate"]
        self._ahead[0] = updated
        self._step_numbers[2:] = self.constants()

    def _standing(self) -> tuple[Any, ...]:
        """All that a schedule must leave alone: it is asked ahead, for many updates at once."""
        states = [(id(array), getattr(array, "nbytes", 0)) for array in self.state.values()]
        parameters = [(p._current_version(), p.requires_grad) for p in self.parameters]
        settings = [*map(id, self.settings.values()), self.clip_norm, self.clip_value]
        return int(self._count[0]), *states, *parameters, *settings

    def _check_settings(self) -> None:
        """An error for settings that were changed to nonsense since they were looked at."""
        given: Any = self.settings
        if not isinstance(given, dict):
            got, remedy = repr(given), "Write optimizer.settings['…'] = … instead."
            raise ArgumentError(f"{self.name}.settings", "a dict of settings", got, remedy)
        checked = {**self.settings, "clip_norm": self.clip_norm, "clip_value": self.clip_value}
        known = self._sound
        if len(checked) == len(known) and all(known.get(k) is v for k, v in checked.items()):
            return
        for key, value in with_defaults(self.name, self.defaults, given).items():
            given[key] = self._setting(key, value)
        self.clip_norm = self._bound("clip_norm", self.clip_norm)
        self.clip_value = self._bound("clip_value", self.clip_value)
        self._sound = {
            **self.settings, "clip_norm": self.clip_norm, "clip_value": self.clip_value
        }  # fmt: skip

    def _check_state(self) -> None:
        """An error for state that was replaced by what is none; kernels look at its size."""
        kinds = [type(array) for array in self.state.values()]
        if kinds != [np.ndarray] * len(self.states):
            remedy = "Write numbers into its arrays: optimizer.state['…'][...] = 0.0."
            expected, got = ", ".join(self.states), f"{self.state!r:.60}"
            raise ArgumentError(f"{self.name}.state", f"the arrays {expected}", got, remedy)

    def _memory(self) -> dict[str, np.ndarray]:
        """What an update works on, by name: for listings."""
        numbers = {"rates": self._rates, "count": self._count, "step_numbers": self._step_numbers}
        named = {f"{self.name}.{name}": array for name, array in numbers.items()}
        for i, (values, gradients, place) in enumerate(self._runs, start=1):
            which = i if len(self._runs) > 1 else ""
            named |= {f"parameters{which}": values, f"∂parameters{which}": gradients}
            for name, state in self.state.items():
                named[f"{self.name}.{name}{which}"] = state[place]
        return named

    def _work(self) -> list[np.ndarray]:
        """The memory of its own that an update works on."""
        numbers = [self._rates, self._ahead, self._count, self._step_numbers, self._squares]
        return [*self.state.values(), *numbers]

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next ``backward`` starts afresh."""
        for parameter in self.parameters:
            parameter.grad = None

    def _check_trainable(self, culprit: str) -> None:
        """Refuse to train what is frozen altogether.

        Raises
        ------
        ArgumentError
            If none of the parameters requires a gradient.
        """
        if not any(parameter.requires_grad for parameter in self.parameters):
            expected, got = "a parameter to train", f"{len(self.parameters)}, all of them frozen"
            raise ArgumentError(culprit, expected, got, "Thaw some: net[-1].trainable = True.")

    def step(self) -> None:
        """Update every parameter that has a gradient and requires one.

        The others are left alone, and so is what the optimizer remembers of them; the norm that
        ``clip_norm`` limits is that of the gradients that are used.
        """
        with self._alone():
            listening = listener()
            if listening is None or listening.computes:
                self._prepare(1)
            runs = self._stretches()
            if listening is not None:
                listening.follow(self)
            self._update(runs, list if listening is None else partial(listening.handed, self))

    def _alone(self) -> Together:
        """While this is entered, no other thread updates these parameters or this optimizer."""
        return Together([self._turn, *self._turns])

    def _update(
        self,
        runs: Sequence[tuple[np.ndarray, np.ndarray, slice]],
        handed: Callable[[Iterable[np.ndarray]], list[np.ndarray]],
    ) -> None:
        self._clip(handed(gradient for _, gradient, _ in runs))
        update.begin(self._rates, self._ahead, self._count, self._step_numbers)
        for values, gradients, place in runs:
            states = [state[place] for state in self.state.values()]
            self.kernel(*handed([values, gradients, *states, self._step_numbers]))
        for parameter in self._active:
            parameter._count_write()

    def _stretches(self) -> Sequence[tuple[np.ndarray, np.ndarray, slice]]:
        """What the next update works on."""
        active = [p for p in self.parameters if p._wants and p._grad is not None]
        if [id(p._array) for p in active] != [*map(id, self._arrays)]:
            self._join(active)
        return self._runs

    def _join(self, active: list[Tensor]) -> None:
        """Find the stretches of memory of those that are updated."""
        starts = accumulate((p.size for p in self.parameters), initial=0)
        place = {id(p): start for p, start in zip(self.parameters, starts, strict=False)}
        self._runs = stretches(active, [place[id(p)] for p in active])
        self._active, self._arrays = active, [parameter._array for parameter in active]
        self._squares = np.zeros(len(self._runs), np.float64)
        self._turns = distinct(p._training for p in active)

    def _clip(self, gradients: list[np.ndarray]) -> None:
        """Limit gradients as ``clip_value`` and ``clip_norm`` say."""
        if self.clip_value is not None:
            for gradient in gradients:
                update.limit(gradient, self.clip_value)
        if self.clip_norm is not None:
            squares = self._squares[: len(gradients)]
            for i, gradient in enumerate(gradients):
                update.square_sum(gradient, squares[i : i + 1])
            for gradient in gradients:
                update.shrink_to(gradient, squares, self.clip_norm)

    def constants(self) -> list[float]:
        """The numbers the kernel gets after the learning rate and the update's number."""
        return []

    def kernel(self, *arrays: np.ndarray) -> None:
        """Update one stretch: values, gradients, states, step numbers."""
        if self.update_kernel is None:
            raise NotImplementedError(f"{type(self).__name__} has no kernel(self, *arrays)")
        self.update_kernel(*arrays)

    @classmethod
    def formulas(cls, numbers: Mapping[str, float]) -> dict[str, str]:
        """The update of one number in symbols: what becomes of each, in order.

        Parameters
        ----------
        numbers : mapping
            What the kernel gets: ``eta`` (the learning rate), ``t`` (the update's number) and the
            ``constants`` by their ``symbols``; a variant of the rule may depend on them.

        Returns
        -------
        dict
            Formulas on these, on ``p`` (the parameter), ``g`` (its gradient), the states, and on
            what stands further up. Empty where none is stated.
        """
        return {}

    @classmethod
    def purpose(cls, numbers: Mapping[str, float]) -> str:
        """One sentence on why the update is made so."""
        return ""

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({settings}, steps={self.steps})"
