"""Whether photos that nobody asked for may be begun: quiet hours, load and power."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, time

from urbextag.config import VlmConfig


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine is doing."""

    load_per_core: float
    """Load average over the last minute, per core."""
    on_battery: bool
    """False also where there is no battery, or nothing says how it is fed."""


def why_wait(config: VlmConfig, moment: datetime) -> str | None:
    """None where a photo nobody asked for may be begun, else the reason for people.

    Args:
        config: the settings.
        moment: the time by the clock on the wall (local time).
    """
    return reason(config, moment, read_machine() if config.idle_only else None)


def reason(config: VlmConfig, moment: datetime, machine: Machine | None) -> str | None:
    """`why_wait` without the reading. Quiet hours come first; without a machine only they count."""
    if config.quiet_hours is not None:
        start, end = (time.fromisoformat(text) for text in config.quiet_hours.split("-"))
        if _within(moment.time(), start, end):
            return f"quiet hours until {end:%H:%M}"
    if machine is None:
        return None
    if machine.on_battery:
        return "on battery"
    if machine.load_per_core >= config.idle_load:
        return f"the machine is busy: load {machine.load_per_core:.2g} per core"
    return None


def read_machine() -> Machine:
    """Load and power of this machine; takes well under a millisecond.

    Raises:
        OSError: the system does not tell its load.
    """
    import psutil

    try:
        battery = psutil.sensors_battery()
    except FileNotFoundError:  # psutil lists /sys/class/power_supply, which a container or a small kernel may lack
        battery = None
    return Machine(
        load_per_core=os.getloadavg()[0] / (os.cpu_count() or 1),  # all cores: the load is the whole machine's
        on_battery=battery is not None and battery.power_plugged is False,
    )


def _within(now: time, start: time, end: time) -> bool:
    """Whether `now` lies in [start, end), over midnight where it ends before it starts; the same time = always."""
    if start < end:
        return start <= now < end
    return now >= start or now < end
