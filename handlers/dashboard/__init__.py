"""The live page: its handler, the page itself, and what it watches."""

from handlers.dashboard.handler import DashboardHandler
from handlers.dashboard.watch import Watch

__all__ = ["DashboardHandler", "Watch"]
