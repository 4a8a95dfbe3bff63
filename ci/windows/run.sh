#!/usr/bin/env bash
# Windows with rnic, from media of your own: two guests, the driver, Driver Verifier, SMB Direct between them, logs.
# usage: ci/windows/run.sh --iso FILE --image NAME [--out DIR]     installs Windows twice, tests, collects
#        ci/windows/run.sh --vhdx FILE [--out DIR]                 boots two copies; run setup.ps1 from the CD yourself
#        ci/windows/run.sh --prepare [--image NAME] [--out DIR]    makes the CDs and stops
# Needs: QEMU 10.1 or newer with /dev/kvm, OVMF, xorriso, mtools, dosfstools; a release build of rnic.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
iso= vhdx= prepare= image='Windows Server 2022 SERVERSTANDARD' out=$root/target/windows

die() { echo "run.sh: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is not installed ($2)"; }

while (($#)); do
    case $1 in
        --iso) iso=$2; shift 2 ;;
        --vhdx) vhdx=$2; shift 2 ;;
        --image) image=$2; shift 2 ;;
        --out) out=$2; shift 2 ;;
        --prepare) prepare=1; shift ;;
        *) die "unknown argument $1; the head of this file says what there is" ;;
    esac
done
[[ -n $iso || -n $vhdx || -n $prepare ]] || die "give --iso or --vhdx: this needs your own Windows media"
need xorriso xorriso
mkdir -p "$out"
out=$(cd "$out" && pwd)

package=${RNIC_PACKAGE:-$root/target/driver/package}
[[ -f $package/rnic.cat ]] || (cd "$root" && cargo xtask driver)
[[ -f $package/test.cer ]] || die "the package is not signed: install openssl and osslsigncode, then cargo xtask driver"

# One CD for each guest: they differ in their address.
escaped=$(sed 's/&/\&amp;/g; s/</\&lt;/g; s/[\/&]/\\&/g' <<<"$image")
for n in 1 2; do
    cd_folder=$(mktemp -d)
    cp "$here"/*.ps1 "$cd_folder"
    cp -r "$package" "$cd_folder/package"
    sed "s/@IMAGE@/$escaped/" "$here/autounattend.xml" > "$cd_folder/autounattend.xml"
    echo "192.168.77.$n" > "$cd_folder/address.txt"
    xorriso -as mkisofs -quiet -J -r -V RNIC -o "$out/rnic$n.iso" "$cd_folder"
    rm -r "$cd_folder"
done
echo "CDs: $out/rnic1.iso $out/rnic2.iso"
[[ -z $prepare ]] || exit 0

need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need mcopy mtools
need mkfs.vfat dosfstools
[[ -w /dev/kvm ]] || die "/dev/kvm cannot be used: installing Windows without it takes a day"
ovmf=${OVMF:-/usr/share/OVMF/OVMF_CODE_4M.fd}
vars=${OVMF_VARS:-/usr/share/OVMF/OVMF_VARS_4M.fd}
[[ -f $ovmf && -f $vars ]] || die "no OVMF at $ovmf; set OVMF and OVMF_VARS (without Secure Boot keys)"
rnic=${RNIC:-$root/target/release/rnic}
[[ -x $rnic ]] || die "no $rnic; cargo build --release -p rnic"

"$rnic" serve --device "socket=$out/rnic1.sock" --device "socket=$out/rnic2.sock" > "$out/serve.log" 2>&1 &
daemon=$!
guests=()
trap 'kill "$daemon" "${guests[@]}" 2>/dev/null || true' EXIT
for n in 1 2; do
    truncate -s 2G "$out/results$n.img"
    mkfs.vfat -F 32 -n RNICOUT "$out/results$n.img" > /dev/null
    cp "$vars" "$out/vars$n.fd"
    media=()
    if [[ -n $vhdx ]]; then
        qemu-img create -q -f qcow2 -b "$(realpath "$vhdx")" -F vhdx "$out/disk$n.qcow2"
    else
        qemu-img create -q -f qcow2 "$out/disk$n.qcow2" 40G
        media=(-drive "file=$iso,media=cdrom,readonly=on")
    fi
    qemu-system-x86_64 -machine q35,memory-backend=m0,accel=kvm -cpu host -smp 4 -m 4G \
        -object memory-backend-memfd,id=m0,size=4G,share=on \
        -drive "if=pflash,format=raw,readonly=on,file=$ovmf" -drive "if=pflash,format=raw,file=$out/vars$n.fd" \
        -drive "file=$out/disk$n.qcow2,if=none,id=d0" -device ide-hd,drive=d0,bootindex=1 \
        "${media[@]}" -drive "file=$out/rnic$n.iso,media=cdrom,readonly=on" \
        -drive "file=$out/results$n.img,format=raw,if=none,id=d1" -device ide-hd,drive=d1 \
        -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"'"$out/rnic$n.sock"'"}}' \
        -nic none -vga std -vnc "unix:$out/vnc$n.sock" -serial "file:$out/serial$n.log" -name "rnic-windows-$n" &
    guests+=($!)
done
echo "two guests run; their screens are at $out/vnc1.sock and vnc2.sock (press a key there if the CD asks)"
[[ -z $vhdx ]] || echo "in each: open the CD named RNIC and run setup.ps1 as administrator"
wait "${guests[@]}"
for n in 1 2; do
    mkdir -p "$out/guest$n"
    mcopy -s -n -i "$out/results$n.img" '::*' "$out/guest$n" || echo "guest $n left no logs"
done
if grep -rqs '^PASSED' "$out"/guest2; then
    echo "SMB Direct copy: PASSED (logs in $out)"
else
    die "SMB Direct copy did not pass; start with doctor.txt in $out/guest1 and guest2"
fi
