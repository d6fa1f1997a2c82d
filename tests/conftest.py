"""What many tests need: the digits, and a few of them for runs that take milliseconds."""

import pytest
from hypothesis import settings

from handmlp.data import Splits, load_mnist

# The same examples every time, and no clock: a check must not depend on how busy a machine is.
settings.register_profile("handmlp", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("handmlp")


@pytest.fixture(scope="session")
def mnist() -> Splits:
    return load_mnist()


@pytest.fixture(scope="session")
def tiny(mnist) -> Splits:
    """Real digits, but few: 600 to train on, 200 to watch, 200 to report on."""
    return Splits(mnist.train.take(slice(600)), mnist.validation.take(slice(200)),
                  mnist.test.take(slice(200)))
