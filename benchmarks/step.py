"""How long one training step takes: handmlp, the five bare matrix products, scikit-learn.

The same 784-100-10 network with softmax and cross-entropy, plain SGD, float32, one thread. The
rounds are interleaved, so that a machine that slows down slows all of them. Run: make bench
"""

import platform
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from handmlp import draw, one_hot
from handmlp.data import load_mnist
from handmlp.logbook import measured
from handmlp.story import FAN_IN
from handmlp.training import minibatches, train_epoch

STEPS, ROUNDS, RATE = 300, 11, 0.1


def products(network, size):
    """Return the five matrix products of a step alone, two forward and three back."""
    W, (x, a, d1, d2) = network.W, (np.ones((size, n), np.float32) for n in (784, 100, 100, 10))
    into = network.parameters.like().W

    def run():
        for _ in range(STEPS):
            x @ W[0]
            a @ W[1]
            np.matmul(a.T, d2, out=into[1])
            d2 @ W[1].T
            np.matmul(x.T, d1, out=into[0])
    return run


def handmlp_steps(network, x, t, size):
    """Return whole training steps, choosing the rows included, with the code the book quotes."""
    step, velocity = network.parameters.like(), network.parameters.like()
    rows = np.random.default_rng(0).permutation(len(x))[:STEPS * size]
    return lambda: train_epoch(network, x, t, minibatches(rows, size), step, velocity, RATE)


def sklearn_steps(x, labels, size):
    """Return as many steps of scikit-learn's MLPClassifier, plain SGD without momentum or decay."""
    model = MLPClassifier((100,), activation="tanh", solver="sgd", alpha=0.0, batch_size=size,
                          learning_rate_init=RATE, momentum=0.0, nesterovs_momentum=False,
                          max_iter=1, n_iter_no_change=10**6, warm_start=True, random_state=0)
    model.fit(x[:STEPS * size], labels[:STEPS * size])
    return lambda: model.fit(x[:STEPS * size], labels[:STEPS * size])


def main():
    """Print one table."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch a call is on purpose
    data = load_mnist().train
    network = draw(FAN_IN, load_mnist(), np.random.default_rng(0))
    x, t, labels = network.scaling(data.images), one_hot(data.labels), data.labels
    print(f"{platform.processor() or platform.machine()}, {measured()}")
    print("microseconds a step, median [quartiles] of", ROUNDS, "interleaved rounds\n")
    print("minibatch  bare products  handmlp                ratio   scikit-learn           ratio")
    with threadpool_limits(1):
        for size in (10, 32, 128):
            runs = [products(network, size), handmlp_steps(network, x, t, size),
                    sklearn_steps(x, labels, size)]
            times = np.array([[_seconds(run) for run in runs] for _ in range(ROUNDS)]) / STEPS * 1e6
            low, bare_and_rest, high = np.percentile(times, (25, 50, 75), axis=0)
            ratios = np.median(times / times[:, :1], axis=0)
            cells = [f"{m:6.0f} [{a:.0f}-{b:.0f}]" for m, a, b in zip(bare_and_rest, low, high)]
            print(f"{size:9d}  {cells[0]:14s} {cells[1]:22s} {ratios[1]:5.2f}   {cells[2]:22s} "
                  f"{ratios[2]:5.2f}")


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
