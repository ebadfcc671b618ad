#!/bin/sh
# One trial by hand: what the program does in mode incus, written down straight. Called as: incus.sh FOLDER TEMPLATE NUMBER
#
# FOLDER has prepare.yml, validate.yml and ansible.cfg; ANSIBLE_PLAYBOOK is how to start ansible-playbook.
set -eu
folder=$1 template=$2 name=bench-by-hand-$$-$3
trap 'incus delete --force "$name" >/dev/null 2>&1 || :' EXIT

incus copy "$template" "$name" -c limits.cpu=1 -c limits.memory=256MiB -c boot.autostart=false
incus start "$name"
incus exec -T "$name" -- sh -c 'until [ -S /run/systemd/private ]; do sleep 0.02; done; systemctl is-system-running --wait >/dev/null || :'

inventory=$folder/inventory-$name.yml
cat >"$inventory" <<TEXT
all:
  hosts:
    app-01: {ansible_connection: reconciler_incus, ansible_host: $name, ansible_user: root, ansible_python_interpreter: /usr/bin/python3}
TEXT
cd "$folder"
$ANSIBLE_PLAYBOOK -i "$inventory" prepare.yml
incus exec -T "$name" -- sh -c 'echo mended > /etc/state'
incus exec -T "$name" -- sh -c 'cat /etc/state'
$ANSIBLE_PLAYBOOK -i "$inventory" validate.yml

trap - EXIT
incus delete --force "$name"
