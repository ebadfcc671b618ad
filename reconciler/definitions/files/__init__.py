"""One file at a time: its text to a value, or to everything that is wrong with it. Nothing here looks at another file."""
