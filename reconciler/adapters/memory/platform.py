"""Sandboxes that are only spoken of: a platform in a dictionary, whose commands are a table."""

from collections.abc import Callable, Collection, Mapping, Sequence

from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.model import Mode, Template
from reconciler.ports import Clock, Completed, SandboxInfo, SandboxSpec

Scripted = Callable[[bytes], Completed]
"""What a scripted command answers to its stdin."""


class MemorySandbox:
    """Port ``Sandbox``. Knows ``true``, ``false``, ``echo``, ``cat`` and ``hostname``, and what it is told; ``ran`` holds every argv."""

    controller = "outside"

    def __init__(self, spec: SandboxSpec, *, image: str, scripts: Mapping[tuple[str, ...], Scripted]) -> None:
        """``scripts`` maps a whole command to its answer, and comes before the commands that it knows."""
        self.name, self.host, self.image = spec.name, spec.host, image
        self.variables: Mapping[str, str] = {}
        self.gone = False
        self.doubt = ""
        """Why it cannot vouch for what was seen in it."""
        self.ran: list[tuple[str, ...]] = []
        self._scripts = scripts

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,  # noqa: ARG002 - no command takes any time
        env: Mapping[str, str] | None = None,  # noqa: ARG002 - no command looks at it
        limit: int = 262_144,
    ) -> Completed:
        """Answer from the table; a command that is not in it is not found. Raises ``Transient`` once destroyed."""
        if self.gone:
            raise Transient("sandbox", f"sandbox {self.name} is gone: it was destroyed")
        command = tuple(argv)
        self.ran.append(command)
        done = self._scripts[command](stdin) if command in self._scripts else self._known(command, stdin)
        return Completed(
            exit_code=done.exit_code, stdout=_bounded(done.stdout, limit), stderr=_bounded(done.stderr, limit)
        )

    async def vouch(self) -> None:
        """Unless there is a ``doubt``."""
        if self.doubt:
            raise Transient("sandbox", self.doubt)

    def _known(self, command: tuple[str, ...], stdin: bytes) -> Completed:
        match command:
            case ("true",):
                return Completed(exit_code=0)
            case ("false",):
                return Completed(exit_code=1)
            case ("echo", *words):
                return Completed(exit_code=0, stdout=" ".join(words).encode() + b"\n")
            case ("cat",):
                return Completed(exit_code=0, stdout=stdin)
            case ("hostname",):
                return Completed(exit_code=0, stdout=self.host.encode() + b"\n")
        return Completed(exit_code=127, stderr=f"{command[0]}: not found\n".encode())


class MemoryPlatform:
    """Port ``Platform``. Set ``unavailable`` to a reason and every call raises it; ``sandboxes`` are those alive."""

    def __init__(
        self,
        *,
        clock: Clock,
        mode: Mode = "incus",
        instance: str = "memory",
        images: Collection[str] = ("",),
        scripts: Mapping[tuple[str, ...], Scripted] | None = None,
    ) -> None:
        """``images`` are those that templates may ask for, ``scripts`` what the sandboxes' commands answer."""
        self.mode: Mode = mode
        self.unavailable = ""
        self.sandboxes: dict[str, MemorySandbox] = {}
        self._clock, self._instance, self._images = clock, instance, images
        self._scripts = scripts or {}
        self._infos: dict[str, SandboxInfo] = {}

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        """The image's name is its fingerprint."""
        self._answer()
        return {t.name: f"memory:{t.image}" for t in templates if t.image in self._images}

    async def create(self, spec: SandboxSpec) -> MemorySandbox:
        """Remember it."""
        self._answer()
        template = spec.template
        if template.image not in self._images:
            raise Invalid(f"template {template.name}: there is no image {template.image}")
        await self.destroy(spec.name)
        self._infos[spec.name] = SandboxInfo(
            name=spec.name,
            mode=self.mode,
            trial=spec.labels.get("trial", ""),
            instance=spec.labels.get("instance", self._instance),
            template=template.name,
            created_at=self._clock.now(),
        )
        self.sandboxes[spec.name] = MemorySandbox(spec, image=f"memory:{template.image}", scripts=self._scripts)
        return self.sandboxes[spec.name]

    async def destroy(self, name: str) -> None:
        """Forget it; its object answers no more."""
        self._answer()
        self._infos.pop(name, None)
        if sandbox := self.sandboxes.pop(name, None):
            sandbox.gone = True

    async def list(self) -> Sequence[SandboxInfo]:
        """Those alive."""
        self._answer()
        return [*self._infos.values()]

    async def close(self) -> None:
        """Nothing to let go."""

    def _answer(self) -> None:
        if self.unavailable:
            raise Unavailable(self.unavailable)


def _bounded(output: bytes, limit: int) -> bytes:
    half = limit // 2
    return output if len(output) <= limit else output[:half] + b"\n[... left out ...]\n" + output[-half:]
