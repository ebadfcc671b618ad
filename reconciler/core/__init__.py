"""What the program decides, as pure functions over frozen values.

Nothing here does I/O, reads a clock, logs, awaits, or imports anything but the standard library.
"""
