"""The lesson's first service: a message comes back in capitals."""

from handlers.lines import LineHandler


class UppercaseHandler(LineHandler):
    """Answer each message in capitals."""

    never_waits = True  # what that allows: engine/lane.py

    def reply(self, message):
        return message.upper()
