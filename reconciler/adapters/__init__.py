"""The real world behind the ports. Adapters never import the shell, and leaf adapters never import each other."""
