"""Runs the files of the suite side by side, which takes a third of the time.

Most tests wait: for a program to start, for a deadline, for a page to change. So several processes,
forked when the tests have been collected, take a file at a time, and hand on what pytest would
print. Not for one file alone, not with -s, --pdb or --soak, and not where there is no fork.
"""

import itertools
import multiprocessing
import multiprocessing.connection
import os

#: These take the longest, as ``--durations=0`` tells, so they are begun first.
LONGEST = ("test_examiner.py", "test_page.py", "test_page_changes.py", "test_dashboard.py", "test_crowd.py",
           "test_client.py", "test_explorer.py", "test_store.py", "test_hostile.py", "test_lane.py", "test_language.py")

#: How many processes there are for each core: most of them wait.
PROCESSES = 3


def pytest_runtestloop(session):
    """Run the collected tests. (A hook of pytest: None leaves it to pytest's own loop.)"""
    options = session.config.option
    files = files_of(session.items)
    if (len(files) < 2 or not hasattr(os, "fork") or session.testsfailed or options.collectonly
            or options.capture == "no" or options.usepdb or options.soak):
        return None
    todo, end = os.pipe()
    os.write(end, bytes(range(len(files))))  # who reads a byte has that file to run
    os.close(end)
    workers = {}
    try:
        for number in range(min(len(files), PROCESSES * os.cpu_count())):
            start_worker(workers, session, files, todo)
        hand_on(session, workers)
    finally:
        os.close(todo)
        for worker in workers.values():
            worker.kill()
    return True


def files_of(tests):
    """Return the *tests* as a list of lists, one for each file, the longest first."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    files = [list(group) for name, group in itertools.groupby(tests, lambda test: test.location[0])]
    return sorted(files, key=lambda file: ranks.get(os.path.basename(file[0].location[0]), len(ranks)))


def start_worker(workers, session, files, todo):
    """Add a process that runs *files* to the *workers*: the pipe on which it reports -> process."""
    context = multiprocessing.get_context("fork")
    reports, sender = context.Pipe(duplex=False)
    workers[reports] = context.Process(target=run_files, args=(session, files, todo, sender))
    workers[reports].start()
    sender.close()  # so that the pipe ends with the worker


def run_files(session, files, todo, sender):
    """Run one file after another, in a worker, until none is left to do."""
    plugins = session.config.pluginmanager
    capture = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()  # into a file that all workers have
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what pytest prints here: it prints it again where all ends up
    capture.start_global_capturing()
    capture.suspend_global_capture()
    plugins.register(Reports(sender))
    for number in iter(lambda: os.read(todo, 1), b""):
        tests = files[number[0]]
        for test, following in zip(tests, tests[1:] + [None]):
            session.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        sender.send(None)


class Reports:
    """Sends the calls of hooks that pytest's own plugins wait for: (name, arguments)."""

    def __init__(self, sender):
        self.sender = sender

    def pytest_runtest_logstart(self, nodeid, location):
        self.sender.send(("pytest_runtest_logstart", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report):
        self.sender.send(("pytest_runtest_logreport", {"report": report}))

    def pytest_runtest_logfinish(self, nodeid, location):
        self.sender.send(("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location}))

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        warning_message.source = None  # may be anything, also what no pipe takes
        self.sender.send(("pytest_warning_recorded", {
            "warning_message": warning_message, "when": when, "nodeid": nodeid,
            "location": location}))


def hand_on(session, workers):
    """Call the hooks that the *workers* report, a file at a time, until all have ended; fail when
    they have not run every test."""
    calls, finished = {reports: [] for reports in workers}, []
    while calls:
        for reports in multiprocessing.connection.wait(list(calls)):
            try:
                call = reports.recv()
            except EOFError:
                finished += tell(session, calls.pop(reports))
            else:
                if call:
                    calls[reports].append(call)
                else:  # the end of a file
                    finished += tell(session, calls[reports])
                    calls[reports] = []
    finished = set(finished)
    missing = [test.nodeid for test in session.items if test.nodeid not in finished]
    if missing:
        session.shouldfail = "a process ended within or before " + missing[0]
        raise session.Failed(session.shouldfail)


def tell(session, calls):
    """Call these hooks; end the session where pytest would (-x, Ctrl+C). Returns the tests that
    have finished."""
    for name, arguments in calls:
        hook = getattr(session.config.hook, name)
        if hook.is_historic():
            hook.call_historic(kwargs=arguments)
        else:
            hook(**arguments)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return [arguments["nodeid"] for name, arguments in calls if name == "pytest_runtest_logfinish"]
