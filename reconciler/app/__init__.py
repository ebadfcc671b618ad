"""The composition root: settings in, a wired program out. The one place that names concrete adapters."""
