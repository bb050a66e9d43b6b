"""engine/seldom.py: at most once in an interval."""

import threading
from unittest import mock

from conftest import PATIENCE

from engine.seldom import Seldom


def test_once_in_an_interval_the_first_time_at_once():
    times = [1000.0, 1000.0, 1059.9, 1060.0, 1100.0, 1119.9, 5000.0]
    with mock.patch("engine.seldom.time") as clock:  # its own name for it: other threads run
        clock.monotonic.side_effect = times
        seldom = Seldom(60.0)
        assert [seldom.is_due() for time in times] == [True, False, False, True, False, False, True]


def test_each_has_an_interval_of_its_own():
    one, other = Seldom(60.0), Seldom(60.0)
    assert one.is_due() and other.is_due() and not one.is_due()


def test_of_many_threads_one_gets_the_yes(quick_switches):
    for attempt in range(50):
        seldom, start, said = Seldom(60.0), threading.Barrier(4), []

        def ask():
            start.wait(PATIENCE)
            said.append(seldom.is_due())
        threads = [threading.Thread(target=ask) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert sorted(said) == [False, False, False, True]
