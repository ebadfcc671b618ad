"""Findings, shown to people, to programs (JSON), and to code scanners (SARIF 2.1.0)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal
from urllib.parse import quote

from reconciler import __version__
from reconciler.cli.exits import FAILED
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.lint_rules import LINT_RULES

Form = Literal["text", "json", "sarif"]
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"


def print_findings(findings: Sequence[Finding], form: Form) -> int:
    """Print every finding; the exit code is 1 when one is an error."""
    print(_FORMS[form](findings))
    return FAILED if any(f.severity == "error" for f in findings) else 0


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding of the documented JSON shape."""
    return asdict(finding)


def sarif_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run. Paths are seen from the root of the repository; columns count code points."""
    driver = {"name": "reconciler", "semanticVersion": __version__, "rules": _sarif_rules()}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the definitions repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(f) for f in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rules() -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "shortDescription": {"text": f"{_sentence(rule.wrong)}."},
            "help": {
                "text": f"{_sentence(rule.wrong)}: {rule.write}.".replace("`", ""),
                "markdown": f"{_sentence(rule.wrong)}: {rule.write}.",
            },
            "defaultConfiguration": {"level": rule.severity},
        }
        for name, rule in LINT_RULES.items()
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _result(finding: Finding) -> dict[str, Any]:
    where: dict[str, Any] = {
        "artifactLocation": {"uri": quote(finding.path.encode("utf-8", "surrogateescape")), "uriBaseId": _ROOT}
    }
    if finding.line:
        where["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
    return {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "level": finding.severity,
        "message": {"text": finding.message + (f" ({finding.hint})" if finding.hint else "")},
        "locations": [{"physicalLocation": where}],
    }


def _text(findings: Sequence[Finding]) -> str:
    lines = [f"{f.severity}: {f.line_of_text}" for f in findings]
    count = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"
    return "\n".join([*lines, count if findings else "No finding: the definitions are right."])


_INDEX: Mapping[str, int] = {name: index for index, name in enumerate(LINT_RULES)}
_FORMS: Mapping[Form, Callable[[Sequence[Finding]], str]] = {
    "text": _text,
    "json": lambda findings: json.dumps({"findings": [finding_document(f) for f in findings]}, indent=1),
    "sarif": lambda findings: json.dumps(sarif_document(findings), indent=1),
}
