"""The processes of the homes loop."""

from __future__ import annotations

from civicloop.loops.homes.processes.problem import PROBLEM
from civicloop.loops.homes.processes.rating import RATING
from civicloop.loops.homes.processes.settlement import SETTLEMENT
from civicloop.loops.homes.processes.survey import INVITATION, SURVEY
from civicloop.loops.homes.processes.task import TASK

PROCESSES = (TASK, RATING, PROBLEM, SETTLEMENT, SURVEY, INVITATION)

__all__ = ["INVITATION", "PROBLEM", "PROCESSES", "RATING", "SETTLEMENT", "SURVEY", "TASK"]
