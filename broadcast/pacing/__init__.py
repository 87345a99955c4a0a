"""Pacing: who gets the lane's next departures, when, and how long it takes. Arithmetic: time and chance are given."""

from broadcast.pacing.allowance import Allowance, allow, used_on, zone_for
from broadcast.pacing.caps import Warmup, cap_of, room
from broadcast.pacing.certificate import WINDOW_MS, Certificate, certify
from broadcast.pacing.credit import CROWD_MS, FIRST, IDLE_MS, LATE_MS, LOOK_MS, ON_TIME_MS, SETTLED_MS, Flow, credited
from broadcast.pacing.days import day_of, next_day_ms
from broadcast.pacing.forecast import HORIZON_MS, finish_ms, forecast_ms, later_ms, sends_per_minute
from broadcast.pacing.handling import handling
from broadcast.pacing.outlook import Outlook, Outset, outlook
from broadcast.pacing.rules import Rules
from broadcast.pacing.sharing import Load
from broadcast.pacing.slowing import (
    MOST,
    ONE_STEP_MS,
    PROBE_MS,
    TIPS_OF_LAST,
    TIPS_PERCENT,
    TIPS_STREAK,
    back_off_ms,
    closed_for_ms,
    is_same_step,
    next_try_ms,
    slowed,
    slower,
    still_failing,
    tips,
)
from broadcast.pacing.turns import LOWER_TURN, Claim, Slot, plan, whose_turn
from broadcast.pacing.windows import EVERY_DAY, Window, closes_ms, is_open, opens_ms

__all__ = [
    "CROWD_MS",
    "EVERY_DAY",
    "FIRST",
    "HORIZON_MS",
    "IDLE_MS",
    "LATE_MS",
    "LOOK_MS",
    "LOWER_TURN",
    "MOST",
    "ONE_STEP_MS",
    "ON_TIME_MS",
    "PROBE_MS",
    "SETTLED_MS",
    "TIPS_OF_LAST",
    "TIPS_PERCENT",
    "TIPS_STREAK",
    "WINDOW_MS",
    "Allowance",
    "Certificate",
    "Claim",
    "Flow",
    "Load",
    "Outlook",
    "Outset",
    "Rules",
    "Slot",
    "Warmup",
    "Window",
    "allow",
    "back_off_ms",
    "cap_of",
    "certify",
    "closed_for_ms",
    "closes_ms",
    "credited",
    "day_of",
    "finish_ms",
    "forecast_ms",
    "handling",
    "is_open",
    "is_same_step",
    "later_ms",
    "next_day_ms",
    "next_try_ms",
    "opens_ms",
    "outlook",
    "plan",
    "room",
    "sends_per_minute",
    "slowed",
    "slower",
    "still_failing",
    "tips",
    "used_on",
    "whose_turn",
    "zone_for",
]
