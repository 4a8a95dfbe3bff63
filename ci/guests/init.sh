#!/bin/busybox sh
# First program of the small Linux guest. Prepares a bare system, runs /rnic/run, says how it
# ended, and switches the machine off. Lines that begin with "@@rnic " are for the host side
# (ci/xtask/src/guest/console.rs).
/bin/busybox mkdir -p /bin /sbin /proc /sys /dev /tmp /run
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox --install -s /bin
export PATH=/rnic/bin:/usr/bin:/bin:/sbin HOME=/tmp RUST_BACKTRACE=1
mount -t tmpfs tmp /tmp
mkdir -p /dev/hugepages /dev/shm
mount -t tmpfs shm /dev/shm
mount -t hugetlbfs huge /dev/hugepages 2>/dev/null
ip link set lo up 2>/dev/null

failed=
while read -r module; do
    insmod "/rnic/modules/$module" || failed="$failed $module"
done </rnic/modules/order
[ -z "$failed" ] || echo "@@rnic fail modules not loaded:$failed"

read -r uptime _ </proc/uptime
echo "@@rnic up $uptime $(uname -r)"
cd /tmp
if [ -e /rnic/shell ]; then
    echo "busybox shell; programs are in /rnic/bin, /rnic/lib.sh has helpers; exit switches off"
    setsid cttyhack sh
    code=$?
else
    sh /rnic/run
    code=$?
fi
echo "@@rnic exit $code"
poweroff -f
