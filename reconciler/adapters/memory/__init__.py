"""Adapters that keep everything in memory: the journal of a single daemon, and fakes that pass the contract suites."""
