#!/usr/bin/env bash
# Windows with rnic, from media of your own: two guests, the driver, Driver Verifier, SMB Direct between them, logs.
usage() {
    cat <<'END'
usage: ci/windows/run.sh --iso FILE [--image NAME] [--key KEY]   installs Windows twice, tests, collects: an hour or two
       ci/windows/run.sh --vhdx FILE                             boots two copies of an installed Windows (generation 2, that is
                                                                 UEFI), and does the same; your file stays as it is
       ci/windows/run.sh --check                                 starts both guests without Windows, looks, and stops: seconds
       ci/windows/run.sh --prepare                               makes the CDs with driver, scripts and answers, and stops

  --image NAME   which Windows of the ISO (default: Windows Server 2022 SERVERSTANDARD); for clients one with SMB Direct:
                 Windows 11 Enterprise, Education or Pro for Workstations
  --key KEY      a product key, for media that ask for one; evaluation media do not
  --out DIR      where disks, logs and results go (default: target/windows); 80 GB for --iso
  --hours N      give up after so long (default: 6)
  --accel NAME   how QEMU runs guests (default: kvm); tcg is for --check where there is no KVM

Needs: QEMU 10.1 or newer with vfio-user-pci, OVMF, xorriso, mtools; a release build of rnic and the driver's package,
which are made if cargo is there. Variables: QEMU, OVMF, OVMF_VARS, RNIC, RNIC_PACKAGE name others than those that are found.
No TPM and no Secure Boot: the answers switch Windows 11's checks for them off, and test-signed drivers want Secure Boot off.
END
}
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
iso='' vhdx='' only='' image='Windows Server 2022 SERVERSTANDARD' key='' out=$root/target/windows hours=6 accel=kvm
disk_bytes=40G

die() { echo "run.sh: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is not installed: apt install $2"; }

while (($#)); do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --check | --prepare) [[ -z $only ]] || die "$only and $1 exclude each other"; only=$1; shift; continue ;;
        --iso | --vhdx | --image | --key | --out | --hours | --accel) ;;
        *) die "unknown argument $1; --help says what there is" ;;
    esac
    if (($# < 2)) || [[ $2 == --* ]]; then
        die "$1 wants a value; --help says which"
    fi
    declare "${1#--}=$2"
    shift 2
done
[[ -n $iso || -n $vhdx || -n $only ]] || die "give --iso or --vhdx: Windows is not ours to give, this needs media of your own. \
Evaluation media of Windows Server and of Windows 11 Enterprise do. --check tries this machine without any"
[[ -z $iso || -z $vhdx ]] || die "--iso and --vhdx exclude each other"
[[ -z $iso || -r $iso ]] || die "there is no ISO at $iso that can be read"
[[ -z $vhdx || -r $vhdx ]] || die "there is no VHDX at $vhdx that can be read"
[[ $hours =~ ^[0-9]+$ ]] || die "--hours wants a whole number, not $hours"
if [[ -n $iso ]]; then
    # El Torito and UDF media begin with volume descriptors at 32 KiB (ECMA-119, 8.1).
    dd if="$iso" bs=1 skip=32769 count=5 2>/dev/null | grep -qaE 'CD001|BEA01' || die "$iso is no CD or DVD image"
fi
if [[ -n $vhdx ]]; then
    head -c 8 "$vhdx" | grep -qa vhdxfile || die "$vhdx is no VHDX: convert it with qemu-img convert -O vhdx, or Convert-VHD"
fi
need xorriso xorriso
mkdir -p "$out" || die "cannot make $out; --out names another folder"
out=$(cd "$out" && pwd)

# ---- the CDs: one for each guest, for they differ in name and address -------------------------------------------------------
package=${RNIC_PACKAGE:-$root/target/driver/package}
if [[ ! -f $package/rnic.cat ]]; then
    [[ -z ${RNIC_PACKAGE:-} ]] || die "RNIC_PACKAGE is $package, where no rnic.cat is: cargo xtask driver --out DIR makes DIR/package"
    need cargo cargo
    (cd "$root" && cargo xtask driver)
fi
[[ -f $package/test.cer ]] || die "the package in $package is not signed: apt install openssl osslsigncode, then cargo xtask driver"

fill() { # NAME VALUE: replaces @NAME@ in its input by the value, as text of XML.
    local value
    value=$(sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/[\\/&]/\\&/g' <<<"$2")
    sed "s/@$1@/$value/g"
}
for n in 1 2; do
    folder=$(mktemp -d)
    cp "$here"/*.ps1 "$here"/causes.json "$folder"
    cp -r "$package" "$folder/package"
    # Setup from an ISO reads the first; a Windows that was generalized by sysprep, as ready-made disks are, the second.
    fill IMAGE "$image" <"$here/autounattend.xml" | fill KEY "$key" | fill NAME "RNIC$n" >"$folder/autounattend.xml"
    cp "$folder/autounattend.xml" "$folder/unattend.xml"
    echo "192.168.77.$n" >"$folder/address.txt"
    xorriso -as mkisofs -quiet -J -r -V RNIC -o "$out/rnic$n.iso" "$folder" 2>"$out/xorriso.log" || die "xorriso: $(<"$out/xorriso.log")"
    rm -r "$folder"
done
echo "CDs: $out/rnic1.iso $out/rnic2.iso"
[[ $only != --prepare ]] || exit 0

# ---- what runs the guests ---------------------------------------------------------------------------------------------------
qemu=${QEMU:-qemu-system-x86_64}
need "$qemu" qemu-system-x86
version=$("$qemu" --version | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
"$qemu" -device vfio-user-pci,help >/dev/null 2>&1 || die "QEMU $version at $qemu has no vfio-user-pci: 10.1 is the first \
(Debian: trixie-backports); QEMU names another"
need mcopy mtools
need mformat mtools
if [[ $accel == kvm && ! -w /dev/kvm ]]; then
    if [[ -e /dev/kvm ]]; then
        die "/dev/kvm is not yours to use: sudo usermod -aG kvm $(id -un), and log in again"
    fi
    die "there is no /dev/kvm: switch virtualization on in the firmware (in a virtual machine: nested virtualization). Without it \
Windows takes a day to install; --check --accel tcg does without"
fi
find_firmware() { # prints code and variables, of the same size
    local folder
    for folder in /usr/share/OVMF /usr/share/edk2/x64 /usr/share/edk2/ovmf; do
        for size in _4M .4m ''; do
            if [[ -f $folder/OVMF_CODE$size.fd && -f $folder/OVMF_VARS$size.fd ]]; then
                echo "$folder/OVMF_CODE$size.fd $folder/OVMF_VARS$size.fd"
                return
            fi
        done
    done
}
read -r code vars < <(find_firmware; echo) || true
code=${OVMF:-$code} vars=${OVMF_VARS:-$vars}
[[ -f $code && -f $vars ]] || die "no UEFI firmware at '$code' and '$vars': apt install ovmf, or set OVMF and OVMF_VARS (those \
without Secure Boot keys)"
rnic=${RNIC:-$root/target/release/rnic}
if [[ ! -x $rnic ]]; then
    [[ -z ${RNIC:-} ]] || die "RNIC is $rnic, which is no program"
    need cargo cargo
    (cd "$root" && cargo build --release -p rnic)
fi

# ---- start ------------------------------------------------------------------------------------------------------------------
# A socket's path has room for 107 characters, and $out may be deep.
run=$(mktemp -d -t rnic-windows-XXXXXX)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$run"' EXIT
"$rnic" serve --device "socket=$run/rnic1.sock" --device "socket=$run/rnic2.sock" >"$out/serve.log" 2>&1 &
pids+=($!)
for ((i = 0; i < 100; i++)); do
    [[ -S $run/rnic1.sock && -S $run/rnic2.sock ]] && break
    kill -0 "${pids[0]}" 2>/dev/null || die "rnic ended: $(tail -3 "$out/serve.log")"
    sleep 0.1
done
if [[ $only == --check && -z $iso$vhdx ]]; then
    # Something in the drive; nothing boots from it.
    truncate -s 1M "$out/nothing.iso"
fi

guests=() monitor_in=() monitor_out=()
start() { # N
    local n=$1 media=()
    # A disk for results, with one FAT partition, which both sides write.
    rm -f "$out/results$n.img"
    truncate -s 2G "$out/results$n.img"
    # Its entry in the partition table: FAT32 by block numbers (type 0C), from block 2048 to the end.
    printf '\0\xfe\xff\xff\x0c\xfe\xff\xff\0\x08\0\0\0\xf8\x3f\0' | dd of="$out/results$n.img" bs=1 seek=446 conv=notrunc status=none
    printf '\x55\xaa' | dd of="$out/results$n.img" bs=1 seek=510 conv=notrunc status=none
    mformat -i "$out/results$n.img@@1M" -T $(((2048 - 1) * 2048)) -h 64 -s 32 -H 2048 -F -v RNICOUT ::
    cp "$vars" "$out/vars$n.fd"
    # The disk comes first: what is empty is passed over, and what is installed is not installed again.
    if [[ -n $vhdx ]]; then
        # What is written goes to a file of its own in $out, gone at the end: the VHDX stays as it is.
        media=(-drive "file=$vhdx,format=vhdx,snapshot=on,if=none,id=disk")
    else
        rm -f "$out/disk$n.img"
        truncate -s "$disk_bytes" "$out/disk$n.img"
        media=(-drive "file=$out/disk$n.img,format=raw,discard=unmap,if=none,id=disk")
        media+=(-drive "file=${iso:-$out/nothing.iso},format=raw,media=cdrom,readonly=on,if=none,id=install")
        media+=(-device "ide-cd,bus=ide.1,drive=install,bootindex=2")
    fi
    local processor=host,hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_time
    [[ $accel == kvm ]] || processor=max
    mkfifo "$run/monitor$n.in" "$run/monitor$n.out"
    TMPDIR=$out "$qemu" -name "rnic-windows-$n" ${only:+-S} -machine q35,memory-backend=m0 -accel "$accel" \
        -cpu "$processor" -smp 4 -m 4G -object memory-backend-memfd,id=m0,size=4G,share=on -rtc base=localtime \
        -drive "if=pflash,format=raw,readonly=on,file=$code" -drive "if=pflash,format=raw,file=$out/vars$n.fd" \
        "${media[@]}" -device ide-hd,bus=ide.0,drive=disk,bootindex=1 \
        -drive "file=$out/rnic$n.iso,format=raw,media=cdrom,readonly=on,if=none,id=driver" -device ide-cd,bus=ide.2,drive=driver \
        -drive "file=$out/results$n.img,format=raw,if=none,id=results" -device ide-hd,bus=ide.3,drive=results \
        -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"'"$run/rnic$n.sock"'"}}' \
        -nic none -vga std -display none -vnc "unix:$run/screen$n" -serial "file:$out/serial$n.log" \
        -monitor "pipe:$run/monitor$n" \
        >"$out/qemu$n.log" 2>&1 &
    guests+=($!)
    pids+=($!)
    # Opened both ways, so that neither end waits for the other; kept open, so that QEMU sees no end.
    local in='' out_of=''
    exec {in}<>"$run/monitor$n.in" {out_of}<>"$run/monitor$n.out"
    monitor_in[n]=$in monitor_out[n]=$out_of
}
monitor() { # N COMMAND: a line for QEMU's monitor
    echo "$2" >&"${monitor_in[$1]}"
}
ask() { # N COMMAND: the same, and what it answers
    monitor "$1" "$2"
    local line=''
    # The answer to this one, 0x1cba, ends the answer to the other.
    monitor "$1" 'print 7354'
    while IFS= read -r -t 60 -u "${monitor_out[$1]}" line; do
        [[ $line != 0x1cba* ]] || return 0
        echo "$line"
    done
    echo "QEMU's monitor does not answer"
}
start 1
start 2

if [[ $only == --check ]]; then
    for n in 1 2; do
        functions=$(ask "$n" 'info pci')
        blocks=$(ask "$n" 'info block')
        kill -0 "${guests[$((n - 1))]}" 2>/dev/null || die "guest $n did not start: $(cat "$out/qemu$n.log")"
        [[ $functions == *1d1d:524e* ]] || die "guest $n has no rnic function; QEMU says:
$functions$(cat "$out/qemu$n.log")"
        for drive in disk driver results ${iso:+install}; do
            [[ $blocks == *"$drive"* ]] || die "guest $n has no drive '$drive'; QEMU says:
$blocks$(cat "$out/qemu$n.log")"
        done
        echo "guest $n: rnic and its drives are there (QEMU $version, $accel)"
        monitor "$n" quit
    done
    echo "this machine is ready: run.sh --iso, or --vhdx"
    exit 0
fi

echo "two guests run. Their screens: $run/screen1 and $run/screen2, for a VNC viewer that takes sockets; the log of each step is on \
the results disk, whose files are copied to $out at the end. To stop: Ctrl-C"
if [[ -n $iso ]]; then
    # Windows' boot loader waits five seconds for a key before it starts from a CD, the first time only.
    for ((i = 0; i < 60; i++)); do
        alive=0
        for n in 1 2; do
            if kill -0 "${guests[$((n - 1))]}" 2>/dev/null; then
                alive=1
                monitor "$n" 'sendkey ret'
            fi
        done
        ((alive)) || break
        sleep 1
    done
else
    echo "a Windows that is set up already reads no answers: open the CD named RNIC there and run setup.ps1 as administrator"
fi
limit=$((SECONDS + hours * 3600)) shown=0
while kill -0 "${guests[0]}" 2>/dev/null || kill -0 "${guests[1]}" 2>/dev/null; do
    kill -0 "${pids[0]}" 2>/dev/null || die "rnic ended: $(tail -3 "$out/serve.log")"
    ((SECONDS < limit)) || { gave_up=1; break; }
    if ((SECONDS - shown >= 300)); then
        shown=$SECONDS
        echo "after $((SECONDS / 60)) minutes: disks of $(du -ch "$out"/disk*.img 2>/dev/null | tail -1 | cut -f1), guests still run"
    fi
    sleep 2
done
if [[ -n ${gave_up:-} ]]; then
    for n in 1 2; do
        monitor "$n" "screendump $out/screen$n.ppm"
    done
    sleep 2
    kill "${guests[@]}" 2>/dev/null || true
    echo "gave up after $hours hours; what stood on the screens is in $out/screen1.ppm and screen2.ppm"
fi
for n in 1 2; do
    mkdir -p "$out/guest$n"
    mcopy -s -n -i "$out/results$n.img@@1M" '::*' "$out/guest$n" || echo "guest $n left no logs: see $out/qemu$n.log"
done
if [[ -z ${gave_up:-} ]] && grep -rqs '^PASSED' "$out"/guest2; then
    echo "SMB Direct copy: PASSED (logs in $out)"
else
    die "SMB Direct copy did not pass; start with doctor.txt in $out/guest1 and guest2: the first line that says NO is the cause"
fi
