"""From names to proofs: which scenarios are meant, what they claim now, what is proven already, and the rest to be played."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import Mode
from reconciler.core.proofs import Step
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.inputs import Images
from reconciler.definitions.proofs import Provable
from reconciler.ports import Platform, ResultsStore
from reconciler.shell.checking import Checked, Checker, Exhibit, Told
from reconciler.shell.machines import no_such_mode, stage_of
from reconciler.shell.observe import Observer
from reconciler.shell.work import Origin


@dataclass(frozen=True, kw_only=True)
class Prover:
    """Proves scenarios of the newest revision. Its sandboxes are its own: nobody else may work under its instance."""

    observer: Observer
    checker: Checker
    results: ResultsStore
    repository: str
    """Where the definitions come from, without a password."""
    ref: str

    async def prove(self, names: Sequence[str], mode: Mode, *, again: bool, told: Told) -> tuple[list[Checked], str]:
        """What came of each scenario that the names mean, and why the proofs could not be pushed, if so.

        ``again``: what is proven already is played all the same. Raises ``Invalid`` for a name that means nothing, and
        ``Unavailable`` where definitions, results or sandboxes cannot be had.
        """
        catalogue = await self.observer.catalogue()
        keys = catalogue.selected(names)
        await self.results.refresh()
        images = await self._images(catalogue, mode)
        found: dict[str, Checked] = {}
        exhibits = []
        for key in keys:
            try:
                provable = await asyncio.to_thread(catalogue.provable, key, mode, images, self.observer.source.read)
            except Invalid as error:
                step = Step(step="definition", expected="pass", got="missing", message=str(error))
                found[key] = Checked(scenario=key, steps=(step,))
                continue
            known = None if again else await asyncio.to_thread(self.checker.recorded, provable.claim)
            if known is not None:
                found[key] = known
            else:
                exhibits.append(await asyncio.to_thread(self._exhibit, catalogue, provable))
        found |= {checked.scenario: checked for checked in await self.checker.check(exhibits, told)}
        problem = await self.results.push() if any(c.proof and not c.reused for c in found.values()) else None
        return [found[key] for key in keys], problem or ""

    async def _images(self, catalogue: Catalogue, mode: Mode) -> Images:
        """What sandboxes start from; what a killed check left of its own is destroyed on the way."""
        platform = self.checker.machines.platforms.get(mode)
        if platform is None:
            raise Unavailable(no_such_mode(mode, self.checker.machines.platforms))
        await self._reap(platform)
        made = await platform.images([t.for_mode(mode) for t in catalogue.templates.values()])
        return {(mode, name): image for name, image in made.items()}

    async def _reap(self, platform: Platform) -> None:
        for sandbox in await platform.list():
            if sandbox.instance == self.checker.machines.instance:
                await platform.destroy(sandbox.name)

    def _exhibit(self, catalogue: Catalogue, provable: Provable) -> Exhibit:
        revision, claim = self.observer.revision or "", provable.claim
        name = digest([claim.id, *provable.checkout])
        return Exhibit(
            claim=claim,
            stage=stage_of(catalogue, provable.scenario, claim.mode),
            folder=self.observer.source.checkout(revision, provable.checkout, name),
            origin=Origin(repository=self.repository, ref=self.ref, commit=revision),
        )
