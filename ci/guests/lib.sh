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
