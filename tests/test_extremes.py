"""handlers/temperature/extremes.py: what max() and min() say, found quickly."""

import random
import textwrap

import pytest

from handlers.temperature import extremes
from handlers.temperature.extremes import Extreme

#: The lesson's way, as the room's own docstring has it.
PLAIN = {}
exec(textwrap.dedent(extremes.__doc__.partition("\n\n    class")[1]
                     + extremes.__doc__.partition("\n\n    class")[2]), PLAIN)


@pytest.mark.parametrize("which", [max, min])
@pytest.mark.parametrize("ranks, times", [(1, 200), (2, 3000), (10, 10000), (300, 20000)])
def test_it_says_what_max_and_min_say(which, ranks, times):
    choose = random.Random(ranks)
    quick, plain = Extreme(which), PLAIN["Extreme"](which)
    known = 0
    for number in range(times):
        rank = choose.randrange(min(known + 1, ranks))
        known = max(known, rank + 1)
        value = choose.randrange(-400, 400) / choose.choice((1.0, 10.0, 100.0))
        quick.set(rank, value)
        plain.set(rank, value)
        if number % 7 == 0 or ranks < 10:
            assert quick.rank() == plain.rank()


@pytest.mark.parametrize("which, values, rank", [
    (max, [1.0, 3.0, 3.0, 2.0], 1), (min, [3.0, 1.0, 1.0, 2.0], 1), (max, [-1.0, -0.5], 1),
    (min, [0.0, -0.0], 0)])
def test_of_equal_values_the_lowest_rank(which, values, rank):
    extreme = Extreme(which)
    for number, value in enumerate(values):
        extreme.set(number, value)
    assert extreme.rank() == rank
    for number, value in reversed(list(enumerate(values))):
        extreme.set(number, value)
    assert extreme.rank() == rank


@pytest.mark.parametrize("which", [max, min])
def test_without_values(which):
    with pytest.raises(ValueError):
        Extreme(which).rank()


@pytest.mark.parametrize("which", [max, min])
def test_a_value_that_is_higher_and_higher_or_lower_and_lower_does_not_make_it_grow(which):
    extreme = Extreme(which)
    for rank in range(3):
        extreme.set(rank, 0.0)
    for number in range(20000):
        extreme.set(1, -float(number) if which is min else float(number))
        assert len(extreme._heap) <= 2 * 3 + 17
    assert extreme.rank() == 1
