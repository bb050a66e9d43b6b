"""handlers/temperature/registry.py: the latest reading of each city, the hottest and the coldest."""

import random

import pytest

from handlers.temperature.reading import Reading
from handlers.temperature.registry import Registry


def registry_of(*lines):
    registry = Registry()
    for line in lines:
        registry.record(Reading(*line.split(",")))
    return registry


def test_hottest_has_the_highest_maximum_and_coldest_the_lowest_minimum():
    registry = registry_of("Recife,31,24", "Teresina,40,25", "Garanhuns,25,12")
    assert registry.hottest() == ("Teresina", "40", "25")
    assert registry.coldest() == ("Garanhuns", "25", "12")
    assert len(registry) == 3


def test_numbers_are_compared_as_numbers_and_kept_as_they_came():
    registry = registry_of("A,9,-3", "B,10.5,-10", "C,10.50,-9.75")
    assert registry.hottest().maximum == "10.5"
    assert registry.coldest().minimum == "-10"


def test_the_latest_reading_counts():
    registry = registry_of("A,40,5", "B,30,10", "A,20,15")
    assert registry.hottest().city == "B"
    assert registry.coldest().city == "B"
    assert len(registry) == 2


def test_on_a_tie_the_city_known_first_wins():
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


def test_empty():
    with pytest.raises(ValueError):
        Registry().hottest()
    with pytest.raises(ValueError):
        Registry().coldest()
    assert not Registry()


def test_the_table_is_aligned():
    assert registry_of("São Paulo,31,-3", "Ouro Preto do Oeste,31.5,24").table() == """\
City                  Max  Min
São Paulo              31   -3
Ouro Preto do Oeste  31.5   24"""
