"""The `namespace` mode: private namespaces over a copy-on-write view of the host's root, gone with their process.

Needs root, Linux, and util-linux 2.38; no image, no server. A sandbox is a PID namespace whose PID 1 holds the other end
of a socket of ours: when this process dies, however it dies, PID 1 reads end of file, ends, and the kernel kills
and unmounts the rest. Nothing is written to disk, so nothing can be left there.

    guard      the thread in which a sandbox's processes are born: their system calls are filtered, no key of ours is theirs
    view       which parts of the host are hidden, and which shown
    cgroups    limits of memory, processes and processor time
    box.sh     PID 1: builds the view and turns into it
    sandbox    one sandbox that this process holds: start, run, end
    census     the sandboxes of this machine, whoever holds them
    platform   the port
"""
