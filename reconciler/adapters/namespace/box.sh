# PID 1 of a sandbox: builds its view of the machine, turns into it, and then only waits for the daemon to let go.
#
# Runs as real root in a new mount, PID and network namespace. The network is only there to be nobody's: /proc/1/net is open to all
# inside, and root there may write to some of it. It stays in the first user namespace for good, so that root inside
# can neither trace nor kill it, nor read its environment, which holds the labels. All mounts are made here, before the user namespace
# of the inside exists: that locks them, and root inside can neither unmount nor remount one.
#
# stdin      a socket whose other end the daemon holds
# stdout     one line, "ready"
# HOST       host name inside
# SIZE       bound of everything that is written, as a size option of tmpfs
# CGROUPS    cgroup directories to make and join        LIMITS  lines "file value" to write in each that has the file
# DISKS      file systems mounted below / that are shown  HIDE  folders that are empty inside  SHOW  folders bound read-only
# REMOVE     files that are not there inside            LACK  what the folders of SHOW are shown without
set -eu
umask 022
stage=/mnt
root=$stage/root

# Joined first, so that all that is written is counted. Made here and not by the daemon: a directory without a PID 1
# is then always a left-over, and may be removed by anybody at any time.
[ -z "$CGROUPS" ] || mkdir -p $CGROUPS
for group in $CGROUPS; do
    while read -r file value; do [ ! -e "$group/$file" ] || echo "$value" >"$group/$file"; done <<LIMITS
$LIMITS
LIMITS
    echo 0 >"$group/cgroup.procs"
done

# Mounts are collected as lines of an fstab: one process for many mounts makes the start three times as fast.
fstab=
add() { fstab="$fstab$1 $2 $3 $4 0 0
"; }
mount_all() {
    printf %s "$fstab" >$stage/fstab
    mount -a -T $stage/fstab
    fstab=
}

# The view. Everything written lies in one tmpfs, whose size bounds it. With redirect_dir and metacopy, moving or
# chowning a folder of the host copies no contents. An overlay shows one file system: each further disk needs its own.
mount -t tmpfs -o "size=$SIZE,mode=0755,nosuid,nodev" sandbox $stage
mkdir $root $stage/hidden $stage/shm
chmod 1777 $stage/shm
overlay() {
    mkdir $stage/upper.$1 $stage/work.$1
    add overlay "$root$2" overlay \
        "nodev,redirect_dir=on,metacopy=on,lowerdir=$2,upperdir=$stage/upper.$1,workdir=$stage/work.$1"
}
disk=0
for folder in / $DISKS; do
    overlay $disk "$folder"
    disk=$((disk + 1))
done
mount_all

# A hidden folder is an empty twin with the same owner and mode, in the same tmpfs. One whose file server died cannot be
# looked at, and is hidden all the same; one on a file system that is not shown is not there to be hidden.
(cd / && for folder in $HIDE; do [ ! -d "$folder" ] || echo ".$folder"; done | tar --create --no-recursion --warning=no-file-changed --files-from=-) | tar --extract --directory=$stage/hidden --preserve-permissions
for folder in $HIDE; do
    [ -d "$root$folder" ] || continue
    mkdir -p "$stage/hidden$folder"
    add "$stage/hidden$folder" "$root$folder" none bind
done
add sandbox $root/dev tmpfs size=64k,mode=755,nosuid,noexec
mount_all
# What a shown folder is to lack is hidden by its name, as an overlay's whiteout: a mount over it would go where the host replaces it.
for path in $LACK; do
    mkdir -p "$stage/lack${path%/*}"
    mknod "$stage/lack$path" c 0 0
done
for folder in $SHOW; do
    mkdir -p "$root$folder"
    if [ -d "$stage/lack$folder" ]; then
        add overlay "$root$folder" overlay "ro,nosuid,nodev,lowerdir=$stage/lack$folder:$folder"
    else
        add "$folder" "$root$folder" none bind,ro,nosuid,nodev
    fi
done

# Devices: only those that hold nothing. Bound read-only, or chmod inside would change the host's node.
mkdir $root/dev/pts $root/dev/shm
for node in null zero full random urandom tty; do
    : >$root/dev/$node
    add /dev/$node $root/dev/$node none bind,ro,nosuid,noexec
done
add $stage/shm $root/dev/shm none bind
add sandbox $root/dev/pts devpts newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec
ln -s pts/ptmx $root/dev/ptmx
cp -P /dev/fd /dev/stdin /dev/stdout /dev/stderr $root/dev/

# The kernel's own files: what is not namespaced is read-only, empty, or not there.
readonly=bind,ro,nosuid,nodev,noexec
add proc $root/proc proc nosuid,nodev,noexec
for path in bus fs irq sys sysrq-trigger; do [ ! -e /proc/$path ] || add /proc/$path $root/proc/$path none $readonly; done
for path in kcore keys key-users timer_list sched_debug latency_stats kmsg kpagecount kpageflags kpagecgroup; do
    [ ! -e /proc/$path ] || add /dev/null $root/proc/$path none bind,ro,nosuid,noexec
done
# Mounted and not bound: a sysfs shows the network devices of the namespace that it was mounted in.
add sysfs $root/sys sysfs ro,nosuid,nodev,noexec
for path in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/class/net /sys/devices/virtual/powercap /sys/fs/cgroup \
    /sys/fs/bpf /sys/fs/pstore /sys/kernel/debug /sys/kernel/security /sys/kernel/tracing; do
    [ ! -d $path ] || add sandbox $root$path tmpfs ro,size=4k,mode=755
done
mount_all

cd $root
pivot_root . mnt
cd /
umount -l /mnt

# Files with secrets: accounts lose their passwords, the rest is not there. A swap file is the host's memory. Copies and
# not mounts, because programs replace these files by rename. Done after the turn: a link in /etc may be absolute, and would have
# led to the host's own file before.
for file in /etc/shadow /etc/gshadow; do [ ! -e $file ] || set -- "$@" $file; done
[ $# = 0 ] || sed -i 's/^\([^:]*\):[^:]*/\1:*/' "$@"
rm -f /etc/shadow- /etc/gshadow- /etc/ssh/ssh_host_*_key /etc/krb5.keytab /etc/boto.cfg \
    /var/cache/debconf/passwords.dat /swapfile /swap.img $REMOVE
echo "$HOST" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$HOST" >/etc/hosts
mkdir -m 1777 /run/lock

# The inside: root of a user namespace with the identity map, so that every account works and none has power outside. The holder keeps
# the namespaces until the daemon has opened them. Two pipes, opened both ways first so that no open can
# block: "steps" tells how far the holder is and ends with it, "mapped" is its go.
mkfifo -m 600 /run/steps /run/mapped
exec 3<>/run/steps 4</run/steps 5<>/run/mapped
rm /run/steps /run/mapped
# Queued signals and message queues are root's quota, inside and outside together: the limits at its birth are all that a
# user namespace, with those that came before, can take of it.
prlimit --sigpending=1024 --msgqueue=409600 \
    unshare --user --mount --net --uts --ipc --propagation private -- sh -c '
    echo >&3
    read -r go <&5
    # A second exec: only now is there a root to hold the capabilities.
    exec env -i PATH="$PATH" sh -ec "
        hostname \"\$1\"
        ip link set lo up
        echo >&3
        exec sleep infinity >/dev/null 2>&1 3>&-
    " sh "$1" 4>&- 5>&-
' sh "$HOST" </dev/null &
exec 3>&-
read -r born <&4
echo '0 0 65536' >/proc/$!/uid_map
echo '0 0 65536' >/proc/$!/gid_map
echo >&5
read -r up <&4

# End of file on the socket: the daemon is gone. SIGCHLD ignored: what becomes an orphan inside is reaped by the kernel. The last
# program itself says that it is ready: a process that turns into another one has no environment for a moment, and a census would miss it.
exec env --ignore-signal=CHLD -i RECONCILER_SANDBOX="$RECONCILER_SANDBOX" cat /dev/fd/3 - 2>/dev/null 3<<READY 4>&- 5>&-
ready
READY
