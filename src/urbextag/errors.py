"""The error tree: every error the user can meet carries an exit code and the remedy."""

from __future__ import annotations


class UrbextagError(Exception):
    """Base of all expected errors. `cli.app` turns it into one line on stderr and `exit_code`.

    Args:
        message: what is wrong, without a trailing full stop.
        remedy: what the user can do about it: an imperative sentence without a trailing full stop, or a question.

    """

    exit_code = 1

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"


class UsageError(UrbextagError):
    """An argument has no meaning here: an unknown state, location type, concept or photo."""

    exit_code = 2


class ArchiveError(UrbextagError):
    """No archive found, or its database cannot be used (damaged, newer, locked, disk full)."""

    exit_code = 3


class ConfigError(UrbextagError):
    """`urbextag.toml` is missing, unreadable or holds a value out of bounds."""

    exit_code = 4


class PhotosFailed(UrbextagError):
    """The run went to its end and some photos failed; each is recorded with its reason."""

    exit_code = 5


class PhotoError(UrbextagError):
    """One photo's own fault: unreadable, truncated, empty, unsupported, too large."""

    exit_code = 5


class Regression(UrbextagError):
    """An evaluation went to its end and a figure is worse than the baseline's by more than the tolerance."""

    exit_code = 5


class ModelError(UrbextagError):
    """A model or profile that is asked for is missing, damaged or does not fit."""

    exit_code = 6


class TaxonomyError(UrbextagError):
    """A taxonomy file is invalid; the message names file and line."""

    exit_code = 7
