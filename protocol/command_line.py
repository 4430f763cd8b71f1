"""How our commands refuse wrong words: one clear line on stderr, exit 2, the same for every actor."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, without repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")
