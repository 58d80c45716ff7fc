"""The ONE seam between releases of the application: its newer ones call `imgsha` `imghash`, and so may its heroes.

Every statement here says `imgsha` and `hero_imgsha`. In a file that has other names, statements are reworded on their
way to SQLite and rows answer to both names. A view that renames columns would need triggers to be written through, and
a generated column would be one more change to the application's table and no index would serve it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

OTHERS = (("imgs", "imgsha", "imghash"), ("locs", "hero_imgsha", "hero_imghash"))
"""Table, our name, the other name; the heroes of `locs` and `slocs` go by one name."""
WORD = re.compile(r"(?<![\w:@$])(?:hero_)?imgsha\b")
"""A column's name; not that of a parameter, `:imgsha`."""


def other_names(db: sqlite3.Connection) -> dict[str, str]:
    """What this file calls the columns that have another name in it: {"imgsha": "imghash"}; mostly empty."""
    other = {}
    for table, ours, theirs in OTHERS:
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        if ours not in columns and theirs in columns:
            other[ours] = theirs
    return other


def connection(names: Mapping[str, str]) -> type[sqlite3.Connection]:
    """The class of connections that speak to a file with these other names; SQLite's own where there are none."""
    if not names:
        return sqlite3.Connection

    @lru_cache(maxsize=1 << 10)
    def reword(sql: str) -> str:
        return WORD.sub(lambda word: names.get(word[0], word[0]), sql)

    class Row(sqlite3.Row):
        """Answers to our names too."""

        def __getitem__(self, key: Any) -> Any:
            try:
                return super().__getitem__(key)
            except IndexError:
                if key not in names:
                    raise
                return super().__getitem__(names[key])

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
            super().execute(reword(sql), parameters)
            return self

        def executemany(self, sql: str, parameters: Any, /) -> Cursor:
            super().executemany(reword(sql), parameters)
            return self

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.row_factory = Row

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
            cursor: Cursor = self.cursor().execute(sql, parameters)
            return cursor

        def executemany(self, sql: str, parameters: Any, /) -> Cursor:
            cursor: Cursor = self.cursor().executemany(sql, parameters)
            return cursor

    return Connection
