#!/bin/sh
# Install and start Incus on Debian 12 or newer: daemon, pool, bridge, image debian/12. Idempotent; as root; with or without systemd.
#
#   POOL=btrfs|dir     storage of the pool (default: btrfs on a loop file where the kernel can, where clones take 0.1 s)
#   POOL_SIZE=20GiB    size of that file; it only takes what is used
#   BRIDGE=10.123.0.1  address of the bridge, where it has to be made
#   NAT=false|true     whether sandboxes reach the internet; a template with packages needs it
set -eu
POOL=${POOL:-} POOL_SIZE=${POOL_SIZE:-20GiB} BRIDGE=${BRIDGE:-10.123.0.1} NAT=${NAT:-false}
CACHE=/var/cache/reconciler
SOCKET=/var/lib/incus/unix.socket
export DEBIAN_FRONTEND=noninteractive HOME=/root

say() { printf '%-9s %s\n' "$1" "$2"; }
die() { printf '%s\n' "setup incus: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
answers() { [ -S $SOCKET ] && timeout 10 incus query /1.0 >/dev/null 2>&1; }
background() { setsid "$@" </dev/null >"/var/log/$(basename "$1").log" 2>&1 9>&- & }

[ "$(id -u)" = 0 ] || die "run it as root"
have apt-get || die "only Debian is supported; elsewhere install Incus and import an image under the alias debian/12"
PATH=/usr/sbin:/sbin:$PATH
mkdir -p $CACHE
exec 9>/run/reconciler-setup-incus.lock
flock 9 # two at once would make everything twice

# ---------------------------------------------------------------- packages

# The mirror that this machine uses already, from either form of apt's sources: "URI [KEYRING]", of the first that is enabled and has
# the component main. A key that is written into a source itself is not taken over.
mirror() { # mirror CODENAME [FOLDER]
    codename=$1 apt=${2:-/etc/apt}
    set -- "$apt"/sources.list.d/*.sources
    [ ! -f "$1" ] || awk -v c="$codename" '
        function has(field, word) { return index(" " f[field] " ", " " word " ") }
        function flush() {
            if (!done && has("types", "deb") && has("suites", c) && has("components", "main") \
                && tolower(f["enabled"]) !~ /^ *(no|false|off|without|disable|0) *$/) {
                split(f["uris"], u, " "); split(f["signed-by"], k, " ")
                print u[1], (k[1] ~ /^-/ ? "" : k[1]); done = 1
            }
            split("", f)
        }
        FNR == 1 { flush() }
        { gsub(/\t/, " ") }
        /^#/ { next }
        /^ *$/ { flush(); next }
        /^ / { f[last] = f[last] $0; next }
        { last = tolower(substr($0, 1, index($0, ":") - 1)); f[last] = " " substr($0, index($0, ":") + 1) }
        END { flush() }' "$@"
    cat "$apt/sources.list" "$apt"/sources.list.d/*.list 2>/dev/null | awk -v c="$codename" '
        $1 == "deb" { k = ""; if (match($0, /signed-by=[^] ]+/)) k = substr($0, RSTART + 10, RLENGTH - 10)
            sub(/\[[^]]*\] */, ""); if ($3 == c && / main( |$)/) { print $2, k; exit } }'
}

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# shellcheck disable=SC2046
set -- $(mirror "$codename" | head -n 1)
uri=${1:-} keyring=${2:-}
[ -n "$uri" ] || die "no Debian mirror for $codename found in /etc/apt"

apt() { apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >$CACHE/apt.log 2>&1 || die "apt-get $1 failed: $(tail -n 3 $CACHE/apt.log)"; }
offered() { apt-cache policy incus-base | grep -q 'Candidate: [0-9]'; }

if have incus && [ -x /usr/libexec/incus/incusd ] && have dnsmasq && have mkfs.btrfs && have mmdebstrap; then
    say packages "installed: incus $(dpkg-query -W -f='${Version}' incus-base)"
else
    say packages "installing incus-base, incus-client and what they need (a minute)"
    offered || apt update
    if ! offered; then
        # Backports have priority 100: nothing else on this machine changes.
        {
            printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\n' "$uri" "$codename"
            [ -z "$keyring" ] || printf 'Signed-By: %s\n' "$keyring"
        } >/etc/apt/sources.list.d/$codename-backports.sources
        apt update
    fi
    apt install -y --no-install-recommends incus-base incus-client dnsmasq-base btrfs-progs mmdebstrap
fi

# ---------------------------------------------------------------- daemon

for file in /etc/subuid /etc/subgid; do
    grep -q '^root:' $file 2>/dev/null || echo root:1000000:1000000000 >>$file
done
# All containers count as one user for the kernel.
instances=/proc/sys/fs/inotify/max_user_instances
[ "$(cat $instances)" -ge 1024 ] || echo 1024 >$instances

if [ ! -d /run/systemd/system ] && ! ls /var/lib/lxcfs/proc >/dev/null 2>&1; then
    umount -l /var/lib/lxcfs 2>/dev/null || : # the mount of an lxcfs that was killed keeps containers from starting
    mkdir -p /var/lib/lxcfs
    background lxcfs /var/lib/lxcfs
fi
if answers; then
    say daemon "answers at $SOCKET"
elif [ -d /run/systemd/system ]; then
    systemctl -q enable --now lxcfs.service incus.socket incus.service || die "systemd cannot start incus: journalctl -u incus"
    say daemon "started by systemd (stop: systemctl stop incus.service incus.socket)"
else
    mkdir -p /var/log/incus
    background /usr/libexec/incus/incusd --group incus-admin --logfile /var/log/incus/incus.log
    say daemon "started (stop: incus admin shutdown)"
fi
/usr/libexec/incus/incusd waitready --timeout=60 || die "incusd does not get ready: see /var/log/incus/incus.log"

# ---------------------------------------------------------------- pool, bridge, profile

if ! incus storage show default >/dev/null 2>&1; then
    if [ -z "$POOL" ]; then
        POOL=dir
        if grep -qw btrfs /proc/filesystems && [ -e /dev/loop-control ]; then POOL=btrfs; fi
    fi
    if [ "$POOL" = btrfs ]; then incus -q storage create default btrfs size="$POOL_SIZE"; else incus -q storage create default dir; fi
    say storage "pool default made ($POOL)"
else
    say storage "pool default is there ($(incus storage list -f csv -c nD | sed -n 's/^default,//p'))"
fi

if incus network show incusbr0 >/dev/null 2>&1; then
    BRIDGE=$(incus network get incusbr0 ipv4.address) BRIDGE=${BRIDGE%/*}
    say network "bridge incusbr0 is there ($BRIDGE)"
else
    # Without NAT and routing the bridge is local: the host forwards nothing.
    incus -q network create incusbr0 ipv4.address="$BRIDGE/24" ipv4.nat="$NAT" ipv4.routing="$NAT" ipv6.address=none
    say network "bridge incusbr0 made ($BRIDGE, internet: $NAT)"
fi
devices=$(incus profile device list default)
case $devices in *root*) ;; *) incus -q profile device add default root disk path=/ pool=default >/dev/null ;; esac
case $devices in *eth0*) ;; *) incus -q profile device add default eth0 nic name=eth0 network=incusbr0 >/dev/null ;; esac

# ---------------------------------------------------------------- image

# Run by mmdebstrap in the new root. No machine-id and no host key: clones must not share them. networkd names itself by its
# address, as clones could share the machine-id after all.
furnish=$(cat <<HOOK
set -e
cd "\$1"
mkdir -p -m 700 root/.ssh
: >etc/machine-id
rm -f etc/ssh/ssh_host_* etc/resolv.conf
echo 'nameserver $BRIDGE' >etc/resolv.conf
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n' >etc/systemd/network/10-eth0.network
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n' >etc/ssh/sshd_config.d/sandbox.conf
mkdir -p etc/systemd/system/ssh.service.d
printf '[Service]\nExecStartPre=\nExecStartPre=/bin/sh -c "test -s /etc/ssh/ssh_host_ed25519_key || ssh-keygen -q -t ed25519 -N \\\\"\\\\" -f /etc/ssh/ssh_host_ed25519_key"\n' >etc/systemd/system/ssh.service.d/hostkey.conf
chroot . systemctl --quiet enable systemd-networkd
chroot . systemctl --quiet mask systemd-networkd-wait-online.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer
HOOK
)

metadata() { # metadata FOLDER: what Incus wants beside the root
    mkdir "$1/templates"
    cat >"$1/metadata.yaml" <<YAML
architecture: $(uname -m)
creation_date: $(date +%s)
properties: {os: debian, release: bookworm, description: "Debian 12 (mmdebstrap)"}
templates:
  /etc/hostname: {when: [create, copy], template: hostname.tpl}
  /etc/hosts: {when: [create, copy], template: hosts.tpl}
YAML
    echo '{{ instance.name }}' >"$1/templates/hostname.tpl"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\t{{ instance.name }}\n::1\tlocalhost\n' >"$1/templates/hosts.tpl"
    tar -C "$1" -cf "$1/metadata.tar" metadata.yaml templates
}

if incus image info debian/12 >/dev/null 2>&1; then
    say image "debian/12 is there"
else
    say image "making debian/12 with mmdebstrap (a minute)"
    work=$(mktemp -d $CACHE/image.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM # dash ends by a signal without doing what is to be done at its end
    printf '%s\n' "$furnish" >"$work/furnish"
    chmod +x "$work" && chmod 755 "$work/furnish"
    mmdebstrap --quiet --variant=minbase --mode=root --format=tar --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include=systemd-sysv,dbus,udev,openssh-server,python3,sudo,iproute2,procps,ca-certificates \
        --customize-hook="sh '$work/furnish' \"\$1\"" \
        bookworm "$work/root.tar" "$uri" >$CACHE/image.log 2>&1 || die "mmdebstrap failed: $(tail -n 3 $CACHE/image.log)"
    metadata "$work"
    incus -q image import "$work/metadata.tar" "$work/root.tar" --alias debian/12
fi
say ready "mode incus can be used"
