"""Pacing: who gets the lane's next departures, when, and how long it takes. Arithmetic: time and chance are given."""

from broadcast.pacing.forecast import finish_ms, sends_per_minute
from broadcast.pacing.slowing import back_off_ms
from broadcast.pacing.turns import LOWER_TURN, Claim, Slot, plan, whose_turn

__all__ = [
    "LOWER_TURN",
    "Claim",
    "Slot",
    "back_off_ms",
    "finish_ms",
    "plan",
    "sends_per_minute",
    "whose_turn",
]
