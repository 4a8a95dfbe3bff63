//! Section "Header" and the command table of section "Commands".

use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a header.
pub const HEADER_SIZE: usize = size_of::<Header>();

/// The mask of the message type in the flags.
pub const FLAG_TYPE_MASK: u32 = 0xf;
/// Message type: a command.
pub const FLAG_TYPE_COMMAND: u32 = 0;
/// Message type: a reply.
pub const FLAG_TYPE_REPLY: u32 = 1;
/// The sender of a command wants no reply.
pub const FLAG_NO_REPLY: u32 = 1 << 4;
/// The command failed; the error field is valid.
pub const FLAG_ERROR: u32 = 1 << 5;

/// The header before every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Chosen by the sender of a command, echoed in the reply. Need not be unique.
    pub message_id: u16,
    /// What to do.
    pub command: Command,
    /// Bytes of the whole message, this header included.
    pub size: u32,
    /// Type, no-reply and error bits.
    pub flags: u32,
    /// Linux error number of a failed command, in replies only.
    pub error: u32,
}

const _: () = assert!(HEADER_SIZE == 16);

impl Header {
    /// Bytes of a header, as the wire counts them.
    pub const SIZE: u32 = 16;

    /// Whether this is a reply.
    pub fn is_reply(&self) -> bool {
        self.flags & FLAG_TYPE_MASK == FLAG_TYPE_REPLY
    }

    /// Whether the sender wants no reply.
    pub fn no_reply(&self) -> bool {
        self.flags & FLAG_NO_REPLY != 0
    }
}

/// A command number. Open: a number without a name is a value like any other, and is refused where commands are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Command(pub u16);

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Command {
            $($(#[$doc])* pub const $name: Command = Command($value);)*

            /// The name in the specification, without its prefix, if the number has one.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Command::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Version and capabilities; the first message of a connection.
    VERSION = 1;
    /// Memory the device may reach.
    DMA_MAP = 2;
    /// Memory the device may no longer reach.
    DMA_UNMAP = 3;
    /// Counts of regions and interrupt types.
    DEVICE_GET_INFO = 4;
    /// Size, permissions and mappable areas of a region.
    DEVICE_GET_REGION_INFO = 5;
    /// Descriptors for ioeventfd and ioregionfd; not offered.
    DEVICE_GET_REGION_IO_FDS = 6;
    /// Count and properties of an interrupt type.
    DEVICE_GET_IRQ_INFO = 7;
    /// Connects, triggers, masks interrupts.
    DEVICE_SET_IRQS = 8;
    /// Reads from a region.
    REGION_READ = 9;
    /// Writes to a region.
    REGION_WRITE = 10;
    /// Server to client; never sent.
    DMA_READ = 11;
    /// Server to client; never sent.
    DMA_WRITE = 12;
    /// Resets the device.
    DEVICE_RESET = 13;
    /// Dirty page tracking of earlier versions; not offered.
    DIRTY_PAGES = 14;
    /// Several small writes in one message.
    REGION_WRITE_MULTI = 15;
    /// Features such as migration; not offered.
    DEVICE_FEATURE = 16;
    /// Migration data; not offered.
    MIG_DATA_READ = 17;
    /// Migration data; not offered.
    MIG_DATA_WRITE = 18;
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({})", self.0),
            None => write!(f, "Command({})", self.0),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
