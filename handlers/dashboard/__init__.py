"""The live page: its handler, the page itself, and what it watches."""
