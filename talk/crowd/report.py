"""The report: what came of a crowd."""

import collections
import statistics
import sys
import textwrap

from engine.escapes import printable
from engine.language import _, decimals, of_clients
from talk.crowd.members import ERROR, REPLIED

SUMMARY = "Replies {replies}, errors {errors}, total time {seconds} s."
SUMMARY_OF_WAITS = "Slowest {slowest} s, median {median} s, {rate} messages per second."
REASON = "{count} {outcome}: {reason}"
CROWD_INTERRUPTED = "Interrupted: {waiting} of {count} clients had no reply yet."


def report(members, ended, now, width):
    """Print what came of the crowd in *now* seconds, in lines of *width* columns."""
    waits = [member.waited(now) for member in ended if member.outcome == REPLIED]
    texts = [_(SUMMARY).format(replies=len(waits), errors=len(ended) - len(waits),
                               seconds=decimals("%.3f" % now))]
    if waits:
        texts.append(_(SUMMARY_OF_WAITS).format(
            slowest=decimals("%.3f" % max(waits)), rate=decimals("%.1f" % (len(waits) / now)),
            median=decimals("%.3f" % statistics.median(waits))))
    failed = [member for member in ended if member.outcome != REPLIED]
    for outcome, count in collections.Counter(member.outcome for member in failed).items():
        reason = next(member.reason for member in failed if member.outcome == outcome)
        reason = reason[len("ERR "):] if outcome == ERROR else reason
        texts.append(_(REASON).format(count=count, outcome=of_clients(count, outcome),
                                      reason=printable(reason[:200])))
    for text in texts:
        print(textwrap.fill(text, width))
    if len(ended) < len(members):
        print(_(CROWD_INTERRUPTED).format(waiting=len(members) - len(ended), count=len(members)),
              file=sys.stderr)
