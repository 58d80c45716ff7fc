"""Changes the blocks `[[vlm.endpoints]]` of an archive's `urbextag.toml`; the comments of the others stay."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from urbextag.config import CONFIG_NAME, EndpointConfig
from urbextag.config_edit import ANY_HEADER, ONE_AT_A_TIME, change_settings, parsed, read_text, replace_text
from urbextag.errors import ConfigError

_HEADER = re.compile(r"\s*\[\[\s*vlm\s*\.\s*endpoints\s*\]\]\s*(#.*)?$")
_VLM = re.compile(r"\s*\[\s*vlm\s*\]\s*(#.*)?$")
_NOTE = re.compile(r"\s*(#.*)?$")


def change_endpoints(root: Path, wanted: Sequence[tuple[str | None, Mapping[str, Any]]]) -> bool:
    """Let the settings name these servers and no others. Returns False where they did so already.

    Args:
        root: the archive's folder.
        wanted: for each server the url under which it stands there so far (None: it is added), and its settings;
            one that is None is taken away, so that the default holds.

    Raises:
        ConfigError: the file is missing or cannot be written, or the settings would not be valid.

    """
    with ONE_AT_A_TIME:
        path = (root / CONFIG_NAME).resolve()
        before = read_text(path)
        parsed(path, before)
        there = tomllib.loads(before).get("vlm", {}).get("endpoints", [])
        lines = before.splitlines(keepends=True)
        blocks = _blocks(lines)
        if len(blocks) != len(there):  # they stand in one line: endpoints = [{...}]
            return change_settings(root, {"vlm": {"endpoints": _expected(there, wanted) or None}})
        after = _changed(lines, blocks, [_url(one) for one in there], wanted)
        if tomllib.loads(after).get("vlm", {}).get("endpoints", []) != _expected(there, wanted):
            raise ConfigError(f"{path}: the blocks [[vlm.endpoints]] cannot be changed", "Change them in an editor")
        return replace_text(path, before, after)


def _expected(
    there: Sequence[Mapping[str, Any]], wanted: Sequence[tuple[str | None, Mapping[str, Any]]]
) -> list[Mapping[str, Any]]:
    """What the file should say: those that stand there keep their order, those that are added follow."""
    by_url = {was: values for was, values in wanted if was is not None}
    kept = [_joined(old, by_url[_url(old)]) for old in there if _url(old) in by_url]
    return [*kept, *(_joined({}, values) for was, values in wanted if was is None)]


def _url(block: Mapping[str, Any]) -> str:
    """The address of a block as the settings have it."""
    return str(block.get("url", EndpointConfig.model_fields["url"].default)).rstrip("/")


def _joined(old: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **values}.items() if value is not None}


def _blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """First line and end of each block; comments right above the next header are that one's."""
    found = []
    for start in [number for number, line in enumerate(lines) if _HEADER.match(line)]:
        end = next((n for n in range(start + 1, len(lines)) if ANY_HEADER.match(lines[n])), len(lines))
        last = max(n for n in range(start, end) if n == start or not _NOTE.match(lines[n]))
        own = next((n for n in range(last + 1, end) if not lines[n].strip()), end)  # its comments end at a blank line
        found.append((start, end if end == len(lines) and own == end else own))
    return found


def _changed(
    lines: Sequence[str],
    blocks: Sequence[tuple[int, int]],
    urls: Sequence[str],
    wanted: Sequence[tuple[str | None, Mapping[str, Any]]],
) -> str:
    """The text with each block changed or taken out in its place, and new ones behind the last."""
    by_url = {was: values for was, values in wanted if was is not None}
    newline = "\r\n" if any(line.endswith("\r\n") for line in lines) else "\n"
    parts: list[str] = []
    done = 0
    place = None
    for (start, end), url in zip(blocks, urls, strict=True):
        parts += lines[done:start]
        if url in by_url:
            parts.append(_block("".join(lines[start:end]), by_url[url], newline))
        place, done = len(parts), end
        if url not in by_url and done < len(lines) and not lines[done].strip():
            done += 1  # the blank line behind it goes along
    rest = list(lines[done:])
    if place is None:
        place = _end_of_vlm(rest)
        parts, rest = rest[:place], rest[place:]
    added = [_block("[[vlm.endpoints]]\n", values, newline) for was, values in wanted if was is None]
    if added:
        head, tail = "".join(parts[:place]), "".join([*parts[place:], *rest])
        gap = "" if not head else newline if head.endswith(newline) else 2 * newline
        return (
            head + gap + newline.join(added) + (newline if tail.strip() and not tail.startswith(newline) else "") + tail
        )
    return "".join([*parts, *rest])


def _end_of_vlm(lines: Sequence[str]) -> int:
    """Where the section [vlm] ends; the end of the file where there is none."""
    start = next((number for number, line in enumerate(lines) if _VLM.match(line)), None)
    if start is None:
        return len(lines)
    end = next((n for n in range(start + 1, len(lines)) if ANY_HEADER.match(lines[n])), len(lines))
    while end > start + 1 and end < len(lines) and _NOTE.match(lines[end - 1]) and lines[end - 1].strip():
        end -= 1  # a comment right above the next header
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return end


def _block(text: str, values: Mapping[str, Any], newline: str) -> str:
    """One block with these values in place of its own."""
    import tomlkit

    document = tomlkit.parse(text)
    table: Any = document["vlm"]["endpoints"][0]
    for name, value in values.items():
        if value is None:
            table.pop(name, None)
        elif name not in table or table[name] != value:
            table[name] = value
    return newline.join(tomlkit.dumps(document).replace("\r\n", "\n").split("\n"))
