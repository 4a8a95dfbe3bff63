//! One row for every way to be wrong: the errno, or the end of the connection. After each the server serves the next good message, of this
//! client or of the next, and the device was never asked.

mod support;

use support::*;
use vfio_user_server::Errno;
use vfio_user_server::codec::Command;
use vfio_user_server::codec::payload::*;
use vfio_user_server::limits::*;

/// What a row must lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Want {
    /// An error reply; the connection goes on.
    Reply(Errno),
    /// An error reply, then the end.
    ReplyAndEnd(Errno),
    /// The end, without a reply.
    End,
    /// No reply; the connection goes on.
    Silence,
}
use Want::*;

struct Row {
    name: &'static str,
    bytes: Vec<u8>,
    fds: usize,
    want: Want,
}

fn row(name: &'static str, want: Want, bytes: Vec<u8>) -> Row {
    Row {
        name,
        bytes,
        fds: 0,
        want,
    }
}

fn with_fds(name: &'static str, want: Want, fds: usize, bytes: Vec<u8>) -> Row {
    Row {
        name,
        bytes,
        fds,
        want,
    }
}

fn cmd(what: Command, body: &[u8]) -> Vec<u8> {
    command(7, what, 0, body)
}

fn version(body: &[u8]) -> Vec<u8> {
    cmd(Command::VERSION, body)
}

/// The greeting. Section "VFIO_USER_VERSION".
#[rustfmt::skip]
fn before_version() -> Vec<Row> {
    let end = ReplyAndEnd(Errno::EINVAL);
    let mut rows = vec![
        row("major version 1", ReplyAndEnd(Errno::ENOTSUP), version(&version_body(1, 0, b"{}\0"))),
        row("major version 65535", ReplyAndEnd(Errno::ENOTSUP), version(&version_body(65535, 0, b"{}\0"))),
        row("no version at all", end, version(&[])),
        row("half a version", end, version(&[0, 0])),
        row("three bytes of version", end, version(&[0, 0, 0])),
        row("version data is a lone NUL", end, version(&version_body(0, 0, b"\0"))),
        row("version data without NUL", end, version(&version_body(0, 0, b"{}"))),
        row("version data with NUL inside", end, version(&version_body(0, 0, b"{\"a\":\0}\0"))),
        row("version data is no JSON", end, version(&version_body(0, 0, b"{capabilities}\0"))),
        row("version data is an array", end, version(&version_body(0, 0, b"[]\0"))),
        row("version data is not UTF-8", end, version(&version_body(0, 0, b"{\"\xff\":1}\0"))),
        row("capabilities are a number", end, version(&version_body(0, 0, b"{\"capabilities\":1}\0"))),
        row("max_msg_fds is negative", end, version(&version_body(0, 0, b"{\"capabilities\":{\"max_msg_fds\":-1}}\0"))),
        row("max_msg_fds is a string", end, version(&version_body(0, 0, b"{\"capabilities\":{\"max_msg_fds\":\"x\"}}\0"))),
        row("max_data_xfer_size is huge", end, version(&version_body(0, 0, b"{\"capabilities\":{\"max_data_xfer_size\":1e300}}\0"))),
        row("version data nests deeply", end, version(&version_body(0, 0, &[&[b'['; 3000][..], &[0]].concat()))),
        row("version data is too large", end, version(&version_body(0, 0, &vec![b' '; MAX_VERSION_DATA + 1]))),
        with_fds("version with a descriptor", end, 1, version(&good_version())),
        row("version that wants no reply", End, command(7, Command::VERSION, 1 << 4, &good_version())),
        row("version with the error bit", end, command(7, Command::VERSION, 1 << 5, &good_version())),
        row("region read before version", end, cmd(Command::REGION_READ, &access_body(RW, 0, 4, &[]))),
        row("device info before version", end, cmd(Command::DEVICE_GET_INFO, &device_info_body(16))),
        with_fds("DMA map before version", end, 1, cmd(Command::DMA_MAP, &map_body(0, 4096))),
        row("reset before version", end, cmd(Command::DEVICE_RESET, &[])),
        row("unknown command before version", ReplyAndEnd(Errno::ENOSYS), cmd(Command(99), &[])),
        row("posted write before version", End, command(7, Command::REGION_WRITE, 1 << 4, &access_body(RW, 0, 1, &[1]))),
    ];
    rows.extend(framing());
    rows
}

/// Headers that cannot be headers. Section "Header".
fn framing() -> Vec<Row> {
    vec![
        row("size 0", End, raw(7, 13, 0, 0, &[])),
        row("size 15", End, raw(7, 13, 15, 0, &[])),
        row(
            "size one above the largest",
            End,
            raw(7, 10, MAX_MESSAGE_SIZE + 1, 0, &[]),
        ),
        row("size 4 GiB - 1", End, raw(7, 10, u32::MAX, 0, &[])),
        row("size below a header in a reply", End, raw(7, 13, 8, 1, &[])),
        row("type 2", End, raw(7, 13, 16, 2, &[])),
        row("type 15", End, raw(7, 13, 16, 15, &[])),
        row("zeros", End, vec![0; 16]),
        row("text", End, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ]
}

fn multi(wr_cnt: u64, writes: &[(u32, u64, u32, [u8; 8])]) -> Vec<u8> {
    cmd(Command::REGION_WRITE_MULTI, &multi_body(wr_cnt, writes))
}

fn read(region: u32, offset: u64, count: u32) -> Vec<u8> {
    cmd(
        Command::REGION_READ,
        &access_body(region, offset, count, &[]),
    )
}

fn write(region: u32, offset: u64, count: u32, data: &[u8]) -> Vec<u8> {
    cmd(
        Command::REGION_WRITE,
        &access_body(region, offset, count, data),
    )
}

fn set_irqs(flags: u32, index: u32, start: u32, count: u32, data: &[u8]) -> Vec<u8> {
    cmd(
        Command::DEVICE_SET_IRQS,
        &irqs_body(flags, index, start, count, data),
    )
}

fn map(flags: u32, offset: u64, address: u64, size: u64) -> Vec<u8> {
    let map = DmaMap {
        argsz: 32,
        flags,
        offset,
        address,
        size,
    };
    cmd(Command::DMA_MAP, &body(map, &[]))
}

fn unmap(flags: u32, address: u64, size: u64) -> Vec<u8> {
    cmd(Command::DMA_UNMAP, &unmap_body(flags, address, size))
}

/// Sections "Header" and "Commands".
#[rustfmt::skip]
fn headers() -> Vec<Row> {
    let einval = Reply(Errno::EINVAL);
    vec![
        row("command 0", Reply(Errno::ENOSYS), cmd(Command(0), &[])),
        row("command 19", Reply(Errno::ENOSYS), cmd(Command(19), &[])),
        row("command 65535", Reply(Errno::ENOSYS), cmd(Command(65535), &[])),
        row("unknown command with a large body", Reply(Errno::ENOSYS), cmd(Command(200), &[0xab; 100_000])),
        with_fds("unknown command with descriptors", Reply(Errno::ENOSYS), 16, cmd(Command(200), &[1, 2, 3])),
        row("unknown command, no reply", Silence, command(7, Command(99), 1 << 4, &[1; 99])),
        row("region IO fds", Reply(Errno::ENOTSUP), cmd(Command::DEVICE_GET_REGION_IO_FDS, &[0; 16])),
        row("dirty pages", Reply(Errno::ENOTSUP), cmd(Command::DIRTY_PAGES, &[0; 8])),
        row("device feature", Reply(Errno::ENOTSUP), cmd(Command::DEVICE_FEATURE, &[0; 8])),
        row("migration data read", Reply(Errno::ENOTSUP), cmd(Command::MIG_DATA_READ, &[0; 8])),
        row("migration data write", Reply(Errno::ENOTSUP), cmd(Command::MIG_DATA_WRITE, &[0; 4096])),
        row("DMA read from the client", einval, cmd(Command::DMA_READ, &[0; 16])),
        row("DMA write from the client", einval, cmd(Command::DMA_WRITE, &[0; 32])),
        row("reserved flag", einval, command(7, Command::DEVICE_RESET, 1 << 6, &[])),
        row("highest flag", einval, command(7, Command::DEVICE_RESET, 1 << 31, &[])),
        row("error bit in a command", einval, command(7, Command::DEVICE_RESET, 1 << 5, &[])),
        row("error bit, no reply", Silence, command(7, Command::DEVICE_RESET, 3 << 4, &[])),
        row("reply to a DMA read never sent", Silence, command(7, Command::DMA_READ, 1, &[0; 64])),
        row("reply to a DMA write never sent", Silence, command(7, Command::DMA_WRITE, 1, &[0; 12])),
        row("error reply to nothing", Silence, command(7, Command::DMA_READ, 0x21, &[])),
        row("reply to a command of the client's", Silence, command(7, Command::REGION_READ, 1, &[0; 16])),
        row("reply to an unknown command", Silence, command(7, Command(500), 1, &[0; 3])),
        with_fds("reply with descriptors", Silence, 3, command(7, Command::DMA_READ, 1, &[0; 64])),
        row("second version", einval, version(&good_version())),
        row("second version, another major", Reply(Errno::ENOTSUP), version(&version_body(1, 0, &[]))),
        row("reset with a body", einval, cmd(Command::DEVICE_RESET, &[0])),
        with_fds("reset with a descriptor", einval, 1, cmd(Command::DEVICE_RESET, &[])),
    ]
}

/// Sections "VFIO_USER_DMA_MAP" and "VFIO_USER_DMA_UNMAP".
#[rustfmt::skip]
fn dma() -> Vec<Row> {
    let einval = Reply(Errno::EINVAL);
    let rw = DMA_MAP_READ | DMA_MAP_WRITE;
    let short = DmaMap {
        argsz: 31,
        flags: rw,
        offset: 0,
        address: 0,
        size: 4096,
    };
    let short_unmap = DmaUnmap {
        argsz: 23,
        flags: 0,
        address: 0x10_0000,
        size: 0x4000,
    };
    // One mapping exists: 0x100000, four pages.
    vec![
        row("map without body", einval, cmd(Command::DMA_MAP, &[])),
        row("map body one short", einval, cmd(Command::DMA_MAP, &map_body(0, 4096)[..31])),
        row("map body one long", einval, cmd(Command::DMA_MAP, &[map_body(0, 4096), vec![0]].concat())),
        row("map argsz too small", einval, cmd(Command::DMA_MAP, &body(short, &[]))),
        row("map of nothing", einval, map(rw, 0, 0, 0)),
        row("map address unaligned", einval, map(rw, 0, 0x800, 4096)),
        row("map size unaligned", einval, map(rw, 0, 0, 4097)),
        row("map size below a page", einval, map(rw, 0, 0, 512)),
        row("map wraps", einval, map(rw, 0, u64::MAX - 0xfff, 0x2000)),
        row("map of everything from page 1", Reply(Errno::EEXIST), map(rw, 0, 0x1000, u64::MAX - 0xfff)),
        row("map of the largest size wraps from page 2", einval, map(rw, 0, 0x2000, u64::MAX - 0xfff)),
        row("map without permission", einval, map(0, 0, 0, 4096)),
        row("map with unknown flag", einval, map(rw | 4, 0, 0, 4096)),
        with_fds("map with two descriptors", einval, 2, map(rw, 0, 0, 4096)),
        with_fds("map with 16 descriptors", einval, 16, map(rw, 0, 0, 4096)),
        with_fds("map file offset unaligned", einval, 1, map(rw, 0x10, 0, 4096)),
        with_fds("map file offset wraps", einval, 1, map(rw, u64::MAX - 0xfff, 0, 4096)),
        with_fds("map file offset negative", einval, 1, map(rw, 1 << 63, 0, 4096)),
        with_fds("map of the same range", Reply(Errno::EEXIST), 1, map(rw, 0, 0x10_0000, 0x4000)),
        row("map inside a range", Reply(Errno::EEXIST), map(rw, 0, 0x10_1000, 0x1000)),
        row("map over the start of a range", Reply(Errno::EEXIST), map(rw, 0, 0xf_f000, 0x2000)),
        row("map over the end of a range", Reply(Errno::EEXIST), map(rw, 0, 0x10_3000, 0x2000)),
        row("map around a range", Reply(Errno::EEXIST), map(rw, 0, 0, 0x100_0000)),
        row("unmap without body", einval, cmd(Command::DMA_UNMAP, &[])),
        row("unmap body one short", einval, cmd(Command::DMA_UNMAP, &unmap_body(0, 0x10_0000, 0x4000)[..23])),
        row("unmap argsz too small", einval, cmd(Command::DMA_UNMAP, &body(short_unmap, &[]))),
        row("unmap of nothing", einval, unmap(0, 0x10_0000, 0)),
        row("unmap unaligned", einval, unmap(0, 0x10_0001, 0x4000)),
        row("unmap size unaligned", einval, unmap(0, 0x10_0000, 0x3fff)),
        row("unmap wraps", einval, unmap(0, 0x10_0000, u64::MAX - 0xfff)),
        row("unmap of an unknown range", Reply(Errno::ENOENT), unmap(0, 0x20_0000, 0x1000)),
        row("unmap of the front of a range", einval, unmap(0, 0x10_0000, 0x1000)),
        row("unmap of the end of a range", einval, unmap(0, 0x10_3000, 0x1000)),
        row("unmap past the end of a range", einval, unmap(0, 0x10_2000, 0x8000)),
        row("unmap all with an address", einval, unmap(DMA_UNMAP_ALL, 0x10_0000, 0)),
        row("unmap all with a size", einval, unmap(DMA_UNMAP_ALL, 0, 0x4000)),
        row("unmap with dirty bitmap", Reply(Errno::ENOTSUP), unmap(DMA_UNMAP_GET_DIRTY_BITMAP, 0x10_0000, 0x4000)),
        row("unmap with unknown flag", einval, unmap(1 << 2, 0x10_0000, 0x4000)),
        row("unmap with all flags", einval, unmap(u32::MAX, 0, 0)),
        with_fds("unmap with a descriptor", einval, 1, unmap(0, 0x10_0000, 0x4000)),
    ]
}

/// Sections "VFIO_USER_DEVICE_GET_INFO", "..._GET_REGION_INFO" and "..._GET_IRQ_INFO".
#[rustfmt::skip]
fn info() -> Vec<Row> {
    let einval = Reply(Errno::EINVAL);
    vec![
        row("device info without body", einval, cmd(Command::DEVICE_GET_INFO, &[])),
        row("device info body one long", einval, cmd(Command::DEVICE_GET_INFO, &[0; 17])),
        row("device info argsz too small", einval, cmd(Command::DEVICE_GET_INFO, &device_info_body(15))),
        row("device info argsz 0", einval, cmd(Command::DEVICE_GET_INFO, &device_info_body(0))),
        with_fds("device info with a descriptor", einval, 1, cmd(Command::DEVICE_GET_INFO, &device_info_body(16))),
        row("region info body one short", einval, cmd(Command::DEVICE_GET_REGION_INFO, &[0; 31])),
        row("region info argsz too small", einval, cmd(Command::DEVICE_GET_REGION_INFO, &region_info_body(31, 0))),
        row("region info past the last", einval, cmd(Command::DEVICE_GET_REGION_INFO, &region_info_body(32, REGIONS))),
        row("region info of region 4 Gi - 1", einval, cmd(Command::DEVICE_GET_REGION_INFO, &region_info_body(32, u32::MAX))),
        row("interrupt info body one short", einval, cmd(Command::DEVICE_GET_IRQ_INFO, &[0; 15])),
        row("interrupt info argsz too small", einval, cmd(Command::DEVICE_GET_IRQ_INFO, &irq_info_body(12, 0))),
        row("interrupt info past the last", einval, cmd(Command::DEVICE_GET_IRQ_INFO, &irq_info_body(16, IRQ_TYPES))),
        row("interrupt info of type 4 Gi - 1", einval, cmd(Command::DEVICE_GET_IRQ_INFO, &irq_info_body(16, u32::MAX))),
    ]
}

/// Section "VFIO_USER_DEVICE_SET_IRQS".
#[rustfmt::skip]
fn interrupts() -> Vec<Row> {
    let einval = Reply(Errno::EINVAL);
    let (none, bools, eventfd) = (IRQ_SET_DATA_NONE, IRQ_SET_DATA_BOOL, IRQ_SET_DATA_EVENTFD);
    let (mask, unmask, trigger) = (
        IRQ_SET_ACTION_MASK,
        IRQ_SET_ACTION_UNMASK,
        IRQ_SET_ACTION_TRIGGER,
    );
    let short = IrqSet {
        argsz: 19,
        flags: none | trigger,
        index: MSIX,
        start: 0,
        count: 1,
    };
    let short_bools = IrqSet {
        argsz: 20,
        flags: bools | trigger,
        index: MSIX,
        start: 0,
        count: 2,
    };
    vec![
        row("set irqs without body", einval, cmd(Command::DEVICE_SET_IRQS, &[])),
        row("set irqs body one short", einval, cmd(Command::DEVICE_SET_IRQS, &[0; 19])),
        row("set irqs argsz too small", einval, cmd(Command::DEVICE_SET_IRQS, &body(short, &[]))),
        row("set irqs argsz without the booleans", einval, cmd(Command::DEVICE_SET_IRQS, &body(short_bools, &[1, 1]))),
        row("set irqs of an unknown type", einval, set_irqs(none | trigger, IRQ_TYPES, 0, 1, &[])),
        row("set irqs of type 4 Gi - 1", einval, set_irqs(none | trigger, u32::MAX, 0, 1, &[])),
        row("no flags", einval, set_irqs(0, MSIX, 0, 1, &[])),
        row("no action", einval, set_irqs(none, MSIX, 0, 1, &[])),
        row("no data kind", einval, set_irqs(trigger, MSIX, 0, 1, &[])),
        row("two actions", einval, set_irqs(none | mask | trigger, INTX, 0, 1, &[])),
        row("two data kinds", einval, set_irqs(none | eventfd | trigger, MSIX, 0, 1, &[])),
        row("unknown flag", einval, set_irqs(none | trigger | 1 << 6, MSIX, 0, 1, &[])),
        row("start past the last", einval, set_irqs(none | trigger, MSIX, MSIX_COUNT, 1, &[])),
        row("count past the last", einval, set_irqs(none | trigger, MSIX, 0, MSIX_COUNT + 1, &[])),
        row("range past the last", einval, set_irqs(none | trigger, MSIX, MSIX_COUNT - 1, 2, &[])),
        row("range wraps", einval, set_irqs(none | trigger, MSIX, u32::MAX, 2, &[])),
        row("count 4 Gi - 1", einval, set_irqs(none | trigger, MSIX, 0, u32::MAX, &[])),
        row("a type without interrupts", einval, set_irqs(none | trigger, NO_IRQS, 0, 1, &[])),
        row("disable all from 1", einval, set_irqs(none | trigger, MSIX, 1, 0, &[])),
        row("count 0 to mask", einval, set_irqs(none | mask, INTX, 0, 0, &[])),
        row("count 0 with booleans", einval, set_irqs(bools | trigger, MSIX, 0, 0, &[])),
        row("count 0 with eventfds", einval, set_irqs(eventfd | trigger, MSIX, 0, 0, &[])),
        row("data where there is none", einval, set_irqs(none | trigger, MSIX, 0, 1, &[1])),
        row("too few booleans", einval, set_irqs(bools | trigger, MSIX, 0, 3, &[1, 1])),
        row("too many booleans", einval, set_irqs(bools | trigger, MSIX, 0, 3, &[1; 4])),
        row("booleans beyond any type", einval, set_irqs(bools | trigger, MSIX, 0, 2049, &[1; 2049])),
        row("body with eventfds", einval, set_irqs(eventfd | trigger, MSIX, 0, 1, &[0; 4])),
        with_fds("descriptors without eventfd", einval, 1, set_irqs(none | trigger, MSIX, 0, 1, &[])),
        with_fds("descriptors with booleans", einval, 1, set_irqs(bools | trigger, MSIX, 0, 1, &[1])),
        with_fds("fewer eventfds than interrupts", einval, 2, set_irqs(eventfd | trigger, MSIX, 0, 3, &[])),
        with_fds("more eventfds than interrupts", einval, 4, set_irqs(eventfd | trigger, MSIX, 0, 3, &[])),
        with_fds("17 eventfds", einval, 17, set_irqs(eventfd | trigger, MSIX, 0, 17, &[])),
        with_fds("64 eventfds", einval, 64, set_irqs(eventfd | trigger, MSIX, 0, 64, &[])),
        with_fds("253 eventfds", einval, 253, set_irqs(eventfd | trigger, MSIX, 0, 253, &[])),
        with_fds("eventfd for a type without", einval, 1, set_irqs(eventfd | trigger, NO_EVENTFD, 0, 1, &[])),
        row("mask of a type that cannot", einval, set_irqs(none | mask, MSIX, 0, 1, &[])),
        row("unmask of a type that cannot", einval, set_irqs(none | unmask, MSIX, 0, 1, &[])),
        with_fds("mask eventfd of a type that cannot", einval, 1, set_irqs(eventfd | mask, MSIX, 0, 1, &[])),
    ]
}

/// Sections "VFIO_USER_REGION_READ", "..._WRITE" and "..._WRITE_MULTI".
#[rustfmt::skip]
fn regions() -> Vec<Row> {
    let einval = Reply(Errno::EINVAL);
    let eperm = Reply(Errno::EPERM);
    let data = [0; 8];
    let many: Vec<_> = (0..=MAX_MULTI_WRITES as u64).map(|i| (RW, i % 8, 1, data)).collect();
    let mut torn = multi_body(2, &[(RW, 0, 1, data), (RW, 0, 1, data)]);
    torn.pop();
    vec![
        row("read body one short", einval, cmd(Command::REGION_READ, &[0; 15])),
        row("read with data", einval, cmd(Command::REGION_READ, &access_body(RW, 0, 4, &[1; 4]))),
        row("read past the largest transfer", Reply(Errno::E2BIG), read(LARGE, 0, MAX_DATA_XFER_SIZE + 1)),
        row("read of 3.75 GiB", Reply(Errno::E2BIG), read(LARGE, 0, 0xf000_0000)),
        row("read from an unknown region", einval, read(REGIONS, 0, 4)),
        row("read from region 4 Gi - 1", einval, read(u32::MAX, 0, 4)),
        row("read from an absent region", einval, read(ABSENT, 0, 1)),
        row("read at the end", einval, read(RW, 0x1000, 1)),
        row("read over the end", einval, read(RW, 0xffd, 4)),
        row("read wraps", einval, read(RW, u64::MAX, 4)),
        row("read far away", einval, read(CONFIG, 1 << 40, 4)),
        row("read of a write-only region", eperm, read(WRITE_ONLY, 0, 4)),
        row("read of nothing at an unknown region", einval, read(77, 0, 0)),
        with_fds("read with a descriptor", einval, 1, read(RW, 0, 4)),
        row("refused read, no reply", Silence, command(7, Command::REGION_READ, 1 << 4, &access_body(RW, 0x1000, 1, &[]))),
        row("write body one short", einval, cmd(Command::REGION_WRITE, &[0; 15])),
        row("write with less data than counted", einval, write(RW, 0, 5, &[1; 4])),
        row("write with more data than counted", einval, write(RW, 0, 3, &[1; 4])),
        row("write that counts 4 Gi - 1", einval, write(RW, 0, u32::MAX, &[1; 4])),
        row("write to an unknown region", einval, write(REGIONS, 0, 1, &[1])),
        row("write to an absent region", einval, write(ABSENT, 0, 1, &[1])),
        row("write over the end", einval, write(RW, 0xfff, 2, &[1; 2])),
        row("write wraps", einval, write(RW, u64::MAX - 1, 4, &[1; 4])),
        row("write to a read-only region", eperm, write(READ_ONLY, 0, 1, &[1])),
        with_fds("write with a descriptor", einval, 1, write(RW, 0, 1, &[1])),
        row("refused write, no reply", Silence, command(7, Command::REGION_WRITE, 1 << 4, &access_body(RW, 0x1000, 1, &[1]))),
        row("writes without count", einval, cmd(Command::REGION_WRITE_MULTI, &[])),
        row("writes count one too many", einval, multi(2, &[(RW, 0, 1, data)])),
        row("writes count one too few", einval, multi(0, &[(RW, 0, 1, data)])),
        row("writes count 2^64 - 1", einval, multi(u64::MAX, &[])),
        row("writes count overflows times 24", einval, multi(1 << 61, &[])),
        row("last write torn", einval, cmd(Command::REGION_WRITE_MULTI, &torn)),
        row("write of 9 bytes among them", einval, multi(2, &[(RW, 0, 1, data), (RW, 0, 9, data)])),
        row("write of 4 Gi - 1 bytes among them", einval, multi(1, &[(RW, 0, u32::MAX, data)])),
        row("more writes than a message may have", einval, multi(many.len() as u64, &many)),
        row("all of them out of bounds", einval, multi(2, &[(RW, 0x1000, 1, data), (RW, u64::MAX, 8, data)])),
        row("all of them not permitted", eperm, multi(1, &[(READ_ONLY, 0, 4, data)])),
        row("all of them to unknown regions", einval, multi(1, &[(99, 0, 4, data)])),
        with_fds("writes with a descriptor", einval, 1, multi(1, &[(RW, 0, 1, data)])),
    ]
}

fn after_version() -> Vec<Row> {
    [framing(), headers(), dma(), info(), interrupts(), regions()]
        .into_iter()
        .flatten()
        .collect()
}

fn check(row: &Row, mut session: Session) {
    let greeted = session.server.session().negotiated().is_some();
    let refused_before = session.server.stats().refused;
    let id = 7;
    session.client.send(&row.bytes, &null_fds(row.fds));
    session.drive();
    match row.want {
        Reply(errno) | ReplyAndEnd(errno) => {
            let reply = session.client.receive().expect("an error reply");
            assert_eq!(reply.header.message_id, id);
            assert_eq!(reply.errno(), Some(errno));
        }
        Silence => assert!(session.client.receive().is_none()),
        End => {}
    }
    let mut device = match row.want {
        Reply(_) | Silence => {
            assert!(session.closed.is_none(), "{:?}", session.closed);
            assert_eq!(session.device.take_events(), [], "the device was asked");
            let stats = session.server.stats();
            assert_eq!(
                stats.refused + stats.unexpected_replies,
                refused_before + 1,
                "counted"
            );
            session.assert_served();
            // What was mapped before still is, and only that.
            let reply = session.request(Command::DMA_UNMAP, &unmap_body(0, 0x10_0000, 0x4000), &[]);
            assert_eq!(reply.errno(), None);
            drop(session.client);
            let closed = session
                .server
                .drive(&mut session.device, Default::default())
                .unwrap_err();
            assert_eq!(closed.to_string(), "the client disconnected");
            session.device
        }
        ReplyAndEnd(_) | End => {
            assert!(session.closed.is_some(), "still connected");
            let mut device = session.assert_closed();
            let events = device.take_events();
            let want: &[Event] = if greeted { &[Event::Disconnected] } else { &[] };
            assert_eq!(events, want);
            device
        }
    };
    assert!(device.files.is_empty());
    device.take_events();
    // The next client finds a server.
    Session::with(device).greet().assert_served();
}

fn run(rows: Vec<Row>, session: impl Fn() -> Session) {
    for row in &rows {
        println!("{}: {:?}", row.name, row.want); // Shown if the test fails.
        check(row, session());
    }
}

#[test]
fn first_messages() {
    run(before_version(), Session::silent);
}

#[test]
fn later_messages() {
    run(after_version(), || {
        let mut session = Session::greeted();
        let file = memory_file(4);
        let reply = session.request(Command::DMA_MAP, &map_body(0x10_0000, 0x4000), &[file]);
        assert_eq!(reply.errno(), None);
        session.device.take_events();
        session
    });
}

#[test]
fn the_table_is_as_large_as_it_claims() {
    let names: Vec<_> = before_version()
        .iter()
        .chain(&after_version())
        .map(|r| r.name)
        .collect();
    assert!(names.len() >= 180, "{}", names.len());
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    // The framing rows are in both tables.
    assert_eq!(unique.len() + framing().len(), names.len());
}

/// Every length of every command's body, from nothing to two more than the longest fixed part, is answered or ends the connection, and where
/// it is answered the next message is served.
#[test]
fn every_short_body_of_every_command() {
    for number in 0..=20u16 {
        for length in 0..=40usize {
            let mut session = Session::greeted();
            session
                .client
                .send(&cmd(Command(number), &vec![0; length]), &[]);
            session.drive();
            let reply = session.client.receive().expect("a reply");
            assert_eq!(reply.header.message_id, 7);
            reply.errno();
            session.device.take_events();
            session.assert_served();
        }
    }
}
