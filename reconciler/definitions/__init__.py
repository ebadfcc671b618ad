"""From the files of a revision to values, findings and the inputs of trials.

Nothing here does I/O: a tree (path to entry) and a function that reads blobs are handed in. No module knows a sandbox, an
engine or the results branch; what needs a library that the core may not have (cron, patterns) is handed in as well.
``files`` reads one file at a time, ``ansible`` finds what playbooks reach; the modules beside them see the whole, which
``catalogue`` hands out. One wrong file becomes findings and stalls what depends on it; it never raises.
"""
