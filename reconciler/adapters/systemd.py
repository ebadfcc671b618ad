"""sd_notify(3): tells the service manager how the daemon is, over the socket that it names."""

import os
import socket


def notify(message: str) -> None:
    """Send ``READY=1``, ``STATUS=…`` and so on; without a service manager, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(1.0)
        try:
            channel.sendto(message.encode(), address.replace("@", "\0", 1))
        except OSError:
            return  # the manager is gone or busy: nobody to tell, and nothing depends on it


def watchdog_seconds() -> float | None:
    """Systemd's watchdog interval for this process, where it set one."""
    micros = os.environ.get("WATCHDOG_USEC", "")
    ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(micros) / 1e6 if micros.isdigit() and ours else None
