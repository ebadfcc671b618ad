"""``python -m reconciler`` and the console script."""

import signal

before = signal.getsignal(signal.SIGINT)
if before is signal.default_int_handler:  # and not ignored, as in a job in the background
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the program is being loaded ends it without a word
from reconciler.cli.main import main  # noqa: E402

signal.signal(signal.SIGINT, before)

if __name__ == "__main__":
    main()
