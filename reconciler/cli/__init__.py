"""The command line: words in, words out. It asks ``reconciler.app`` for a wired program and decides nothing itself."""
