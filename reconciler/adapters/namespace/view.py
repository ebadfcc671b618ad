"""What of the host a sandbox sees: everything on its disks, less what is hidden, plus what is shown."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from reconciler.core.errors import Invalid
from reconciler.core.model import Template

_HIDDEN = """
/home /media /mnt /root /run /srv /tmp /var/tmp /var/log /var/mail /var/backups /var/lib/private /var/lib/systemd/coredump
/etc/cloud /etc/docker /etc/ipsec.d /etc/kubernetes /etc/letsencrypt /etc/NetworkManager/system-connections /etc/openvpn /etc/ppp
/etc/rancher /etc/reconciler /etc/ssl/private /etc/wireguard
/var/lib/cloud /var/lib/containerd /var/lib/containers /var/lib/docker /var/lib/google /var/lib/amazon /var/lib/waagent
/var/lib/incus /var/lib/lxc /var/lib/lxcfs /var/lib/lxd /var/lib/machines /var/snap/lxd
/var/lib/kubelet /var/lib/libvirt /var/lib/mysql /var/lib/postgresql /var/lib/rancher /var/lib/redis /var/lib/reconciler
/var/lib/samba /var/lib/sss /var/lib/tailscale /var/lib/NetworkManager
"""
"""Folders with people's files, logs, sockets, other machines, databases and credentials."""

_ON_DISK = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "xfs", "zfs"})
_NEVER_SHOWN = ("/dev", "/proc", "/sys", "/boot")
_DISK_SHARE = 16
_DISK_LEAST_MIB = 256


def hidden(more: Sequence[Path]) -> list[str]:
    """The folders that are there to hide, links resolved, none below another. Raises ``Invalid`` on an unusable name."""
    folders: list[str] = []
    for path in _to_hide(more):
        if _is_folder(path, dead=True) and not _below(str(path), folders):
            folders.append(_plain(path))
    return folders


def hidden_files(more: Iterable[Path], folders: Iterable[str]) -> list[str]:
    """The files among ``more`` that are there to hide, links resolved, and below none of the hidden ``folders``."""
    files = sorted({path.resolve() for path in more})
    return [_plain(path) for path in files if _is_file(path) and not _below(str(path), folders)]


def lacking(more: Iterable[Path], shown: Iterable[str]) -> list[str]:
    """The folders and files to hide that lie below a ``shown`` folder, links resolved, none below another.

    Raises ``Invalid`` where a further shown folder lies in one of them.
    """
    found: list[str] = []
    for path in _to_hide(more):
        there = _is_folder(path, dead=True) or _is_file(path)
        if there and _below(str(path.parent), shown) and not _below(str(path), found):
            found.append(_plain(path))
    if lost := [folder for folder in shown if _below(folder, found)]:
        raise Invalid(f"mode namespace cannot show {lost[0]}: it lies in a hidden folder of one that is shown")
    return found


def shown(visible: Sequence[Path]) -> list[str]:
    """The folders to show read-only, outer ones first. Raises ``Invalid`` where one is not there, or unusable."""
    folders = sorted({p.resolve() for p in visible})
    if missing := [p for p in folders if not _is_folder(p, dead=False)]:
        raise Invalid(f"mode namespace cannot show {missing[0]}: there is no such folder, or its file server died")
    return [_plain(p) for p in folders]


def disks(hidden: Iterable[str]) -> list[str]:
    """Mount points of the further disks that belong to the view: an overlay of / shows only what is on the disk of /."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point, kind = fields[4], fields[fields.index("-") + 1]
        if kind not in _ON_DISK or point == "/" or _below(point, (*hidden, *_NEVER_SHOWN)):
            continue
        if _is_folder(Path(point), dead=False):
            found.add(_plain(Path(point)))
    return sorted(found)


def disk_mib(template: Template) -> int:
    """MiB that may be written: the template's, but at most 1/16 of the memory, where it lies (and 256 where that is less)."""
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return min(template.disk_mib, max(memory_mib // _DISK_SHARE, _DISK_LEAST_MIB))


def _to_hide(more: Iterable[Path]) -> list[Path]:
    return sorted({Path(p).resolve() for p in _HIDDEN.split()} | {p.resolve() for p in more})


def _is_folder(path: Path, *, dead: bool) -> bool:
    """Whether it is one; ``dead`` is the answer for what cannot be looked at, because its disk or its file server died."""
    try:
        return path.is_dir()
    except OSError:
        return dead


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its disk or its file server died, and with it all that could be read
        return False


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path == f or path.startswith(f + "/") for f in folders)


def _plain(path: Path) -> str:
    """The path as text, for an fstab and a shell's word list."""
    if not re.fullmatch(r"/[\w@%+=.,:/-]+", str(path)) or ("," in str(path) or ":" in str(path)):
        raise Invalid(
            f"mode namespace cannot hide, show or overlay {str(path)!r}: rename it to letters, digits and ._@%+=-"
        )
    return str(path)
