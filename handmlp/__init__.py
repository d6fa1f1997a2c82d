"""A neural network by hand, in NumPy: the package that the book reads aloud."""

from handmlp.activations import Activation, logistic, relu, tanh
from handmlp.data import Dataset, Splits, load_idx, load_mnist, one_hot, split
from handmlp.distortions import Distortion, elastic, shifted, undistorted
from handmlp.initialisers import Initialiser, fan_in, fan_in_times, he, normal, unit_normal
from handmlp.inputs import (
    Inputs,
    centred,
    centred_each,
    inverted,
    mean_of,
    unit_range,
    zero_mean,
    zero_mean_each,
    zero_mean_per_pixel,
)
from handmlp.measures import evaluate
from handmlp.network import Network
from handmlp.orders import Order, file_order, runs_of, shuffled, shuffled_once, sorted_by_class
from handmlp.outputs import (
    Output,
    linear_squared_error,
    logistic_cross_entropy,
    logistic_squared_error,
    softmax_cross_entropy,
    softmax_squared_error,
)
from handmlp.recipe import Recipe
from handmlp.runs import History, run, start
from handmlp.schedules import Schedule, constant, falling, one_cycle
from handmlp.training import Diverged, train

__version__ = "0.1.0"
__all__ = [  # without the modules: a reader may well have called something `data`
    "Activation", "Dataset", "Distortion", "Diverged", "History", "Initialiser", "Inputs",
    "Network", "Order", "Output", "Recipe", "Schedule", "Splits", "centred", "centred_each",
    "constant", "elastic", "evaluate", "falling", "fan_in", "fan_in_times", "file_order", "he",
    "inverted", "linear_squared_error", "load_idx", "load_mnist", "logistic",
    "logistic_cross_entropy", "logistic_squared_error", "mean_of", "normal", "one_cycle", "one_hot",
    "relu", "run", "runs_of", "shifted", "shuffled", "shuffled_once", "softmax_cross_entropy",
    "softmax_squared_error", "sorted_by_class", "split", "start", "tanh", "train", "undistorted",
    "unit_normal", "unit_range", "zero_mean", "zero_mean_each", "zero_mean_per_pixel",
]
