"""What several test files need."""

import pytest

from minidl.activations import Activation, activation, activations


@pytest.fixture
def bend():
    """The name of an activation that exists for one test only."""

    @activation
    class Bend(Activation):
        """A curve nobody knows."""

        name = "bend"
        formula = "x/(1 + x**2)"
        derivative = "(1 − x²)/(1 + x²)²"
        source = "this test"

        @staticmethod
        def value(x: float) -> float:
            return x / (1.0 + x * x)

        @staticmethod
        def slope(x: float) -> float:
            return (1.0 - x * x) / ((1.0 + x * x) * (1.0 + x * x))

    yield "bend"
    activations.unregister("bend")
