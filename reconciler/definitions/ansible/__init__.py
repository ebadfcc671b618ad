"""What playbooks and inventories say about other files: read for its names as Ansible would, never run."""
