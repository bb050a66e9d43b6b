"""handlers/temperature/registry.py: the latest reading of each city, the hottest and the coldest."""

import random

import pytest
from test_extremes import PLAIN

from handlers.temperature import registry as registry_module
from handlers.temperature.reading import Reading
from handlers.temperature.registry import Registry, table_of


@pytest.fixture(params=["a heap", "max() and min()"])
def quick_or_plain(request, monkeypatch):
    """Have the registry look for its extremes in our way, then in the lesson's."""
    if request.param != "a heap":
        monkeypatch.setattr(registry_module, "Extreme", PLAIN["Extreme"])


def registry_of(*lines):
    registry = Registry()
    for line in lines:
        registry.record(Reading(*line.split(",")))
    return registry


def test_hottest_has_the_highest_maximum_and_coldest_the_lowest_minimum(quick_or_plain):
    registry = registry_of("Recife,31,24", "Teresina,40,25", "Garanhuns,25,12")
    assert registry.hottest() == ("Teresina", "40", "25")
    assert registry.coldest() == ("Garanhuns", "25", "12")
    assert len(registry) == 3


def test_numbers_are_compared_as_numbers_and_kept_as_they_came(quick_or_plain):
    registry = registry_of("A,9,-3", "B,10.5,-10", "C,10.50,-9.75")
    assert registry.hottest().maximum == "10.5"
    assert registry.coldest().minimum == "-10"


def test_the_latest_reading_counts(quick_or_plain):
    registry = registry_of("A,40,5", "B,30,10", "A,20,15")
    assert registry.hottest().city == "B"
    assert registry.coldest().city == "B"
    assert len(registry) == 2


def test_on_a_tie_the_city_known_first_wins(quick_or_plain):
    registry = registry_of("A,10,5", "B,30,1", "C,30.0,1.0", "A,30,1")
    assert registry.hottest().city == "A"
    assert registry.coldest().city == "A"


def test_against_the_lessons_way():
    """Hundreds of thousands of random readings; max() and min() over all cities tell the truth."""
    choose = random.Random(5)
    for cities, readings, every in (2, 3000, 1), (10, 10000, 1), (300, 100000, 200), \
            (5570, 150000, 5000):
        registry, temp = Registry(), {}
        for number in range(readings):
            minimum = choose.randrange(-400, 400) / choose.choice((1, 10, 100))
            maximum = minimum + choose.randrange(0, 5)
            city = "City %d" % choose.randrange(cities)
            registry.record(Reading(city, str(maximum), str(minimum)))
            temp[city] = [maximum, minimum]
            if number % every == 0:
                assert registry.hottest().city == max(temp, key=lambda k: temp.get(k)[0])
                assert registry.coldest().city == min(temp, key=lambda k: temp.get(k)[1])
        assert len(registry) == len(temp)


def test_empty(quick_or_plain):
    with pytest.raises(ValueError):
        Registry().hottest()
    with pytest.raises(ValueError):
        Registry().coldest()
    assert not Registry()


class OutOfMemory:
    """Raises MemoryError when it is called for the time of this number, after what it stands for."""

    def __init__(self, number):
        self.left = number

    def after(self, function):
        def called(*arguments):
            value = function(*arguments)
            self.left -= 1
            if self.left == 0:
                raise MemoryError
            return value
        return called


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("reading", ["C,50,-50", "A,50,-50", "A,35,1"])
def test_a_reading_that_cannot_be_recorded_changes_nothing(monkeypatch, number, reading):
    registry = registry_of("A,40,5", "B,30,2")
    out = OutOfMemory(number)
    with monkeypatch.context() as patch:
        patch.setattr(registry_module.Extreme, "set", out.after(registry_module.Extreme.set))
        patch.setattr(registry_module, "float", out.after(float), raising=False)
        patch.setattr(registry_module, "plain", out.after(registry_module.plain))
        if number < 5 or reading[0] == "C":  # there are four steps for a city that is known
            with pytest.raises(MemoryError):
                registry.record(Reading(*reading.split(",")))
            assert list(registry) == [("A", "40", "5"), ("B", "30", "2")] and "C" not in registry
            assert registry.summary() == (("A", "40", "5"), ("B", "30", "2"), 2)
            assert registry.alike("c") is None
    for city, temperatures in (("C", ("50", "-50")), ("A", ("60", "-60")), ("D", ("70", "-70"))):
        registry.record(Reading(city, *temperatures))
        assert registry.hottest().city == registry.coldest().city == city
        assert registry.alike(city.lower()) == city
    assert [city for city, *temperatures in registry] == ["A", "B", "C", "D"]


def test_the_table_is_aligned():
    assert table_of(registry_of("São Paulo,31,-3", "Ouro Preto do Oeste,31.5,24")) == """\
City                  Max  Min
São Paulo              31   -3
Ouro Preto do Oeste  31.5   24"""


def test_the_table_is_aligned_on_the_screen():
    """Letters of East Asia are two columns wide; accents, and the joiners of Indian scripts, have no width."""
    table = table_of(registry_of("\u6771\u4eac,31,24", "\uc11c\uc6b8\uc2dc,9,-3", "Ta\u0331,1,0", "Recife,31.5,24"))
    assert table == ("City     Max  Min\n\u6771\u4eac      31   24\n\uc11c\uc6b8\uc2dc     9   -3\nTa\u0331         1    0\n"
                     "Recife  31.5   24")
