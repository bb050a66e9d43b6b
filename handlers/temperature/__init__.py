"""The lesson's temperatures: the handler with its lock, queue and consumer, and what they use."""

from handlers.temperature.handler import TemperatureHandler

__all__ = ["TemperatureHandler"]
