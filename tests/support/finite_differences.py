"""A random step's gradients against central finite differences, in float64."""

import numpy as np

import minidl as ml

SIZES = (1e-5, 1e-6, 1e-4, 1e-7, 1e-3)
"""Steps, tried in turn: the first at which both agree decides."""

SOME = 6
"""Numbers of each parameter that are tried."""


class Held:
    """What ``hold`` gives: the numbers of the first run, in every run."""

    def __init__(self):
        self.tensors, self.place = [], 0

    def __call__(self, tensor):
        if self.place == len(self.tensors):
            self.tensors.append(ml.Tensor(tensor.numpy().copy()))
        self.place += 1
        return self.tensors[self.place - 1]


class Noted:
    """A loss, and whether it met a prediction so near the edge that its slope is bounded.

    From mere probabilities the denominator of a slope is at least 1e-12, by convention.
    """

    def __init__(self, loss):
        self.loss, self.bounded = loss, False

    def __call__(self, t, p, **options):
        p_is_share = self.loss.link and not options.get("from_logits")
        if p_is_share and (np.minimum(p.numpy(), abs(1.0 - p.numpy())) < 1e-11).any():
            self.bounded = True
        return self.loss(t, p, **options)


class Slopes:
    """The gradients of a step's loss on its first batch.

    Attributes
    ----------
    checked, kinks : int
        Numbers that agree with finite differences; those at which the loss has no derivative.
    wrong : list of str
    """

    def __init__(self, step, batch):
        self.checked, self.kinks, self.wrong = 0, 0, []
        self.held = Held()
        self.names = step.built("float64", hold=self.held)
        self.noted = self.names["LOSS"] = Noted(self.names["LOSS"])
        self.batch = [ml.Tensor(part[batch], dtype="float64") for part in step_data(self.names)]
        self.counters = [layer.counter for layer in self.names["net"] if hasattr(layer, "counter")]
        self.begin = [counter.copy() for counter in self.counters]

    def loss(self):
        """The loss tensor, with the same masks every time."""
        for counter, begin in zip(self.counters, self.begin, strict=True):
            counter[...] = begin
        self.held.place = 0
        return self.names["loss_of"](*self.batch)

    def check(self):
        """Compare some numbers of every parameter."""
        loss = self.loss()
        if not np.isfinite(loss.item()) or not loss.requires_grad or self.noted.bounded:
            return self
        loss.backward()
        parameters = [p for p in self.names["net"].parameters() if p.requires_grad]
        gradients = [p.grad for p in parameters]
        rng = np.random.default_rng(0)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is None:
                gradient = np.zeros(parameter.shape)
            flat = parameter.numpy().reshape(-1)
            for i in rng.permutation(flat.size)[:SOME]:
                self._compare(parameter.name, flat, int(i), float(gradient.reshape(-1)[i]))
        return self

    def _compare(self, name, flat, i, slope):
        here, middle, found = flat[i], self.loss().item(), []
        for size in SIZES:
            h = size * max(1.0, abs(here))
            ends = []
            for way in (h, -h):
                flat[i] = here + way
                ends.append(self.loss().item())
            flat[i] = here
            up, down = (ends[0] - middle) / h, (middle - ends[1]) / h
            noise = 4e-16 * max(abs(middle), *map(abs, ends)) / h
            near = 1e-5 * max(abs(slope), abs(up), abs(down)) + 50 * noise + 1e-8
            if abs((up + down) / 2 - slope) <= near:
                self.checked += 1
                return
            found.append((up, down, near))
        # A kink lies between: the slopes on its sides stay apart, however small the step.
        if all(abs(up - down) > near for up, down, near in found[:2]) or not np.isfinite(slope):
            self.kinks += 1
        else:
            self.wrong.append(f"∂{name}[{i}] is {slope}, finite differences {found[0][:2]}")


def step_data(names):
    """The arrays that a step takes."""
    return [names["X"], names["T"], names["W"]]
