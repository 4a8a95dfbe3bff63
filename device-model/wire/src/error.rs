//! Why a frame is refused, and why one cannot be built.

use crate::opcode::{ExtKind, Opcode};

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a received frame, or a message in it, is dropped without an answer. Each reason has
        /// its own counter; the parsers here give some, the layers above the others.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
        pub enum DropReason {
            $($(#[$doc])* #[error($text)] $name,)*
        }

        impl DropReason {
            /// All of them; a reason's place is its [`Self::index`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason's name, as in `IcrcMismatch`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The reason's place in [`Self::ALL`], for an array of counters.
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

drop_reasons! {
    /// Fewer bytes than an Ethernet header, or a VLAN tag cut short.
    EthernetTruncated = "Ethernet header is cut short",
    /// Neither our address nor a group we listen to; given above the parsers.
    EthernetDestination = "Ethernet destination is not this port",
    /// Another protocol than UDP to port 4791 over IP without extensions.
    NotRoce = "frame is not RoCEv2",
    /// Fewer bytes than an IPv4 header.
    Ipv4Truncated = "IPv4 header is cut short",
    /// Version field is not 4, or header length field below 5 words.
    Ipv4Version = "IPv4 version or header length field is wrong",
    /// The header carries options, which the ICRC of peers does not cover.
    Ipv4Options = "IPv4 header carries options",
    /// Total length is below the headers' or above the frame's.
    Ipv4Length = "IPv4 total length does not fit the frame",
    /// Header checksum.
    Ipv4Checksum = "IPv4 header checksum is wrong",
    /// A fragment, or the reserved flag.
    Ipv4Fragment = "IPv4 datagram is a fragment",
    /// Fewer bytes than an IPv6 header.
    Ipv6Truncated = "IPv6 header is cut short",
    /// Version field is not 6.
    Ipv6Version = "IPv6 version field is wrong",
    /// Payload length is above the frame's.
    Ipv6Length = "IPv6 payload length does not fit the frame",
    /// Fewer bytes than a UDP header.
    UdpTruncated = "UDP header is cut short",
    /// UDP length is not the length of the IP payload.
    UdpLength = "UDP length does not fit the IP payload",
    /// A checksum that is neither zero nor right.
    UdpChecksum = "UDP checksum is wrong",
    /// Fewer than the 12 bytes of a BTH.
    BthTruncated = "base transport header is cut short",
    /// TVER is not 0.
    TransportVersion = "transport header version is not 0",
    /// No such opcode, or one of a service that is not offered.
    OpcodeUnknown = "opcode is unknown",
    /// Addressed to queue pair 0, which RoCE does not have.
    QpnZero = "destination queue pair is 0",
    /// Shorter than its headers, pad and ICRC.
    PacketTruncated = "packet is shorter than its headers, pad and ICRC",
    /// Headers, payload and pad are not a multiple of 4 bytes.
    PadLength = "pad count does not fill the last word",
    /// ICRC.
    IcrcMismatch = "ICRC is wrong",
    /// A CNP whose reserved field is not 16 bytes.
    CnpLength = "congestion notification has the wrong length",
    /// Destination address is none of the port's.
    DestinationGid = "destination address is none of this port's",
    /// No such queue pair.
    QpnUnknown = "no such queue pair",
    /// The queue pair is of another service.
    ClassMismatch = "opcode belongs to another transport service",
    /// Request before RTR, response before RTS, or the queue pair is in an error state.
    QpState = "queue pair is in no state to receive this",
    /// Source or destination is not that of the connection.
    AddressMismatch = "addresses are not those of the connection",
    /// Partition key.
    PKeyMismatch = "partition key does not match",
    /// Queue key.
    QKeyMismatch = "queue key does not match",
    /// A response that answers nothing, or that came twice.
    UnexpectedResponse = "response answers no outstanding request",
    /// A request behind the window that no remembered operation explains.
    DuplicateUnknown = "duplicate request is not remembered",
    /// A packet ahead of the expected one after its NAK was sent.
    AheadOfSequence = "packet is ahead of sequence and was already refused",
    /// A datagram longer than its receive buffer, or none posted.
    NoReceive = "no receive request takes the datagram",
    /// Fewer than 28 bytes of ARP.
    ArpTruncated = "ARP packet is cut short",
    /// Hardware or protocol type or length is not Ethernet and IPv4.
    ArpFormat = "ARP packet is not of Ethernet and IPv4",
    /// Shorter than its ICMPv6 message.
    NdTruncated = "neighbour discovery message is cut short",
    /// Hop limit is not 255: it came through a router.
    NdHopLimit = "neighbour discovery message has been forwarded",
    /// ICMPv6 checksum.
    NdChecksum = "neighbour discovery checksum is wrong",
    /// Code, target or addresses break RFC 4861, 6.1 or 7.1.
    NdInvalid = "neighbour discovery message breaks a rule of its kind",
    /// An option of length zero or past the end.
    NdOption = "neighbour discovery option has a wrong length",
    /// Not the 256 bytes of a management datagram.
    MadLength = "management datagram is not 256 bytes",
    /// Base version, class or class version is not the connection manager's.
    MadVersion = "management datagram is of another version or class",
    /// Method is not Send.
    MadMethod = "management datagram has the wrong method",
    /// No such connection manager message.
    MadAttribute = "management datagram has an unknown attribute",
    /// A message that refers to no connection.
    CmUnknown = "connection manager message matches no connection",
    /// rdma_cm private data of another version.
    CmaVersion = "rdma_cm private data has an unknown version",
    /// rdma_cm private data that is neither of IPv4 nor of IPv6.
    CmaIpVersion = "rdma_cm private data has an unknown IP version",
    /// A queue on the way is full.
    QueueFull = "a queue of this port is full",
}

/// Why a frame cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// The caller's buffer is too small.
    #[error("frame needs {needed} bytes and the buffer has {have}: pass a larger one")]
    BufferTooSmall {
        /// Bytes that the frame takes.
        needed: usize,
        /// Bytes that the buffer has.
        have: usize,
    },
    /// The extension headers are not those of the opcode.
    #[error("{opcode:?} takes the headers {:?}, not {given:?}", opcode.ext_kind())]
    ExtMismatch {
        /// Opcode of the BTH.
        opcode: Opcode,
        /// Headers that the caller gave.
        given: ExtKind,
    },
    /// The payload does not fit a length field.
    #[error("payload of {len} bytes does not fit an IP datagram")]
    PayloadTooLong {
        /// Its length in bytes.
        len: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_places_and_names() {
        for (i, r) in DropReason::ALL.iter().enumerate() {
            assert_eq!(r.index(), i);
        }
        assert_eq!(DropReason::IcrcMismatch.name(), "IcrcMismatch");
        assert_eq!(
            std::format!("{}", DropReason::IcrcMismatch),
            "ICRC is wrong"
        );
    }
}
