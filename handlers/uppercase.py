"""The lesson's first service: a message comes back in capitals."""

from handlers.lines import LineHandler


class UppercaseHandler(LineHandler):
    """Answer each message in capitals."""

    waits = False  # what that allows: `LineHandler`

    def reply(self, message):
        return message.upper()
