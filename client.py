"""The client: send messages to a server of the lesson's kind, and show its replies.

    python client.py                                          asks for messages
    python client.py --service temp                           asks for temperatures
    python client.py "Olá"                                    sends one message
    python client.py --service temp < readings.csv            sends each line of a file
    python client.py --crowd 12                               draws how long 12 at once waited
    python client.py --examine                                says what is wrong with a server
    python client.py --one-file client.pyz                    writes all of it to one file

How it talks to a server stands in ``talk/conversation.py``: read that first.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:  # Python leaves it out with -P and -I
    sys.path.insert(0, HERE)


def tell_what_is_missing(error):
    """Tell that this file was copied without its rooms, in both languages, for the texts of one are
    among what is missing; return the exit status. Another *error* than that is raised again."""
    house, *room = (error.name or "").split(".")
    if house not in ("engine", "talk"):
        raise error
    print("client.py: {0} is missing here. The whole client in one file is client.pyz; the teacher's "
          "page has it, such as http://192.168.0.10:8080/client.pyz | client.py: falta {0} aqui. O "
          "cliente inteiro em um só arquivo é o client.pyz, que está na página do professor, por exemplo "
          "http://192.168.0.10:8080/client.pyz".format(os.path.join(house, *room)), file=sys.stderr)
    return 2


try:
    from engine.language import _, reason
    from engine.streams import (NOBODY_READS, drop_output, open_closed_streams, prepare_streams,
                                somebody_types)
    from talk.arguments import parse_options
    from talk.conversation import Conversation
    from talk.problems import Problem
    from talk.progress import Progress
except ModuleNotFoundError as error:
    sys.exit(tell_what_is_missing(error))

INTERRUPTED = "Interrupted: not every message has had its reply."
NO_OUTPUT = "Cannot go on reading messages or writing replies: {reason}."


def main(arguments=None):
    """Run the client; return the program's exit status."""
    open_closed_streams()
    prepare_streams()
    options = parse_options(arguments)
    interactive = not (options.messages or options.crowd or options.examine) and somebody_types()
    try:
        return what_is_asked(options, interactive)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        return tell_what_is_missing(error)
    except (KeyboardInterrupt, EOFError):
        if interactive:
            print()
            return 0
        print(_(INTERRUPTED), file=sys.stderr)
        return 1
    except OSError as error:  # of our own input or output: those of the network are told above
        if error.errno not in NOBODY_READS:
            print(_(NO_OUTPUT).format(reason=reason(error)), file=sys.stderr)
        drop_output()
        return 1


def what_is_asked(options, interactive):
    """Do what the *options* ask for; return the exit status. Raises `Problem`.

    Each way has rooms of its own, which are imported only by those who go there.
    """
    if options.one_file:
        from talk.copying import write_one_file
        write_one_file(options.one_file, (options.host, options.port))
        return 0
    if options.examine:
        from talk.examiner.examination import run_examination
        return run_examination(options)
    if options.crowd:
        from talk.crowd.running import run_crowd
        return run_crowd(options)
    progress = Progress(sys.stderr)
    if interactive:
        from talk.prompts import SpokenConversation, converse, keyboard
        keyboard.prepare()
        with conversation_of(SpokenConversation, options, progress.say) as conversation:
            converse(conversation, options.service)
        return 0
    from talk.sending import send_what_is_given
    with conversation_of(Conversation, options, progress.say) as conversation:
        return send_what_is_given(conversation, options, progress)


def conversation_of(kind, options, say):
    """Return a conversation of this *kind* with the server that the *options* name; *say* shows a
    text to the user."""
    conversation = kind(options.host, options.port, options.timeout, options.keep_open, say)
    conversation.repeats_all = options.service == "upper"
    return conversation


if __name__ == "__main__":
    sys.exit(main())
