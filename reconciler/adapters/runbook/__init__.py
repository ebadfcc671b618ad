"""The engine `runbook`: carries out the fenced bash blocks of a specialty, without a model."""
