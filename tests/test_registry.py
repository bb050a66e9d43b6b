"""handlers/registry.py: the latest reading of each city, the hottest and the coldest."""

import pytest

from handlers.registry import Reading, Registry


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
