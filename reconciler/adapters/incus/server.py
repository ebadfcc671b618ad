"""The Incus server through pylxd's REST client: blocking calls, each with a time limit, and errors in the program's words."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pylxd
import requests
from pylxd.exceptions import ClientConnectionFailed, LXDAPIException, NotFound

from reconciler.adapters.incus.pool import Space, beneath
from reconciler.core.errors import Transient, Unavailable

_ANSWER_S = 8.0
"""Seconds within which the server must answer a request."""
_OVERLOADED = ("context deadline exceeded", "database is locked")
"""What the server says when it, and not the instance, ran out of time: no trial is to blame."""
_POLL_S = 4
"""Seconds that the server may hold a question for an operation's end."""
_OPERATION_S = 120.0
"""Seconds that an operation may take: unpacking an image on a slow disk is the longest."""


class Server:
    """One project of one server. Thread-safe; connects at the first call."""

    def __init__(self, socket: str, project: str) -> None:
        """``socket`` is the path of the server's unix socket."""
        self._socket, self._project = socket, project
        self._client: pylxd.Client | None = None

    def image(self, alias: str) -> str | None:
        """The fingerprint of the image behind an alias."""
        with self._answers() as api:
            try:
                return str(api.images.aliases[quote(alias, safe="")].get().json()["metadata"]["target"])
            except NotFound:
                return None

    def instance(self, name: str) -> Mapping[str, Any] | None:
        """An instance as the API shows it: ``name``, ``status``, ``config``, ``expanded_devices`` …"""
        with self._answers() as api:
            try:
                found: Mapping[str, Any] = api.instances[name].get().json()["metadata"]
            except NotFound:
                return None
            return found

    def instances(self) -> list[Mapping[str, Any]]:
        """All instances of the project."""
        with self._answers() as api:
            found: list[Mapping[str, Any]] = api.instances.get(params={"recursion": 1}).json()["metadata"]
            return found

    def space(self) -> Space:
        """What is left where new instances get their disks: in their pool, or on the disk under it where that is less.

        Raises ``Transient`` where the profile ``default`` has no disk for ``/``.
        """
        with self._answers() as api:
            devices = api.profiles["default"].get().json()["metadata"]["devices"]
            pool = next((d["pool"] for d in devices.values() if d.get("path") == "/"), None)
            if pool is None:
                raise Transient(
                    "sandbox", f"profile default of project {self._project} has no disk for /: incus profile device add"
                )
            found = api.storage_pools[pool].get().json()["metadata"]
            told = api.storage_pools[pool].resources.get().json()["metadata"]["space"]
        where, source = f"storage pool {pool}", Path(found["config"].get("source", ""))
        spaces = [Space(where=where, free=told["total"] - told.get("used", 0), total=told["total"])]
        if found["driver"] in ("btrfs", "dir"):  # the server counts as free what they keep for themselves, or for root
            spaces += beneath(where, Path(self._socket).resolve().parent / "storage-pools" / pool)
        if source.suffix == ".img":  # a file that takes what is used, and breaks the pool for good where it cannot grow
            spaces += beneath(f"the disk under {where} ({source.parent})", source.parent)
        return min(spaces, key=lambda space: space.free)

    def create(self, name: str, source: Mapping[str, Any], **more: object) -> None:
        """Make a stopped instance; ``more`` are ``config``, ``devices`` …"""
        with self._answers() as api:
            self._wait(api.instances.post(json={"name": name, "type": "container", "source": source, **more}))

    def start(self, name: str) -> None:
        """Start it; it boots after that."""
        with self._answers() as api:
            self._wait(api.instances[name].state.put(json={"action": "start", "timeout": 30}))

    def stop(self, name: str, *, force: bool) -> None:
        """Stop it: at once, or as a shutdown within 60 s."""
        with self._answers() as api:
            self._wait(api.instances[name].state.put(json={"action": "stop", "timeout": 60, "force": force}))

    def set(self, name: str, key: str, value: str) -> None:
        """Set a configuration key, or remove it with an empty value; nothing else changes."""
        with self._answers() as api:
            api.instances[name].patch(json={"config": {key: value}})

    def rename(self, name: str, new: str) -> None:
        """Rename a stopped instance."""
        with self._answers() as api:
            self._wait(api.instances[name].post(json={"name": new}))

    def delete(self, name: str) -> None:
        """Stop and delete it; absent is success."""
        with self._answers() as api, contextlib.suppress(NotFound):
            if api.instances[name].get().json()["metadata"]["status"] != "Stopped":
                self._wait(api.instances[name].state.put(json={"action": "stop", "timeout": 30, "force": True}))
            self._wait(api.instances[name].delete())

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.api.session.close()

    @contextlib.contextmanager
    def _answers(self) -> Iterator[Any]:
        """The API. Raises ``Unavailable`` when the server does not answer, ``Transient`` when it says no."""
        if not Path(self._socket).is_socket():
            raise Unavailable(self._silent())  # asked anyway, pylxd would leak a descriptor each time
        try:
            if self._client is None:
                endpoint = f"http+unix://{quote(self._socket, safe='')}"
                self._client = pylxd.Client(endpoint=endpoint, project=self._project, timeout=_ANSWER_S)
            yield self._client.api
        except (ClientConnectionFailed, requests.RequestException) as error:
            raise Unavailable(self._silent(str(error))) from error
        except LXDAPIException as error:
            if error.response.status_code in (403, 503) or any(sign in str(error) for sign in _OVERLOADED):
                raise Unavailable(f"Incus at {self._socket} refuses: {error}") from error
            raise Transient("sandbox", f"Incus: {error}") from error

    def _wait(self, response: requests.Response) -> None:
        """Wait for the operation that ``response`` names. A failed one is an ``LXDAPIException``."""
        assert self._client is not None
        operation = response.json()["operation"].split("?")[0].rsplit("/", 1)[-1]
        until = time.monotonic() + _OPERATION_S
        while time.monotonic() < until:
            answer = self._client.api.operations[operation].wait.get(params={"timeout": _POLL_S})
            status = answer.json()["metadata"]["status_code"]
            if status == 200:
                return
            if status >= 400:
                raise LXDAPIException(answer)
        raise Transient(
            "sandbox", f"Incus did not finish an operation within {_OPERATION_S:g} s: is the disk full or slow?"
        )

    def _silent(self, why: str = "") -> str:
        if "Permission denied" in why:
            return f"Incus at {self._socket} is not for this user: run as root or join the group incus-admin"
        return f"Incus does not answer at {self._socket}: run ./dev setup incus, or choose mode namespace"
