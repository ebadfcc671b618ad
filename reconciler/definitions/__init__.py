"""From the files of a revision to values, findings and the inputs of trials.

Nothing here does I/O: a tree (path to entry) and a function that reads blobs are handed in. No module knows a sandbox, an
engine or the results branch; what needs a library that the core may not have (cron, patterns) is handed in as well.
One wrong file becomes findings and stalls what depends on it; it never raises.
"""
