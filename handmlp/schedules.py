"""How the learning rate changes on the way, as a factor of the recipe's `learning_rate`."""

from handmlp.values import Value, number


class Schedule(Value):
    """A rule for the factor, from the share of all steps that are done: `schedule(done)`."""


class Constant(Schedule):
    """The same rate from the first step to the last."""

    def __call__(self, done: float) -> float:
        return 1.0


class Falling(Schedule):
    """Down to 0 in a straight line."""

    def __call__(self, done: float) -> float:
        return 1 - done


class OneCycle(Schedule):
    """Up in a straight line for a share `rise` of the steps, then down to 0 (Smith 2018)."""

    def __init__(self, rise: float = 0.3):
        self.rise = number("rise", rise, "a share in (0, 1)", lambda n: 0 < n < 1)

    def __call__(self, done: float) -> float:
        return min(done / self.rise, (1 - done) / (1 - self.rise))


constant = Constant()
falling = Falling()
one_cycle = OneCycle
