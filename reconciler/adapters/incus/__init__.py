"""The `incus` mode: system containers, cloned from a template and driven through pylxd and the `incus` client."""
