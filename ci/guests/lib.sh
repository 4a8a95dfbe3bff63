# Helpers for what runs in the guest: `. /rnic/lib.sh`.

# Prints a line for every PCI function: address, vendor:device, class, driver.
pci_list() {
    for dev in /sys/bus/pci/devices/*; do
        driver=-
        [ -e "$dev/driver" ] && driver=$(basename "$(readlink "$dev/driver")")
        printf '%s %04x:%04x class %06x driver %s group %s\n' "${dev##*/}" "$(cat "$dev/vendor")" "$(cat "$dev/device")" \
            "$(cat "$dev/class")" "$driver" "$(basename "$(readlink "$dev/iommu_group" 2>/dev/null || echo -)")"
    done
}

# pci_find VENDOR DEVICE (hexadecimal, as 1234 abcd): prints the addresses that match.
pci_find() {
    for dev in /sys/bus/pci/devices/*; do
        [ "$(cat "$dev/vendor")" = "0x$1" ] && [ "$(cat "$dev/device")" = "0x$2" ] && echo "${dev##*/}"
    done
    return 0
}

# vfio_bind ADDRESS: gives the function to vfio-pci.
vfio_bind() {
    dev=/sys/bus/pci/devices/$1
    echo vfio-pci >"$dev/driver_override"
    [ -e "$dev/driver" ] && echo "$1" >"$dev/driver/unbind"
    echo "$1" >/sys/bus/pci/drivers_probe
    [ "$(basename "$(readlink "$dev/driver")")" = vfio-pci ] || { echo "vfio-pci did not take $1"; return 1; }
}

# use_libraries: lets programs that brought their libraries along, in /rnic/lib, find them and their loader.
use_libraries() {
    mkdir -p /usr/lib64 && { [ -e /lib64 ] || ln -s usr/lib64 /lib64; } || return 1
    for loader in /rnic/lib/ld-linux*; do
        cp "$loader" /lib64/ || return 1
    done
    export LD_LIBRARY_PATH=/rnic/lib
}

# rxe_up ADDRESS/BITS MAC: a Linux peer's network card and Soft-RoCE device `rxe0` on it.
rxe_up() {
    for nic in eth0 vec0; do
        [ -e "/sys/class/net/$nic" ] && break
    done
    ip link set "$nic" address "$2" mtu 9000 up || return 1
    ip addr add "$1" dev "$nic" || return 1
    rdma link add rxe0 type rxe netdev "$nic" || return 1
    # The GID follows the address a moment later; nothing connects before it is there.
    tries=100
    until grep -qs 'ffff' /sys/class/infiniband/rxe0/ports/1/gids/1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "rxe0 got no GID for $1"; return 1; }
        sleep 0.1
    done
}

# rxe_pair MAC MTU V4/BITS V6/BITS: as rxe_up, with both kinds of address; no neighbour is waited for before they work.
rxe_pair() {
    for nic in eth0 vec0; do
        [ -e "/sys/class/net/$nic" ] && break
    done
    echo 0 >"/proc/sys/net/ipv6/conf/$nic/accept_dad"
    ip link set "$nic" address "$1" mtu "$2" up || return 1
    ip addr add "$3" dev "$nic" || return 1
    /usr/bin/ip -6 addr add "$4" dev "$nic" nodad || return 1
    rdma link add rxe0 type rxe netdev "$nic" || return 1
    tries=100
    until [ "$(cat /sys/class/infiniband/rxe0/ports/1/gids/[0-5] | grep -vc '^fe80\|^0000:0000:0000:0000:0000:0000')" -ge 2 ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "rxe0 got no GIDs for $3 and $4"; return 1; }
        sleep 0.1
    done
}

# weather [NETEM ARGUMENTS]: what the network does to frames that leave and, by an interface between, to those that come;
# nothing without arguments.
weather() {
    /usr/sbin/tc qdisc del dev "$nic" root 2>/dev/null
    /usr/sbin/tc qdisc del dev "$nic" ingress 2>/dev/null
    /usr/sbin/tc qdisc del dev ifb0 root 2>/dev/null
    [ $# -ne 0 ] || return 0
    /usr/sbin/tc qdisc add dev "$nic" root netem "$@" || return 1
    [ -e /sys/class/net/ifb0 ] || /usr/bin/ip link add ifb0 type ifb || return 1
    /usr/bin/ip link set ifb0 mtu "$(cat "/sys/class/net/$nic/mtu")" up || return 1
    /usr/sbin/tc qdisc add dev ifb0 root netem "$@" || return 1
    /usr/sbin/tc qdisc add dev "$nic" handle ffff: ingress || return 1
    /usr/sbin/tc filter add dev "$nic" parent ffff: protocol all u32 match u32 0 0 \
        action mirred egress redirect dev ifb0
}

# listening: waits until a program of this peer, and not its kernel, listens for connections.
listening() {
    tries=200
    until rdma resource show cm_id | grep -v 'comm \[' | grep -q 'state LISTEN'; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "nobody listens"; return 1; }
        sleep 0.05
    done
    # The state comes a little before the connection manager knows of it.
    sleep 0.5
}

# background COMMAND...: runs it with its words in /tmp/out; its exit code is the last line.
background() {
    { "$@"; echo "exit $?"; } >/tmp/out 2>&1 &
}

# ended: waits for the background command, prints its words and returns its exit code.
ended() {
    wait
    cat /tmp/out
    return "$(sed -n '$s/^exit //p' /tmp/out)"
}

# share NAME USER PASSWORD: a file server with one share, /tmp/NAME, over TCP and SMB Direct (port 445 each). Needs the User
# Mode Linux kernel and the peer with ksmbd's tools.
share() {
    mkdir -p "/tmp/$1" /etc/ksmbd /run/lock || return 1
    chmod 777 "/tmp/$1"
    cat >/etc/ksmbd/ksmbd.conf <<END
[global]
	netbios name = PEER
	server multi channel support = yes
	bind interfaces only = no
	map to guest = never
	smb2 max read = 8388608
	smb2 max write = 8388608
[$1]
	path = /tmp/$1
	read only = no
	guest ok = no
END
    grep -qs "^$2:" /etc/passwd || echo "$2:x:1000:1000::/tmp:/bin/sh" >>/etc/passwd
    /usr/sbin/ksmbd.adduser -a -p "$3" "$2" || return 1
    share_start
}

# share_start: starts the file server, and waits until it listens for SMB Direct.
share_start() {
    /usr/sbin/ksmbd.mountd || return 1
    tries=100
    until rdma resource show cm_id 2>/dev/null | grep -q 'state LISTEN.*:445 *$'; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "ksmbd does not listen for RDMA"; return 1; }
        sleep 0.1
    done
}

# share_stop: stops it, and waits until it is gone.
share_stop() {
    /usr/sbin/ksmbd.control -s || return 1
    tries=100
    while pidof ksmbd.mountd >/dev/null || rdma resource show cm_id | grep -q 'state LISTEN.*:445 *$'; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "ksmbd does not end"; return 1; }
        sleep 0.1
    done
}

# vlan_up ID V4/BITS V6/BITS: the card's VLAN and its addresses; nothing when it is there.
vlan_up() {
    [ ! -e "/sys/class/net/$nic.$1" ] || return 0
    /usr/bin/ip link add link "$nic" name "$nic.$1" type vlan id "$1" || return 1
    echo 0 >"/proc/sys/net/ipv6/conf/$nic.$1/accept_dad"
    /usr/bin/ip link set "$nic.$1" up || return 1
    /usr/bin/ip addr add "$2" dev "$nic.$1" || return 1
    /usr/bin/ip -6 addr add "$3" dev "$nic.$1" nodad || return 1
    # The GIDs follow.
    sleep 0.5
}

# address_up V4/BITS V6/BITS: more addresses of the card; nothing when they are there.
address_up() {
    /usr/bin/ip addr show dev "$nic" | grep -q "inet $1" && return 0
    /usr/bin/ip addr add "$1" dev "$nic" || return 1
    /usr/bin/ip -6 addr add "$2" dev "$nic" nodad || return 1
    sleep 0.5
}
