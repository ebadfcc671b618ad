"""Which wanted batches belong to a scenario that is proven as it is now: only these may gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.model import Batch
from reconciler.core.proofs import proof_folder, proof_id, proof_path
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.values import Demands
from reconciler.formats.proof import parse_proof
from reconciler.ports import Results, ResultsStore, Source


@dataclass(kw_only=True)
class Proven:
    """Looks proofs up. A scenario that was never proven costs nothing; answers are remembered while nothing changes."""

    source: Source
    results: ResultsStore
    _catalogue: Catalogue | None = None
    _digests: dict[str, str] = field(default_factory=dict)
    _readable: dict[str, bool] = field(default_factory=dict)

    def batches(self, catalogue: Catalogue | None, demands: Demands, at: Results) -> frozenset[str]:
        """The ids of the batches whose world and truth a proof holds for, with today's solution and mutants."""
        if catalogue is None or not at.proofs:
            return frozenset()
        if catalogue is not self._catalogue:
            self._catalogue, self._digests = catalogue, {}
        folders = {path.rpartition("/")[0] for path in at.proofs}
        wanted = [d.batch for d in demands.demands if proof_folder(d.batch.scenario) in folders]
        paths = {batch.id: self._path(catalogue, batch) for batch in wanted}
        readable = self._read({path for path in paths.values() if path in at.proofs})
        return frozenset(batch for batch, path in paths.items() if readable.get(path, False))

    def _path(self, catalogue: Catalogue, batch: Batch) -> str:
        scenario, digests = batch.scenario, batch.inputs.digests
        if scenario not in self._digests:
            self._digests[scenario] = catalogue.proof_digest(scenario, self.source.read)
        found = proof_id(
            scenario, batch.mode, world=digests["world"], truth=digests["truth"], proof=self._digests[scenario]
        )
        return proof_path(scenario, found)

    def _read(self, paths: set[str]) -> Mapping[str, bool]:
        """Whether each is a proof: one that was damaged proves nothing."""
        if unknown := sorted(paths - self._readable.keys()):
            stored = self.results.read(unknown)
            self._readable |= {
                p: (found := parse_proof(data)) is not None and p.endswith(f"/{found.proof}.json")
                for p, data in stored.items()
            }
        return {path: self._readable.get(path, False) for path in paths}
