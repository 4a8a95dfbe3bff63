//! Opcodes that know their class, their place in a message and the headers that follow the BTH
//! (IBTA vol. 1, 9.2.1, table 35; annex A17 for CNP; annex A19 for FLUSH and ATOMIC WRITE).

/// Which transport service an opcode belongs to: its top three bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Reliable connection, 000.
    Rc,
    /// Unreliable connection, 001.
    Uc,
    /// Unreliable datagram, 011.
    Ud,
    /// Congestion notification, the one opcode 0x81.
    Cnp,
}

/// What an opcode does, apart from its place in a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// SEND, with or without immediate or invalidate.
    Send,
    /// RDMA WRITE, with or without immediate.
    Write,
    /// RDMA READ request.
    ReadRequest,
    /// RDMA READ response.
    ReadResponse,
    /// Acknowledge, positive or negative.
    Acknowledge,
    /// Answer to an atomic, with the original value.
    AtomicAcknowledge,
    /// Compare and swap.
    CompareSwap,
    /// Fetch and add.
    FetchAdd,
    /// Flush placed data.
    Flush,
    /// Write 8 bytes atomically.
    AtomicWrite,
    /// Congestion notification.
    Congestion,
}

/// Place of a packet in its message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Position {
    /// First of several; a full path MTU of payload.
    First,
    /// Neither first nor last; a full path MTU of payload.
    Middle,
    /// Last of several; 1 byte to a path MTU of payload.
    Last,
    /// The whole message; 0 bytes to a path MTU of payload.
    Only,
}

impl Position {
    /// Whether a message begins here.
    #[must_use]
    pub const fn is_start(self) -> bool {
        matches!(self, Self::First | Self::Only)
    }

    /// Whether a message ends here.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Last | Self::Only)
    }

    /// The place of a packet that starts a message or not and ends it or not.
    #[must_use]
    pub const fn of(start: bool, end: bool) -> Self {
        match (start, end) {
            (true, true) => Self::Only,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }
}

/// What a SEND or WRITE brings beside its data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum With {
    /// Nothing.
    #[default]
    Nothing,
    /// Immediate data.
    Immediate,
    /// A key to invalidate.
    Invalidate,
}

/// Which extension headers follow the BTH, in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExtKind {
    /// None.
    None,
    /// RETH.
    Reth,
    /// RETH, ImmDt.
    RethImm,
    /// ImmDt.
    Imm,
    /// IETH.
    Ieth,
    /// AETH.
    Aeth,
    /// AETH, AtomicAckETH.
    AtomicAck,
    /// AtomicETH.
    Atomic,
    /// FETH, RETH.
    Flush,
    /// DETH.
    Deth,
    /// DETH, ImmDt.
    DethImm,
}

impl ExtKind {
    /// Bytes that these headers take.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Imm | Self::Ieth | Self::Aeth => 4,
            Self::Deth => 8,
            Self::AtomicAck | Self::DethImm => 12,
            Self::Reth => 16,
            Self::RethImm | Self::Flush => 20,
            Self::Atomic => 28,
        }
    }

    /// Whether there are no headers.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $class:ident $operation:ident $position:ident $ext:ident;)*) => {
        /// Every opcode that this implementation knows. [`Opcode::from_byte`] refuses the others.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Opcode {
            $($(#[$doc])* $name = $code,)*
        }

        impl Opcode {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `None` for codes that are reserved or belong to a service RoCE peers do not use.
            #[inline]
            #[must_use]
            pub const fn from_byte(byte: u8) -> Option<Self> {
                Some(match byte {
                    $($code => Self::$name,)*
                    _ => return None,
                })
            }

            /// The transport service.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// What it does.
            #[must_use]
            pub const fn operation(self) -> Operation {
                match self { $(Self::$name => Operation::$operation,)* }
            }

            /// Its place in a message.
            #[must_use]
            pub const fn position(self) -> Position {
                match self { $(Self::$name => Position::$position,)* }
            }

            /// The headers after the BTH.
            #[inline]
            #[must_use]
            pub const fn ext_kind(self) -> ExtKind {
                match self { $(Self::$name => ExtKind::$ext,)* }
            }

            /// The name, as in `RcSendFirst`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

opcodes! {
    /// RC SEND First.
    RcSendFirst = 0x00: Rc Send First None;
    /// RC SEND Middle.
    RcSendMiddle = 0x01: Rc Send Middle None;
    /// RC SEND Last.
    RcSendLast = 0x02: Rc Send Last None;
    /// RC SEND Last with Immediate.
    RcSendLastImm = 0x03: Rc Send Last Imm;
    /// RC SEND Only.
    RcSendOnly = 0x04: Rc Send Only None;
    /// RC SEND Only with Immediate.
    RcSendOnlyImm = 0x05: Rc Send Only Imm;
    /// RC RDMA WRITE First.
    RcWriteFirst = 0x06: Rc Write First Reth;
    /// RC RDMA WRITE Middle.
    RcWriteMiddle = 0x07: Rc Write Middle None;
    /// RC RDMA WRITE Last.
    RcWriteLast = 0x08: Rc Write Last None;
    /// RC RDMA WRITE Last with Immediate.
    RcWriteLastImm = 0x09: Rc Write Last Imm;
    /// RC RDMA WRITE Only.
    RcWriteOnly = 0x0a: Rc Write Only Reth;
    /// RC RDMA WRITE Only with Immediate.
    RcWriteOnlyImm = 0x0b: Rc Write Only RethImm;
    /// RC RDMA READ Request.
    RcReadRequest = 0x0c: Rc ReadRequest Only Reth;
    /// RC RDMA READ Response First.
    RcReadResponseFirst = 0x0d: Rc ReadResponse First Aeth;
    /// RC RDMA READ Response Middle.
    RcReadResponseMiddle = 0x0e: Rc ReadResponse Middle None;
    /// RC RDMA READ Response Last.
    RcReadResponseLast = 0x0f: Rc ReadResponse Last Aeth;
    /// RC RDMA READ Response Only.
    RcReadResponseOnly = 0x10: Rc ReadResponse Only Aeth;
    /// RC Acknowledge.
    RcAcknowledge = 0x11: Rc Acknowledge Only Aeth;
    /// RC ATOMIC Acknowledge.
    RcAtomicAcknowledge = 0x12: Rc AtomicAcknowledge Only AtomicAck;
    /// RC CmpSwap.
    RcCompareSwap = 0x13: Rc CompareSwap Only Atomic;
    /// RC FetchAdd.
    RcFetchAdd = 0x14: Rc FetchAdd Only Atomic;
    /// RC SEND Last with Invalidate.
    RcSendLastInv = 0x16: Rc Send Last Ieth;
    /// RC SEND Only with Invalidate.
    RcSendOnlyInv = 0x17: Rc Send Only Ieth;
    /// RC FLUSH.
    RcFlush = 0x1c: Rc Flush Only Flush;
    /// RC ATOMIC WRITE.
    RcAtomicWrite = 0x1d: Rc AtomicWrite Only Reth;
    /// UC SEND First.
    UcSendFirst = 0x20: Uc Send First None;
    /// UC SEND Middle.
    UcSendMiddle = 0x21: Uc Send Middle None;
    /// UC SEND Last.
    UcSendLast = 0x22: Uc Send Last None;
    /// UC SEND Last with Immediate.
    UcSendLastImm = 0x23: Uc Send Last Imm;
    /// UC SEND Only.
    UcSendOnly = 0x24: Uc Send Only None;
    /// UC SEND Only with Immediate.
    UcSendOnlyImm = 0x25: Uc Send Only Imm;
    /// UC RDMA WRITE First.
    UcWriteFirst = 0x26: Uc Write First Reth;
    /// UC RDMA WRITE Middle.
    UcWriteMiddle = 0x27: Uc Write Middle None;
    /// UC RDMA WRITE Last.
    UcWriteLast = 0x28: Uc Write Last None;
    /// UC RDMA WRITE Last with Immediate.
    UcWriteLastImm = 0x29: Uc Write Last Imm;
    /// UC RDMA WRITE Only.
    UcWriteOnly = 0x2a: Uc Write Only Reth;
    /// UC RDMA WRITE Only with Immediate.
    UcWriteOnlyImm = 0x2b: Uc Write Only RethImm;
    /// UD SEND Only.
    UdSendOnly = 0x64: Ud Send Only Deth;
    /// UD SEND Only with Immediate.
    UdSendOnlyImm = 0x65: Ud Send Only DethImm;
    /// Congestion notification packet.
    Cnp = 0x81: Cnp Congestion Only None;
}

impl Opcode {
    /// The code: BTH byte 0.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// Whether a requester sends it.
    #[must_use]
    pub const fn is_request(self) -> bool {
        !self.is_response() && !matches!(self, Self::Cnp)
    }

    /// Whether a responder sends it.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(
            self.operation(),
            Operation::ReadResponse | Operation::Acknowledge | Operation::AtomicAcknowledge
        )
    }

    /// Whether a payload may follow the headers.
    #[must_use]
    pub const fn has_payload(self) -> bool {
        matches!(
            self.operation(),
            Operation::Send
                | Operation::Write
                | Operation::ReadResponse
                | Operation::AtomicWrite
                | Operation::Congestion
        )
    }

    /// What it brings beside data.
    #[must_use]
    pub const fn with(self) -> With {
        match self.ext_kind() {
            ExtKind::Imm | ExtKind::RethImm | ExtKind::DethImm => With::Immediate,
            ExtKind::Ieth => With::Invalidate,
            _ => With::Nothing,
        }
    }

    /// The SEND opcode of an RC message at `position`; `with` counts only where the message ends.
    #[must_use]
    pub const fn rc_send(position: Position, with: With) -> Self {
        match (position, with) {
            (Position::First, _) => Self::RcSendFirst,
            (Position::Middle, _) => Self::RcSendMiddle,
            (Position::Last, With::Nothing) => Self::RcSendLast,
            (Position::Last, With::Immediate) => Self::RcSendLastImm,
            (Position::Last, With::Invalidate) => Self::RcSendLastInv,
            (Position::Only, With::Nothing) => Self::RcSendOnly,
            (Position::Only, With::Immediate) => Self::RcSendOnlyImm,
            (Position::Only, With::Invalidate) => Self::RcSendOnlyInv,
        }
    }

    /// The WRITE opcode of an RC message at `position`; `immediate` counts only where it ends.
    #[must_use]
    pub const fn rc_write(position: Position, immediate: bool) -> Self {
        match (position, immediate) {
            (Position::First, _) => Self::RcWriteFirst,
            (Position::Middle, _) => Self::RcWriteMiddle,
            (Position::Last, false) => Self::RcWriteLast,
            (Position::Last, true) => Self::RcWriteLastImm,
            (Position::Only, false) => Self::RcWriteOnly,
            (Position::Only, true) => Self::RcWriteOnlyImm,
        }
    }

    /// The READ response opcode at `position`.
    #[must_use]
    pub const fn rc_read_response(position: Position) -> Self {
        match position {
            Position::First => Self::RcReadResponseFirst,
            Position::Middle => Self::RcReadResponseMiddle,
            Position::Last => Self::RcReadResponseLast,
            Position::Only => Self::RcReadResponseOnly,
        }
    }

    /// The same operation on an unreliable connection; `None` where UC has none.
    #[must_use]
    pub const fn to_uc(self) -> Option<Self> {
        match self.class() {
            Class::Rc => Self::from_byte(self.to_byte() | 0x20),
            Class::Uc => Some(self),
            Class::Ud | Class::Cnp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn codes_round_trip_and_the_rest_is_unknown() {
        let known = (0..=u8::MAX)
            .filter_map(Opcode::from_byte)
            .collect::<Vec<_>>();
        assert_eq!(known, Opcode::ALL);
        assert!(
            Opcode::ALL
                .iter()
                .all(|op| Opcode::from_byte(op.to_byte()) == Some(*op))
        );
        for code in [
            0x15, 0x18, 0x1b, 0x2c, 0x2d, 0x36, 0x40, 0x60, 0x66, 0x80, 0x82, 0xff,
        ] {
            assert_eq!(Opcode::from_byte(code), None);
        }
    }

    #[test]
    fn class_is_the_top_three_bits() {
        for op in Opcode::ALL {
            let bits = match op.class() {
                Class::Rc => 0,
                Class::Uc => 1,
                Class::Ud => 3,
                Class::Cnp => 4,
            };
            assert_eq!(op.to_byte() >> 5, bits, "{op:?}");
        }
    }

    #[test]
    fn built_opcodes_are_what_was_asked() {
        let places = [
            Position::First,
            Position::Middle,
            Position::Last,
            Position::Only,
        ];
        for position in places {
            for with in [With::Nothing, With::Immediate, With::Invalidate] {
                let op = Opcode::rc_send(position, with);
                assert_eq!((op.operation(), op.position()), (Operation::Send, position));
                assert_eq!(
                    op.with(),
                    if position.is_end() {
                        with
                    } else {
                        With::Nothing
                    }
                );
            }
            for imm in [false, true] {
                let op = Opcode::rc_write(position, imm);
                assert_eq!(
                    (op.operation(), op.position()),
                    (Operation::Write, position)
                );
                assert_eq!(op.with() == With::Immediate, imm && position.is_end());
                assert_eq!(op.to_uc().unwrap().position(), position);
            }
            let op = Opcode::rc_read_response(position);
            assert_eq!(
                (op.operation(), op.position()),
                (Operation::ReadResponse, position)
            );
            assert_eq!(op.to_uc(), None);
            assert_eq!(
                Position::of(position.is_start(), position.is_end()),
                position
            );
        }
    }
}
