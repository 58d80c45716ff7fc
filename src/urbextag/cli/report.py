"""One photo's report, as JSON or as a page people can read: of `tag PHOTO` fresh, of `show PHOTO` from the archive.

Both have `id`, `path`, `tags`, `view_type`, `condition`, `era`, `era_summary`, `readable_text`, `quality`, `scene` and
`stages`. Only the fresh one has `unmatched`; only the archive's has `location`, `state`, `reason`, `rejected`, `facts`,
`origins`, `description` and the `origin` of each tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from urbextag.cli.common import console, years

if TYPE_CHECKING:
    from urbextag.records import Findings, PhotoResult

BAND_STYLE = {"yours": "bold cyan", "certain": "bold green", "likely": "green", "possible": "yellow"}


def fresh_report(result: PhotoResult, findings: Findings) -> dict[str, Any]:
    """The report of a photo that was looked at just now: the object of `taxonomy derive` and what each stage said."""
    from urbextag.actions.report import from_stages
    from urbextag.taxonomy import derived_to_dict

    stages = {s.stage: {"evidence": [asdict(e) for e in s.evidence], "data": dict(s.data)} for s in result.stages}
    said = from_stages(stages, findings.quality)
    scene = asdict(findings.scene) if findings.scene else None
    return {**derived_to_dict(findings.derived), **said, "scene": scene, "path": result.photo.path, "stages": stages}


def print_report(report: Mapping[str, Any]) -> None:
    """Print a report for people: what the photo is, its tags by facet with the reasons, its text and quality."""
    from rich.markup import escape

    out = console()
    out.print(f"[bold]{escape(report['path'])}[/]")
    for name, value in _headline(report):
        out.print(f"  [dim]{name:<10}[/] {escape(value)}")
    if report.get("state") not in (None, "done"):
        out.print(
            f"  [dim]job       [/] {report['state']}{': ' + escape(report['reason']) if report['reason'] else ''}"
        )
    if report["tags"]:
        out.print(_tag_table(report["tags"]))
    elif report["view_type"]:
        out.print("  no tag is sure enough to be shown")
    if report.get("description"):
        for name, value in _described(report["description"]):
            out.print(f"  [dim]{name:<10}[/] {escape(value)}")
    if report.get("rejected"):
        out.print(f"  [dim]rejected  [/] {escape(', '.join(report['rejected']))}")


def _headline(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    if report.get("location"):
        lines.append(("location", report["location"]))
    if facts := _facts(report["stages"].get("metadata", {}).get("data") or report.get("facts") or {}):
        lines.append(("photo", facts))
    for origin in report.get("origins") or []:
        lines.append(("from", origin["url"]))
    if view := report["view_type"]:
        scene = report.get("scene") or {}
        reasons = scene["reasons"] if scene.get("view_type") == view["value"] else []
        because = f" ({'; '.join(reasons[:3])})" if reasons else ""
        sure = "" if view["value"] == "unknown" else f" {view['confidence']:.2f}"
        lines.append(("view", f"{view['value']}{sure}{because}"))
        if told := view.get("conflict"):
            lines.append(
                ("", f"the tags say {told['value']} {told['confidence']:.2f}: {'; '.join(told['reasons'][:3])}")
            )
    if quality := report.get("quality"):
        parts = ", ".join(f"{name} {value:.2f}" for name, value in quality["parts"].items())
        lines.append(("quality", f"{quality['score']:.2f}{f' ({parts})' if parts else ''}"))
    if condition := report.get("condition"):
        lines.append(("condition", f"{condition['label']} ({condition['score']:.2f})"))
        for element in condition["elements"]:
            lines.append(("", f"{element['element']} {element['label']}: {', '.join(element['because'][:3])}"))
    if era := report.get("era_summary"):
        lines += _era_lines(era)
    for number, line in enumerate(report["readable_text"][:12]):
        lines.append(("text" if number == 0 else "", line))
    if len(report["readable_text"]) > 12:
        lines.append(("", f"... {len(report['readable_text']) - 12} more lines"))
    return lines


def _era_lines(era: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the cues to the era say together, then each with its reasons, then those that contradict."""
    parts = [f"{name} {years(era[key])}" for key, name in (("built", "built"), ("used", "in use")) if era[key]]
    lines = [("era", f"{', '.join(parts)} ({era['confidence']:.2f})")]
    for hint in era["chain"]:
        because = f" ({'; '.join(hint['because'][:2])})" if hint["because"] else ""
        lines.append(("", f"{_cue(hint)}{because}"))
    lines += [("", f"conflict: {_cue(one)} against {_cue(other)}") for one, other in era["conflicts"]]
    return lines


def _cue(hint: Mapping[str, Any]) -> str:
    return f"{hint['kind']} {years(hint['years'])}: {hint['concept'].split('/')[-1]}"


def _described(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a VLM said, in lines; what only it read is marked."""
    lines = []
    if answer := said["answer"]:
        style = [("style", answer["architectural_style"])]
        shown = [("described", answer["description"]), ("decay", answer["condition_notes"]), *style]
        lines += [(name, value) for name, value in shown if value]
        for number, read in enumerate(said["text"]):
            lines.append(("reads" if number == 0 else "", read["text"] + ("" if read["ocr"] else "  (only the VLM)")))
        lines.append(("by", f"{said['model']} at {said['endpoint']}"))
    if said["state"] != "done":
        lines.append(("VLM", f"{said['state'].replace('_', ' ')}{': ' + said['reason'] if said['reason'] else ''}"))
    return lines


def _facts(facts: Mapping[str, Any]) -> str:
    """What the file says of itself in one line: size, date, camera, where."""
    size = (
        f"{facts['width']} x {facts['height']} {facts.get('format', '')}".rstrip()
        if {"width", "height"} <= facts.keys()
        else None
    )
    parts = [size] if size else []
    if facts.get("taken"):
        parts.append(facts["taken"].replace("T", " "))
    parts += filter(None, [" ".join(filter(None, (facts.get("camera_make"), facts.get("camera_model"))))])
    if facts.get("latitude") is not None and facts.get("longitude") is not None:
        parts.append(f"{facts['latitude']:.5f}, {facts['longitude']:.5f}")
    if facts.get("altitude") is not None:
        parts.append(f"{facts['altitude']:.0f} m above sea level")
    if facts.get("drone_make"):
        parts.append(f"drone by {facts['drone_make']}")
    return "; ".join(parts)


def _tag_table(tags: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("tag", "facet", "how sure", "why"):
        table.add_column(title, overflow="fold", justify="right" if title == "how sure" else "left")
    for tag in tags:
        because: dict[str, list[str]] = {}
        for why in tag["why"]:
            because.setdefault(why["source"], []).append(why["label"])
        why = "; ".join(f"{source}: {', '.join(labels[:3])}" for source, labels in because.items())
        sure = f"{tag['band']} {tag['confidence']:.2f}" if tag["band"] != "yours" else "yours"
        style = BAND_STYLE[tag["band"]]
        table.add_row(
            f"[{style}]{escape(tag['label'])}[/]", tag["id"].split("/")[0], f"[{style}]{sure}[/]", escape(why)
        )
    return table
