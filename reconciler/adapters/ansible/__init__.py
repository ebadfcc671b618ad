"""Playbooks, run by ansible-core as a child process: it is never imported here."""
