#!/usr/bin/env bash
# The first process of a host: host.sh NAME FOLDER PATH... -- COMMAND...
#
# FOLDER lies over this machine's files; the PATHs are visible even if they are in /tmp, which is the
# host's own. DISK_MB limits the size of /tmp.
set -euo pipefail

name=$1 folder=$2
shift 2
root=$folder.root
mkdir -p "$folder.work" "$root" "$folder.tmp"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder,workdir=$folder.work" "$root"
if [[ -n ${DISK_MB:-} ]]; then
  mount -t tmpfs -o "size=${DISK_MB}m" tmpfs "$root/tmp"
else
  mount --bind "$folder.tmp" "$root/tmp"
fi
while [[ $1 != -- ]]; do
  if [[ ! -e $root$1 ]]; then
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
  fi
  shift
done
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
hostname "$name"
cd "$root"
exec chroot . "$@"
