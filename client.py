"""The client: send messages to a server of the lesson's kind, and show its replies.

    python client.py                                          asks for messages
    python client.py --service temp                           asks for temperatures
    python client.py "Olá"                                    sends one message
    python client.py --service temp < readings.csv            sends each line of a file
    python client.py --crowd 12                               draws how long 12 at once waited

How it talks to a server stands in ``talk/conversation.py``: read that first.
"""

import contextlib
import errno
import os
import sys

from engine.language import _
from engine.streams import is_terminal, open_closed_streams, prepare_streams
from talk.arguments import parse_options
from talk.conversation import Conversation
from talk.problems import Problem
from talk.progress import Progress

#: What a system says when whoever read our output had enough; Windows has no word of its own for it.
NOBODY_READS = {errno.EPIPE, errno.EINVAL if os.name == "nt" else errno.EPIPE}

INTERRUPTED = "Interrupted: not every message has had its reply."
NO_OUTPUT = "Cannot go on reading messages or writing replies: {reason}."


def main(arguments=None):
    """Run the client; return the program's exit status."""
    open_closed_streams()
    prepare_streams()
    options = parse_options(arguments)
    interactive = not (options.messages or options.crowd) and is_terminal(sys.stdin)
    try:
        return what_is_asked(options, interactive)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        if interactive:
            print()
            return 0
        print(_(INTERRUPTED), file=sys.stderr)
        return 1
    except OSError as error:  # of our own input or output: those of the network are told above
        if error.errno not in NOBODY_READS:
            print(_(NO_OUTPUT).format(reason=_(error.strerror)), file=sys.stderr)
        with contextlib.suppress(OSError):  # so that nothing is tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def what_is_asked(options, interactive):
    """Do what the *options* ask for; return the exit status. Raises `Problem`.

    Each way has rooms of its own, which are imported only by those who go there.
    """
    if options.crowd:
        from talk.crowd.running import run_crowd
        return run_crowd(options)
    progress = Progress(sys.stderr)
    if interactive:
        from talk.prompts import SpokenConversation, converse, prepare_terminal
        prepare_terminal()
        with conversation_of(SpokenConversation, options, progress.say) as conversation:
            converse(conversation, options.service)
        return 0
    from talk.sending import send_what_is_given
    with conversation_of(Conversation, options, progress.say) as conversation:
        return send_what_is_given(conversation, options, progress)


def conversation_of(kind, options, say):
    """Return the context of a conversation of this *kind* with the server that the *options* name;
    *say* shows a text to the user."""
    conversation = kind(options.host, options.port, options.timeout, options.keep_open, say)
    conversation.repeats_all = options.service == "upper"
    return contextlib.closing(conversation)


if __name__ == "__main__":
    sys.exit(main())
