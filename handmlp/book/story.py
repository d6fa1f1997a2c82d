"""The story as a list of recipes: each changes one thing, and the learning rate that suits it."""

from handmlp.activations import tanh
from handmlp.initialisers import fan_in
from handmlp.inputs import zero_mean
from handmlp.orders import shuffled
from handmlp.outputs import softmax_cross_entropy
from handmlp.recipe import Recipe

BASELINE = Recipe()
TANH = BASELINE.but(hidden=tanh, learning_rate=1.0)
SOFTMAX = TANH.but(output=softmax_cross_entropy, learning_rate=0.3)
FAN_IN = SOFTMAX.but(init=fan_in, learning_rate=0.1)
ZERO_MEAN = FAN_IN.but(inputs=zero_mean, learning_rate=0.03)
SHUFFLED = ZERO_MEAN.but(order=shuffled)
DECAYED = SHUFFLED.but(weight_decay=1e-5)

STORY = (BASELINE, TANH, SOFTMAX, FAN_IN, ZERO_MEAN, SHUFFLED, DECAYED)
# What each rung is called; it keeps the changes of those before it.
STEPS = ("as in 2015", "+ tanh", "+ cross-entropy", "+ first weights", "+ mean 0", "+ shuffling",
         "+ weight decay")
