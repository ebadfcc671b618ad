"""A GitOps daemon that benchmarks operations agents: commits in, scored trials out.

Layers, enforced by import-linter: ``cli -> app -> shell | adapters -> definitions -> ports -> core``.
"""

__version__ = "0.1.0"
