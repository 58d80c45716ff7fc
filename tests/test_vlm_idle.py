"""Photos that nobody asked for wait for quiet hours to end, for an idle machine and for mains power."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from urbextag.config import VlmConfig
from urbextag.vlm.idle import Machine, read_machine, reason, why_wait

IDLE = Machine(load_per_core=0.1, on_battery=False)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{clock}")


@pytest.mark.parametrize(
    ("hours", "clock", "until"),
    [
        ("22:00-07:00", "21:59:59", None),
        ("22:00-07:00", "22:00:00", "07:00"),
        ("22:00-07:00", "23:59:59", "07:00"),
        ("22:00-07:00", "00:00:00", "07:00"),
        ("22:00-07:00", "06:59:59", "07:00"),
        ("22:00-07:00", "07:00:00", None),
        ("22:00-07:00", "12:00:00", None),
        ("09:00-17:30", "08:59:59", None),
        ("09:00-17:30", "09:00:00", "17:30"),
        ("09:00-17:30", "17:29:59", "17:30"),
        ("09:00-17:30", "17:30:00", None),
        ("18:00-00:00", "23:59:59", "00:00"),
        ("18:00-00:00", "00:00:00", None),
        ("00:00-00:00", "13:00:00", "00:00"),  # a day without an hour left
    ],
)
def test_quiet_hours(hours: str, clock: str, until: str | None) -> None:
    config = VlmConfig(quiet_hours=hours)
    assert reason(config, at(clock), IDLE) == (f"quiet hours until {until}" if until else None)
    assert reason(config, at(clock), None) == (f"quiet hours until {until}" if until else None)


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (IDLE, None),
        (Machine(0.499, False), None),
        (Machine(0.5, False), "the machine is busy: load 0.5 per core"),
        (Machine(1.8, False), "the machine is busy: load 1.8 per core"),
        (Machine(0.0, True), "on battery"),
        (Machine(3.0, True), "on battery"),
    ],
)
def test_an_idle_machine_on_mains_power_begins(machine: Machine, said: str | None) -> None:
    assert reason(VlmConfig(), at("12:00:00"), machine) == said


def test_the_load_that_is_idle_can_be_set() -> None:
    assert reason(VlmConfig(idle_load=2.0), at("12:00:00"), Machine(1.8, False)) is None


def test_quiet_hours_are_told_before_load_and_power() -> None:
    config = VlmConfig(quiet_hours="22:00-07:00")
    assert reason(config, at("23:00:00"), Machine(9.0, True)) == "quiet hours until 07:00"


def test_the_real_machine_is_read() -> None:
    before, machine, after = os.getloadavg()[0], read_machine(), os.getloadavg()[0]
    low, high = sorted((before, after))
    assert low - 1e-9 <= machine.load_per_core * (os.cpu_count() or 1) <= high + 1e-9
    assert why_wait(VlmConfig(idle_load=64), at("12:00:00")) == ("on battery" if machine.on_battery else None)


def test_idle_only_off_leaves_quiet_hours() -> None:
    config = VlmConfig(idle_only=False, idle_load=1e-9, quiet_hours="22:00-07:00")
    assert why_wait(config, at("12:00:00")) is None
    assert why_wait(config, at("23:00:00")) == "quiet hours until 07:00"
