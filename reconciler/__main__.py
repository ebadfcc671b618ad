"""``python -m reconciler`` and the console script."""

import signal

before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the program is being loaded ends it without a word
from reconciler.cli.main import main  # noqa: E402

signal.signal(signal.SIGINT, before)

if __name__ == "__main__":
    main()
