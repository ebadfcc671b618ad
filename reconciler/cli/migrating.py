"""``validate --migrate``: rewrites old scenario files, then says what changed and what is wrong."""

import json
from pathlib import Path

from reconciler.app.linting import lint_directory
from reconciler.app.migrating import migrate_directory, working_directory
from reconciler.app.settings import find, load
from reconciler.cli.exits import FAILED
from reconciler.cli.findings import Form, finding_document, print_findings
from reconciler.core.errors import Invalid


def migrate(config: Path | None, directory: Path | None, form: Form) -> int:
    """Print a line per file and change, then every finding; 1 when one is an error."""
    if form == "sarif":
        raise Invalid("what --migrate changed is no finding", hint="use --json, or --sarif without --migrate")
    folders = {"scenarios": "scenarios", "config": "config"}
    if directory is None:
        source = load(find(config)).source
        directory = working_directory(source)
        folders = {"scenarios": source.scenarios, "config": source.config}
    changes = migrate_directory(directory, scenarios=folders["scenarios"])
    findings = lint_directory(directory, **folders)
    if form == "json":
        migrated = [{"path": path, "changes": list(told)} for path, told in changes.items()]
        print(json.dumps({"migrated": migrated, "findings": [finding_document(f) for f in findings]}, indent=1))
        return FAILED if any(f.severity == "error" for f in findings) else 0
    for path, told in changes.items():
        print(*(f"migrated: {path}: {change}" for change in told), sep="\n")
    count = len(changes)
    print(f"{count} file{'' if count == 1 else 's'} migrated" if count else "No file to migrate.")
    return print_findings(findings, form)
