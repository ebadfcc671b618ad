"""Lint a plain directory of definitions, without a repository and without a daemon."""

from collections.abc import Sequence
from pathlib import Path

from reconciler.adapters.folder import Folder
from reconciler.app.adapters import lint_context
from reconciler.app.settings import SHARED
from reconciler.core.errors import Invalid
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.positions import LARGEST


def lint_directory(directory: Path, *, scenarios: str = "scenarios", config: str = "config") -> Sequence[Finding]:
    """Every finding in ``directory``. Raises ``Invalid`` when it is not one, ``Unavailable`` when it cannot be read."""
    if not directory.is_dir():
        raise Invalid(f"there is no directory {directory}", hint="name a directory that holds scenarios/ and config/")
    folder = Folder(directory, (scenarios, config, *SHARED), largest=LARGEST)
    catalogue = Catalogue.load(
        folder.tree(), folder.read, scenarios_folder=scenarios, config_folder=config, context=lint_context()
    )
    return catalogue.lint(folder.read)
