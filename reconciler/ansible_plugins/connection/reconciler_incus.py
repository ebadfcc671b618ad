"""Ansible connection through `incus exec`: needs no network, no ssh and no key in the sandbox.

Loaded by path by ansible-playbook, whose PYTHONPATH names the folder of the package ``reconciler``.
"""

from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.connection import ConnectionBase

from reconciler.adapters.incus.execute import Execution, Instance, Lost

DOCUMENTATION = """
name: reconciler_incus
short_description: Run tasks in an Incus instance
description: Runs commands and moves files through the incus client and a local socket.
options:
  remote_addr:
    description: The instance's name.
    vars: [{name: inventory_hostname}, {name: ansible_host}]
  project:
    description: The instance's project.
    default: default
    vars: [{name: ansible_incus_project}]
  socket:
    description: The server's socket.
    default: /var/lib/incus/unix.socket
    vars: [{name: ansible_incus_socket}]
extends_documentation_fragment: [connection_pipelining]
"""

_DAY = 86_400.0
"""Seconds that one task may take at most: the play as a whole has a time limit of its own."""
_LIMIT = 1 << 28


class Connection(ConnectionBase):
    """An instance."""

    transport = "reconciler_incus"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        self._connected = False

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        code, _, err = self._run(["sh", "-c", 'cat >"$1"', "sh", out_path], Path(in_path).read_bytes())
        if code:
            raise AnsibleError(f"{out_path} could not be written: {err.decode(errors='replace').strip()}")

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        code, out, err = self._run(["cat", in_path], b"")
        if code:
            raise AnsibleError(f"{in_path} could not be read: {err.decode(errors='replace').strip()}")
        Path(out_path).write_bytes(out)

    def _run(self, argv, stdin):
        where = Instance(
            name=self.get_option("remote_addr"), project=self.get_option("project"), socket=self.get_option("socket")
        )
        try:
            ended = Execution(where, argv, seconds=_DAY, stdin=to_bytes(stdin), limit=_LIMIT).run()
        except Lost as error:
            raise AnsibleConnectionFailure(f"no answer: {error}") from error  # as adapters/ansible/report.py knows it
        return ended.exit_code, ended.stdout, ended.stderr
