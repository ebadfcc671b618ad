"""What is wrong with guards as they are written."""

from collections.abc import Callable, Iterable, Iterator

from reconciler.definitions.files.findings import nearest, shown
from reconciler.definitions.files.holes import Holes, Problem
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.pattern_sense import sense
from reconciler.definitions.files.schemas import OldScenarioFile, ScenarioFile
from reconciler.definitions.files.values import PatternDoubt

Compiles = Callable[[str], str | None]
"""Why a pattern does not compile, or None."""
Doubts = Callable[[str], Iterable[PatternDoubt]]
"""What is hardly meant by a pattern that compiles."""


def guard_problems(file: ScenarioFile | OldScenarioFile, compiles: Compiles) -> Iterator[Problem]:
    """What stalls the scenario."""
    for index, pattern in enumerate(file.validation.forbiddenCommands):
        if wrong := pattern_problem(pattern, compiles):
            yield ("validation", "forbiddenCommands", index), *wrong


def pattern_problem(pattern: str, compiles: Compiles) -> tuple[RuleId, str, str] | None:
    """(rule, message, hint) where a pattern does not compile."""
    if not (reason := compiles(pattern)):
        return None
    dialect = "patterns are JavaScript's, case-insensitive; in JSON a backslash is written twice"
    return "bad-pattern", f"the pattern {shown(pattern)} does not compile: {reason}", dialect


def guard_doubts(
    file: ScenarioFile | OldScenarioFile, compiles: Compiles, doubts: Doubts, holes: Holes
) -> Iterator[Problem]:
    """What is hardly meant, in guards that are right."""
    agents = [a.agent_id or a.agent_name or "" for a in file.agents]
    if not holes.among("agents", ("agent_id", "agent_name"), agents):
        yield from _strangers("allowedAgents", file.validation.allowedAgents, "agents", agents)
    hosts = [h.host_id or h.host_name or "" for h in file.hosts]
    if not holes.among("hosts", ("host_id", "host_name"), hosts):
        yield from _strangers("allowedHosts", file.validation.allowedHosts, "hosts", hosts)
    for index, pattern in enumerate(file.validation.forbiddenCommands):
        if compiles(pattern):
            continue
        where, found = ("validation", "forbiddenCommands", index), sense(pattern)
        yield from ((where, *doubt) for doubt in doubts(pattern))
        if found == "never":
            yield where, "never-matches", f"the pattern {shown(pattern)} can never match", "it guards nothing"
        if found == "always":
            yield where, "never-passes", f"the pattern {shown(pattern)} forbids every command", "ask for something else"


def _strangers(guard: str, allowed: list[str], kind: str, known: list[str]) -> Iterator[Problem]:
    """Names that nobody in the scenario has. Where it declares nobody, the engine chooses, and every name may be right."""
    for index, name in enumerate(allowed):
        if known and name not in known:
            message = f"{guard} names {shown(name)}, which is none of the scenario's {kind}"
            yield ("validation", guard, index), "guard-names-nobody", message, nearest(name, known)
