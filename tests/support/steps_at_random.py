"""Random training steps over the public API, each as source text that runs alone.

A seed decides a step: its network, with a layer ``Body`` of random operations, its loss and
targets, its optimizer and data. Shapes are small; ``ROWS`` in one stands for a batch's rows.
"""

import random
from dataclasses import dataclass, field

import numpy as np
import own_pieces

import minidl as ml
from minidl.core.intervals import NON_NEGATIVE, SIGNS, UNIT

ROWS = "rows"
ACTIVATIONS = [name for name in ml.activations.names() if name not in ("prelu", "linear")]
ROWWISE = ("softmax", "log_softmax")
OUTPUTS = {"sigmoid": "sigmoid", "softmax": "softmax", "exp": "softplus"}
LAYERS = ["Residual({k}, DTYPE)", "Gate({k}, DTYPE)", "Normed()"]
UNRECORDED = ["Centre({k}, DTYPE)", "Switch()", "Noise()", "Looks()", "Outside()"]
OPTIMIZERS = [
    "ml.SGD({p}, 0.05{c})",
    "ml.SGD({p}, 0.05, momentum=0.5, nesterov=True{c})",
    "ml.SGD({p}, ml.Cosine(0.05, 20), weight_decay=0.1{c})",
    "ml.Adam({p}, 0.02{c})",
    "ml.AdamW({p}, ml.WarmUp(0.02, 3), weight_decay=0.1{c})",
    "ml.RMSprop({p}, lambda n: 0.02 / (1 + n){c})",
    "Twice({p}, 0.02{c})",
]
UNRECORDED_OPTIMIZERS = ["Adagrad({p}, 0.02{c})", "Around({p}, 0.02{c})"]
CLIPS = ["", "", "", ", clip_norm=0.5", ", clip_value=0.1", ", clip_norm=1.0, clip_value=0.3"]
WRONG = ["np.nan", "np.inf", "-np.inf", "-1.0", "7.0", "0.5", "0.0", "1e9", "1e30"]
OWN = {name: thing for name, thing in vars(own_pieces).items() if not name.startswith("_")}


@dataclass
class Chance:
    """Random choices, by a seed."""

    seed: int
    rng: random.Random = field(init=False)

    def __post_init__(self):
        self.rng = random.Random(self.seed)

    def one(self, options):
        return self.rng.choice(list(options))

    def once_in(self, times):
        return self.rng.randrange(times) == 0

    def whole(self, low, high):
        return self.rng.randint(low, high)


class Body:
    """The text of a layer's ``forward``, operation by operation, with the shapes it makes."""

    def __init__(self, chance, width):
        self.chance, self.parameters, self.lines = chance, [], []
        self.known = {"x": (ROWS, width)}
        for _ in range(chance.whole(0, 6)):
            self.grow()
        self.width = self.gather()

    def new(self, code, shape):
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {code}")
        self.known[name] = shape
        return name

    def parameter(self, *shape):
        name = f"p{len(self.parameters)}"
        given = ", ".join(map(str, (self.chance.whole(0, 99), *shape)))
        tensor = f"ml.Tensor(numbers({given}), requires_grad=True, dtype=DTYPE)"
        self.parameters.append(f"self.{name} = {tensor}")
        return f"self.{name}"

    def grow(self):
        kinds = (self.unary, self.unary, self.binary, self.reduced, self.indexed, self.shaped,
                 self.product, self.joined)  # fmt: skip
        name = self.chance.one([*self.known, list(self.known)[-1], list(self.known)[-1]])
        made = self.chance.one(kinds)(name, self.known[name])
        if made is not None:
            self.new(*made)

    def unary(self, v, shape):
        width = shape[-1] if shape and shape[-1] != ROWS else 1
        options = [
            f"{v} * 0.5", f"{v} + 0.25", f"1.5 - {v}", f"{v} / 3.0", f"-{v}", f"abs({v})",
            f"ml.exp({v}.clip(-3.0, 3.0))", f"ml.log(abs({v}) + 0.5)", f"ml.sqrt(abs({v}) + 0.1)",
            f"{v}.clip(-0.5, 0.8)", f"{v} ** 2", f"(abs({v}) + 0.3) ** 1.5", f"2.0 ** {v}",
            f"ml.where({v} > 0.1, {v}, 0.5)", f"ml.maximum({v}, 0.0)", f"ml.minimum({v}, 0.4)",
            f"hold({v}) * 0.5 + {v}", f"1.0 / ({v} * {v} + 1.0)", f"{v} * hold({v} * {v})",
            f"{v} * {self.parameter(*([width] if shape else [1]))}" if width else f"{v} * 2.0",
            f"Bump()({v})", f"Squeezed(share=0.4)({v})", f"ml.leaky_relu({v}, alpha=0.2)",
            f"ml.where({v} <= 0.0, {v} * 0.1, {v} + 1.0)", f"{v} + np.full({max(width, 1)}, 0.5)",
            f"{v} - {v}.mean()" if 0 not in shape else f"{v} * 1.0",
        ]  # fmt: skip
        activation = self.chance.one(ACTIVATIONS)
        if activation not in ROWWISE or (shape and shape[-1] not in (ROWS, 0, 1)):
            options += [f"ml.{activation}({v})"] * 6
        if self.chance.once_in(150):
            options = [f"({v} > 0) * 1.0 + {v}", f"ml.softmax({v}.reshape(-1, 1))", f"np.tanh({v})"]
        code = self.chance.one(options)
        if code.endswith("0.5)") and "np.full" in code and not shape:
            return None
        return code, shape

    def binary(self, v, shape):
        fitting = [n for n, s in self.known.items() if s == shape or s == ()
                   or (len(s) == 2 == len(shape) and s[1] == shape[1] and s[0] == 1)]  # fmt: skip
        u = self.chance.one(fitting)
        pattern = self.chance.one([
            "{v} + {u}", "{v} - {u}", "{v} * {u}", "{v} / (abs({u}) + 0.5)", "ml.maximum({v}, {u})",
            "ml.minimum({u}, {v})", "ml.where({v} > {u}, {v}, {u} * 0.5)", "{u} * 0.3 + {v}",
            "(abs({v}) + 0.5) ** {u}.clip(-1.0, 2.0)", "ml.where(hold({u}), {v}, 0.0)",
        ])  # fmt: skip
        return pattern.format(v=v, u=u), shape

    def reduced(self, v, shape):
        if 0 in shape:
            return f"{v}.sum()", ()
        kind = self.chance.one(["sum", "mean", "max", "min"])
        ways = [(f"{v}.{kind}()", ())]
        if len(shape) >= 2:
            ways += [(f"{v}.{kind}(axis=0, keepdims=True)", (1, *shape[1:])),
                     (f"{v}.{kind}(axis=-1)", shape[:-1]),
                     (f"{v}.{kind}(axis={len(shape) - 1}, keepdims=True)", (*shape[:-1], 1)),
                     (f"{v}.{kind}(axis=(0, 1))", shape[2:])]  # fmt: skip
        return self.chance.one(ways)

    def indexed(self, v, shape):
        if len(shape) != 2 or not shape[1] or shape[1] == ROWS:
            return None
        k = shape[1]
        mask = [bool(self.chance.whole(0, 1)) for _ in range(k)]
        some = [self.chance.whole(-k, k - 1) for _ in range(self.chance.whole(1, 4))]
        ways = [
            (f"{v}[:, {self.chance.whole(0, k - 1)}]", (shape[0],)),
            (f"{v}[:, ::-1]", shape), (f"{v}[:, {some}]", (shape[0], len(some))),
            (f"{v}[:, np.array({mask})]", (shape[0], sum(mask))),
            (f"{v}[..., None]", (*shape, 1)), (f"{v}[:, 1:]", (shape[0], k - 1)),
            (f"{v}[-1]", (k,)), (f"{v}[[0, -1]]", (2, k)), (f"{v}[-1:, :]", (1, k)),
            (f"{v}[::-1]", shape), (f"{v}[0, {some}]", (len(some),)),
        ]  # fmt: skip
        return self.chance.one(ways)

    def shaped(self, v, shape):
        ways = [(f"({v}.T * 2.0).T", shape)]
        if len(shape) == 2 and shape[0] == ROWS and shape[1] not in (0, ROWS):
            k = shape[1]
            ways += [(f"{v}.reshape(-1, 1, {k})", (ROWS, 1, k))]
            if k % 2 == 0:
                ways += [(f"{v}.reshape(-1, 2, {k // 2}).transpose(0, 2, 1)", (ROWS, k // 2, 2))]
            ways += [(f"{v}.reshape({v}.shape[0], -1)", shape), (f"{v}.reshape(-1, {k})", shape)]
        if len(shape) == 3 and shape[0] == ROWS:
            ways += [(f"{v}.transpose(0, 2, 1)", (ROWS, shape[2], shape[1]))] * 2
        if shape in ((), (1,)):
            ways += [(f"{v}.broadcast_to((2, 3))", (2, 3)), (f"{v}.reshape(1, 1)", (1, 1))]
        return self.chance.one(ways)

    def product(self, v, shape):
        if len(shape) < 2 or shape[-1] in (0, ROWS) or 0 in shape:
            return None
        k, m = shape[-1], self.chance.whole(1, 3)
        ways = [(f"{v} @ {self.parameter(k, m)}", (*shape[:-1], m)),
                (f"ml.matmul({v}, {self.parameter(k)})", shape[:-1])]  # fmt: skip
        if len(shape) == 2:
            ways += [(f"{v} @ ({v}.T @ {v}) * 0.1", shape), (f"{v}.T @ {v}", (k, k))]
        return self.chance.one(ways)

    def joined(self, v, shape):
        if not shape:
            return f"ml.stack([{v}, {v} * 2.0])", (2,)
        if len(shape) != 2 or shape[1] == ROWS:
            return f"ml.stack([{v}, -{v}], axis={len(shape)})", (*shape, 2)
        same = [n for n, s in self.known.items() if len(s) == 2 and s[0] == shape[0] != ROWS + "?"]
        u = self.chance.one([n for n in same if self.known[n][1] != ROWS])
        return f"ml.concatenate([{v}, {u}], axis=1)", (shape[0], shape[1] + self.known[u][1])

    def gather(self):
        """End in one array of rows, made of the newest result."""
        v, shape = list(self.known.items())[-1]
        if shape == (ROWS,):
            v, shape = self.new(f"{v}.reshape(-1, 1)", (ROWS, 1)), (ROWS, 1)
        elif len(shape) == 3 and shape[0] == ROWS and 0 not in shape:
            width = shape[1] * shape[2]
            v, shape = self.new(f"{v}.reshape(-1, {width})", (ROWS, width)), (ROWS, width)
        elif len(shape) != 2 or shape[0] != ROWS or not shape[1] or shape[1] == ROWS:
            v, shape = self.new(f"x * (1.0 + 0.1 * {v}.sum())", self.known["x"]), self.known["x"]
        return shape[1]

    def text(self):
        begin = ["self.dtype = DTYPE", *self.parameters]
        forward = [*self.lines, f"return {list(self.known)[-1]}"]
        lines = [
            "class Body(ml.Layer):",
            "    def __init__(self):",
            *(f"        {x}" for x in begin),
        ]
        lines += ["    def forward(self, x, training):", *(f"        {x}" for x in forward)]
        return "\n".join(lines)


@dataclass
class Step:
    """A step's text, and what is known of it."""

    seed: int
    dtype: str
    rows: int
    text: str

    def built(self, dtype=None, **others):
        """Everything made afresh: the names that the text has given."""
        names = {"np": np, "ml": ml, **OWN, "__name__": "step_at_random", **others,
                 "DTYPE": dtype or self.dtype}  # fmt: skip
        exec(compile(self.text, f"<step {self.seed}>", "exec"), names)
        return names

    def __str__(self):
        head = "import numpy as np\nimport minidl as ml\nfrom own_pieces import *\n"
        return f"# seed {self.seed}\n{head}DTYPE = {self.dtype!r}\n{self.text}"


def step_at_random(seed):
    """The step that a seed decides."""
    chance = Chance(seed)
    rows, width = chance.one([1, 2, 3, 3, 4, 5, 8]), chance.one([1, 2, 3, 4])
    total = 2 * rows + chance.one([0, 0, chance.whole(0, rows - 1)])
    loss = chance.one([*ml.losses.names(), "own"])
    kind = own_pieces.Quartic if loss == "own" else ml.losses[loss]
    outputs = chance.whole(2, 3) if kind.rowwise else chance.whole(1, 3)
    lines = [*_network(chance, width, outputs, kind), *_loss(chance, loss, kind, outputs, rows)]
    lines += [*_step(chance), *_data(chance, kind, rows, total, width, outputs, lines)]
    return Step(seed, chance.one(["float32", "float64"]), rows, "\n".join(lines))


def _network(chance, width, outputs, loss):
    hidden, layers = chance.one([1, 2, 4]), []
    if chance.once_in(2):
        name = chance.one(["relu", "tanh", "prelu", *ACTIVATIONS])
        name = "tanh" if name in ROWWISE and hidden < 2 else name
        layers += [f"ml.Dense({width}, {hidden}, {name!r}, seed=1, dtype=DTYPE)"]
        width = hidden
    if chance.once_in(3):
        layers += [f"ml.Dropout({chance.one([0.2, 0.5])}, seed={chance.whole(0, 9)})"]
    if chance.once_in(5):
        layers += [chance.one(LAYERS).format(k=width)]
    body = Body(chance, width)
    layers += ["Body()"]
    if chance.once_in(12):
        layers += [chance.one(UNRECORDED).format(k=body.width)]
    link = OUTPUTS.get(loss.link)
    ending = link if link and not chance.once_in(4) else chance.one([None, None, "tanh", "sigmoid"])
    layers += [f"ml.Dense({body.width}, {outputs}, {ending!r}, seed=2, dtype=DTYPE)"]
    if chance.once_in(6) and ending != "softmax":
        layers += ["ml.Dropout(0.3, seed=4)"]
    return [body.text(), "net = ml.Sequential(", *(f"    {layer}," for layer in layers), ")"]


def _loss(chance, name, kind, outputs, rows):
    prediction = chance.one(["p"] * 8 + ["p * 1.0", "p.clip(0.0, 1.0)", "p[::-1]", "p[:, ::-1]"])
    settings = [f"reduction={chance.one(['mean', 'mean', 'sum', 'none'])!r}"]
    if kind.link and chance.once_in(8):
        settings += ["from_logits=True"]
    weights = chance.one(
        ["", "", "", "w", "w", "w * 2.0", "w.reshape(-1)", "w - 0.4"]
        + ["class"] * chance.once_in(3)
    )
    if weights:
        settings += [f"sample_weight={weights}" if weights != "class" else
                     "class_weight='balanced'"]  # fmt: skip
    end = {"mean": "", "sum": "", "none": ".mean()"}[settings[0].split("'")[1]]
    target = _target(chance, kind, outputs, rows)
    loss = "Quartic()" if name == "own" else f"ml.{name}"
    if name == "huber" and chance.once_in(2):
        loss = "ml.huber(delta=0.5)"
    return [
        f"LOSS = {loss}",
        f"WEIGHED = {weights.startswith('w')}",
        "def loss_of(x, t, w):",
        "    p = net(x, training=True)",
        f"    return LOSS({target}, {prediction}, {', '.join(settings)}){end}",
    ]


def _target(chance, kind, outputs, rows):
    """How the step says what is right: an input, a view of one, computed, or a constant."""
    classes = kind.rowwise and not kind.needs_distributions and chance.once_in(2)
    if classes:
        forms = ["t[:, 0]", "t[:, 0]", "t[:, :1].reshape(-1)", "t.T[0]", "t[:, 0] * 1.0",
                 "ml.where(x[:, 0] > 0, 1.0, 0.0)", "abs(t[:, 0])", "t[::-1, 0]",
                 f"np.arange({rows}) % {outputs}", "(x[:, 0] > 0)"]  # fmt: skip
        return chance.one(forms)
    some = f"t[:, 1:{outputs + 1}]"
    forms = [some] * 4 + [
        f"{some}[:, ::-1]", f"{some}.T.T", f"{some} * 1.0", f"hold(p) * 0.5 + {some}",
        f"{some}.reshape(-1, {outputs})", f"{some} * 2.0 - 1.0", f"hold(ml.sigmoid({some}))",
        f"np.ones(({rows}, {outputs}))", "hold(p)", f"({some} > 0.5)", f"{some}[::-1]",
        f"ml.softmax(t)[:, :{outputs}]", f"ml.where({some} > 0.3, 1.0, 0.0)",
    ]  # fmt: skip
    return chance.one(forms)


def _step(chance):
    which = chance.one(["net.parameters()"] * 4 + ["net.parameters()[1:]"])
    options = OPTIMIZERS if not chance.once_in(15) else UNRECORDED_OPTIMIZERS
    optimizer = chance.one(options).format(p=which, c=chance.one(CLIPS))
    lines = [f"optimizer = {optimizer}"]
    if chance.once_in(6):
        lines += [f"net.parameters()[{chance.whole(-2, 0)}].requires_grad = False"]
    update = ["loss.backward()", "optimizer.step()"]
    clear = "for parameter in net.parameters(): parameter.grad = None"  # also of those left out
    clear = "optimizer.zero_grad()" if which == "net.parameters()" else clear
    body = chance.one(
        [["loss = loss_of(x, t, w)", clear, *update]] * 6
        + [
            [clear, "loss = loss_of(x, t, w)", *update],
            ["loss = loss_of(x, t, w)", *update, clear],
            [clear, "loss_of(x, t, w).backward()", "loss = loss_of(x, t, w)", *update],
            ["loss = loss_of(x, t, w)", clear, *update, "optimizer.step()"],
        ]
        + [["loss = loss_of(x, t, w)", *update]] * chance.once_in(30)
    )  # they add up: not recorded
    return [*lines, "def step(x, t, w):", *(f"    {line}" for line in body), "    return loss"]


def _data(chance, kind, rows, total, width, outputs, lines):
    """Column 0 of T holds classes, the others targets of the loss's kind."""
    rng = chance.whole(0, 10**6)
    of = {SIGNS: "np.sign({})", UNIT: "(1 / (1 + np.exp(-{})))", NON_NEGATIVE: "abs({})"}
    if kind.rows_sum_to_one or chance.once_in(3):
        of[UNIT] = "(np.eye({k})[np.arange({n}) % {k}] + 0 * {})"
    form = of.get(kind.target, of[UNIT] if kind.rowwise else "{}")
    if kind.rowwise and not kind.rows_sum_to_one:
        form = "(np.eye({k})[np.arange({n}) % {k}] + 0 * {})"
    targets = form.replace("{k}", str(outputs)).replace("{n}", str(total))
    targets = targets.replace("{}", f"numbers({rng + 1}, {total}, {outputs})")
    classes = f"np.arange({total}).reshape(-1, 1) % {outputs}"
    made = [
        f"X = numbers({rng}, {total}, {width})",
        f"T = np.hstack([{classes}, {targets}]).astype(float)",
        f"W = abs(numbers({rng + 2}, {total}))",
        f"ORDER = np.random.default_rng({rng}).permutation({total})",
    ]
    if chance.once_in(4):
        row, column = chance.whole(0, total - 1), chance.whole(1, outputs)
        wrong = chance.one(WRONG)
        places = [f"T[{row}, 0]", f"T[{row}, {column}]", f"X[{row}, 0]", f"W[{row}]", f"W[:{row}]"]
        where = chance.one(places)
        made += [f"{where} = {wrong}"]
    return made
