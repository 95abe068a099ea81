"""Steps that several test files record."""

import numpy as np

import minidl as ml

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = RNG.normal(size=(40, 2)).astype(np.float32)
LABELS = RNG.integers(0, 2, 40).astype(np.float32)
T = LABELS.reshape(-1, 1)


def classifier(dtype="float32", widths=(3, 8, 1)):
    net = ml.mlp(list(widths), output="sigmoid", seed=0, dtype=dtype)
    optimizer = ml.Adam(net.parameters(), learning_rate=1e-2)
    return net, optimizer, training_step(net, optimizer, loss=ml.binary_crossentropy)


def training_step(net, optimizer, predict=None, loss=ml.mse):
    def step(x, t):
        value = loss(t, (predict or net)(x))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def tensor(*shape, seed=0):
    numbers = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return ml.Tensor(numbers, requires_grad=True, name=f"w{shape}")


class Residual:
    """A skip connection, a weight used twice, and whatever else a hand-written network does."""

    def __init__(self, head):
        self.inside, self.square = tensor(3, 4), tensor(4, 4, seed=1)
        self.out = tensor(4, 2, seed=2)
        self.parameters = [self.inside, self.square, self.out]
        self.head = head

    def __call__(self, x):
        h = ml.tanh(x @ self.inside)
        h = h + ml.relu(h @ self.square)
        h = h + ml.relu(h @ self.square)
        return self.head(h, h @ self.out)


def own_loss(t, p):
    apart = ml.absolute(p - t)
    return ml.where(Y[:1] > 0, apart, apart * apart).mean()


HEADS = {
    "skip and shared": lambda h, y: y,
    "concatenate": lambda h, y: ml.concatenate([y, h], axis=1)[:, :2],
    "stack": lambda h, y: ml.stack([y, y * 2.0], axis=0).sum(axis=0),
    "basic indexing": lambda h, y: y[:, ::-1] + h[:, 1:3],
    "array indexing": lambda h, y: y + h[:, np.array([0, 3])],
    "reshape, transpose": lambda h, y: y + h.reshape(-1, 2, 2).transpose(0, 2, 1)[:, 0],
    "sum, mean": lambda h, y: y * h.sum(axis=1, keepdims=True) + h.mean(),
    "max, min": lambda h, y: y + h.max(axis=1, keepdims=True) - h.min(axis=0)[:2],
    "exp, log, sqrt": lambda h, y: (y.exp() + 1.0).log() + (h * h + 0.1).sqrt()[:, :2],
    "power, divide": lambda h, y: (y * y + 1.0) ** 1.5 / (h[:, :2] ** 2 + 2.0),
    "clip, abs, negative": lambda h, y: -y.clip(-0.5, 0.5) + ml.absolute(h[:, 2:]),
    "maximum, minimum": lambda h, y: ml.maximum(y, h[:, :2]) - ml.minimum(y, 0.25),
    "where": lambda h, y: ml.where(np.array([True, False]), y, h[:, :2]),
    "where of a comparison": lambda h, y: ml.where(y > 0.1, y, h[:, :2] * (y <= h[:, 1:3])),
    "other comparisons": lambda h, y: y * (y < h[:, :2]) * (y >= 0.1) * (y == y) + (y != 0.0),
    "weights of rows": lambda h, y: y + ml.mse(h[:, :2].detach(), y, sample_weight=np.arange(8.0)),
    "matmul of stacks": lambda h, y: (h.reshape(-1, 2, 2) @ h.reshape(-1, 2, 2))[:, 0] + y,
    "softmax": lambda h, y: ml.softmax(h)[:, :2] + ml.log_softmax(y),
    "prelu": lambda h, y: ml.leaky_relu(y) + ml.selu(h)[:, 2:],
    "detach": lambda h, y: y + h.detach()[:, :2],
    "dropout": lambda h, y: y,
}  # fmt: skip


def hand_written(head, losses_added=False):
    net = Residual(HEADS[head])
    optimizer = ml.SGD(net.parameters, momentum=0.9, clip_norm=1.0)
    drop = ml.Dropout(0.5) if head == "dropout" else (lambda x, training: x)

    def step(x, t):
        y = drop(net(x), training=True)
        loss = own_loss(t, y)
        if losses_added:
            loss = loss + 0.5 * ml.huber(t, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, net.parameters, optimizer
