"""Lint a plain directory of definitions, without a repository and without a daemon."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reconciler.adapters.git.directory import DirectorySource
from reconciler.app.settings import SHARED
from reconciler.app.wiring import lint_context
from reconciler.core.errors import Invalid
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.findings import Finding


def lint_directory(directory: Path, *, scenarios: str = "scenarios", config: str = "config") -> Sequence[Finding]:
    """Every finding in ``directory``. Raises ``Invalid`` when it is not one."""
    if not directory.is_dir():
        raise Invalid(f"there is no directory {directory}", hint="name a directory that holds scenarios/ and config/")
    with tempfile.TemporaryDirectory(prefix="reconciler-lint-") as state:
        source = DirectorySource(directory=directory, folders=(scenarios, config, *SHARED), state=Path(state))
        revision = asyncio.run(source.fetch())
        catalogue = Catalogue.load(
            source.tree(revision),
            source.read,
            scenarios_folder=scenarios,
            config_folder=config,
            context=lint_context(),
        )
        return catalogue.lint(source.read)
