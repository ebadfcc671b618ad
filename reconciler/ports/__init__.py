"""What the shell needs of the world, as Protocols and the values they exchange. No behaviour lives here.

Every port says what is durable, what may be repeated ("absent is success") and what is raised. ``Transient`` means
this trial may be tried again, ``Unavailable`` that the part does not answer at all.
"""

from reconciler.ports.clock import Alarm, At, Clock, Cron, Every, Timetable
from reconciler.ports.engine import Assignment, Engine, Seat
from reconciler.ports.journal import ATTEMPTS_LAST, Attempts, Journal, Lease
from reconciler.ports.notes import Notes
from reconciler.ports.patterns import Patterns
from reconciler.ports.platform import MOST_PROCESSES, Completed, Platform, Sandbox, SandboxInfo, SandboxSpec
from reconciler.ports.provisioner import Provisioner
from reconciler.ports.results import Results, ResultsStore
from reconciler.ports.source import Commit, Entry, Source, Watch

__all__ = [
    "ATTEMPTS_LAST",
    "MOST_PROCESSES",
    "Alarm",
    "Assignment",
    "At",
    "Attempts",
    "Clock",
    "Commit",
    "Completed",
    "Cron",
    "Engine",
    "Entry",
    "Every",
    "Journal",
    "Lease",
    "Notes",
    "Patterns",
    "Platform",
    "Provisioner",
    "Results",
    "ResultsStore",
    "Sandbox",
    "SandboxInfo",
    "SandboxSpec",
    "Seat",
    "Source",
    "Timetable",
    "Watch",
]
