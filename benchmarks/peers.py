"""The same training step in several libraries, each as its own documentation advises.

One function a library. Each takes a Setting and the arrays, and returns a Peer. `start` sets the
first weights, `run` takes one step for each row of `batches` (row numbers, one minibatch a row),
and `parameters` tells the weights and biases, so that a test can see that all compute the same.

tanh hidden units, softmax and cross-entropy, SGD, weight decay on weights and not on biases,
float32. Choosing the rows is part of a step; reading files, scaling and compiling are not.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handmlp import Network, fan_in, softmax_cross_entropy, tanh, unit_range
from handmlp.products import one_thread
from handmlp.training import train_epoch


@dataclass(frozen=True)
class Setting:
    """What is timed: 784-units-10, the minibatch, and whether with momentum and weight decay."""

    units: int = 100
    size: int = 10
    momentum: float = 0.0
    decay: float = 0.0
    rate: float = 0.1

    def network(self) -> Network:
        """The network that every library starts from."""
        return Network.draw((784, self.units, 10), tanh, softmax_cross_entropy, fan_in,
                            unit_range.fit(None), np.random.default_rng(0))


@dataclass(frozen=True)
class Peer:
    """One library: `start()`, then `run(batches)`; `parameters()` returns [W0, W1, b0, b1]."""

    start: Callable[[], None]
    run: Callable[[np.ndarray], None]
    parameters: Callable[[], list[np.ndarray]]


def products(setting: Setting, x, labels) -> Peer:
    """The five bare matrix products of a step: the floor that arithmetic sets."""
    network = setting.network()
    W, into = network.W, network.parameters.like().W
    shapes = 784, setting.units, setting.units, 10
    # NumPy hands an outer product to no library, and is faster where it is told that it is none.
    multiply = np.multiply if setting.size == 1 else np.matmul
    x, a, d1, d2 = (np.ones((setting.size, n), np.float32) for n in shapes)

    def run(batches):
        for _ in batches:
            x @ W[0]
            a @ W[1]
            multiply(a.T, d2, out=into[1])
            d2 @ W[1].T
            multiply(x.T, d1, out=into[0])
    return Peer(lambda: None, run, lambda: [*W, *network.b])


def handmlp(setting: Setting, x, labels) -> Peer:
    """The training loop that the book quotes."""
    network, t = setting.network(), np.eye(10, dtype=np.float32)[labels]
    first = network.parameters.flat.copy()
    velocity = network.parameters.like()

    def start():
        network.parameters.flat[:] = first
        velocity.flat[:] = 0

    def run(batches):
        with np.errstate(all="ignore"):
            with one_thread():
                train_epoch(network, x, t, batches, velocity, setting.rate, setting.momentum,
                            (setting.decay,) * 2)
    return Peer(start, run, lambda: [*network.W, *network.b])


def scikit_learn(setting: Setting, x, labels) -> Peer:
    """MLPClassifier; one call of `partial_fit` goes once through the rows it is given."""
    from sklearn.neural_network import MLPClassifier

    network = setting.network()
    model = MLPClassifier((setting.units,), activation="tanh", solver="sgd", shuffle=False,
                          alpha=setting.decay * setting.size, batch_size=setting.size,
                          learning_rate_init=setting.rate, momentum=setting.momentum,
                          nesterovs_momentum=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 10 rows are fewer than a minibatch
        model.partial_fit(x[:10], labels[:10], classes=np.arange(10))

    def start():
        for part, our in zip(model.coefs_ + model.intercepts_, network.W + network.b):
            part[:] = our
        vars(model).pop("_optimizer", None)  # it holds the velocity

    def run(batches):
        rows = np.concatenate(batches)
        model.partial_fit(x[rows], labels[rows])
    return Peer(start, run, lambda: [*model.coefs_, *model.intercepts_])


def pytorch(setting: Setting, x, labels, compiled: bool = False) -> Peer:
    """Eager PyTorch with its fused optimiser, or the forward and backward passes compiled."""
    import torch
    from torch import nn

    network = setting.network()
    layers = nn.Linear(784, setting.units), nn.Tanh(), nn.Linear(setting.units, 10)
    model, loss = nn.Sequential(*layers), nn.CrossEntropyLoss()
    decayed = {"params": [layer.weight for layer in layers[::2]], "weight_decay": setting.decay}
    biases = {"params": [layer.bias for layer in layers[::2]]}
    optimiser = torch.optim.SGD([decayed, biases], setting.rate, setting.momentum, fused=True)
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)

    @torch.no_grad()
    def start():
        optimiser.state.clear()
        for layer, W in zip(layers[::2], network.W):
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.zero_()

    def forward(rows):
        return loss(model(x[rows]), labels[rows])

    forward = torch.compile(forward, dynamic=False) if compiled else forward

    def run(batches):
        for rows in torch.from_numpy(np.asarray(batches)):
            optimiser.zero_grad()
            forward(rows).backward()
            optimiser.step()

    def parameters():
        W, b = zip(*((layer.weight.detach().numpy().T, layer.bias.detach().numpy())
                     for layer in layers[::2]))
        return [*W, *b]
    return Peer(start, run, parameters)


def pytorch_compiled(setting: Setting, x, labels) -> Peer:
    """PyTorch with `torch.compile`."""
    return pytorch(setting, x, labels, compiled=True)


def jax_step(setting: Setting, x, labels, scan: bool = False) -> Peer:
    """JAX with one compiled call a step, or with one for all steps."""
    import jax
    import jax.numpy as jnp

    network = setting.network()
    x, labels = jnp.asarray(x), jnp.asarray(labels)
    decay = [(setting.decay, 0.0)] * 2

    def loss(w, x, labels):
        (W0, b0), (W1, b1) = w
        z = jnp.tanh(x @ W0 + b0) @ W1 + b1
        return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1).mean()

    def step(state, rows):
        w, v = state
        gradient = jax.grad(loss)(w, x[rows], labels[rows])
        if setting.momentum or setting.decay:
            v = jax.tree.map(lambda v, g, w, decay: setting.momentum * v
                             - setting.rate * (g + decay * w), v, gradient, w, decay)
            return (jax.tree.map(jnp.add, w, v), v), None
        return (jax.tree.map(lambda w, g: w - setting.rate * g, w, gradient), v), None

    state = []

    def start():
        w = [(jnp.array(W), jnp.array(b)) for W, b in zip(network.W, network.b)]
        state[:] = [(w, jax.tree.map(jnp.zeros_like, w))]

    one = jax.jit(lambda state, rows: step(state, rows)[0], donate_argnums=0)
    all_of_them = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0],
                          donate_argnums=0)

    def run(batches):
        batches = jnp.asarray(np.asarray(batches))
        if scan:
            state[0] = all_of_them(state[0], batches)
        else:
            for rows in batches:
                state[0] = one(state[0], rows)
        jax.block_until_ready(state[0])

    def parameters():
        W, b = zip(*state[0][0])
        return list(map(np.asarray, W + b))
    return Peer(start, run, parameters)


def jax_scan(setting: Setting, x, labels) -> Peer:
    """JAX with `lax.scan`: a whole epoch in one compiled call."""
    return jax_step(setting, x, labels, scan=True)


PEERS = {"bare products": products, "handmlp": handmlp, "scikit-learn": scikit_learn,
         "PyTorch": pytorch, "PyTorch compiled": pytorch_compiled, "JAX step": jax_step,
         "JAX scan": jax_scan}
