"""The services: one line here puts a handler on the server's menu."""

from handlers.temperature import TemperatureHandler
from handlers.uppercase import UppercaseHandler

#: What ``python server.py --service`` offers: name -> handler class.
SERVICES = {
    "upper": UppercaseHandler,
    "temp": TemperatureHandler,
}
