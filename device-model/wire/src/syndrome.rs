//! AETH syndrome, receiver-not-ready timers and acknowledge timeouts (IBTA vol. 1, 9.7.5.2.8, 9.7.6.1.3).

/// What an acknowledge says: AETH byte 0. Every byte is a value, so a frame keeps what it carried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Syndrome {
    /// Positive; end-to-end credits as a code.
    Ack(Credits),
    /// Receiver not ready: try again after the timer.
    RnrNak(RnrTimer),
    /// Negative; the request is lost or refused.
    Nak(NakCode),
    /// Types 010, 100 and up, which the standard reserves. Holds the whole byte.
    Reserved(u8),
}

impl Syndrome {
    /// Positive acknowledge that limits nothing, the only one Linux sends.
    pub const ACK: Self = Self::Ack(Credits::UNLIMITED);

    /// From AETH byte 0.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        let low = byte & 0x1f;
        match byte >> 5 {
            0b000 => Self::Ack(Credits(low)),
            0b001 => Self::RnrNak(RnrTimer(low)),
            0b011 => Self::Nak(NakCode::from_bits(low)),
            _ => Self::Reserved(byte),
        }
    }

    /// AETH byte 0.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Ack(c) => c.0,
            Self::RnrNak(t) => 0x20 | t.0,
            Self::Nak(c) => 0x60 | c.bits(),
            Self::Reserved(byte) => byte,
        }
    }
}

/// End-to-end credit code, 5 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Credits(u8);

impl Credits {
    /// Code 0x1f: the responder does not limit the requester.
    pub const UNLIMITED: Self = Self(0x1f);

    /// `None` when `code` needs more than 5 bits.
    #[must_use]
    pub const fn new(code: u8) -> Option<Self> {
        if code <= 0x1f { Some(Self(code)) } else { None }
    }

    /// The code, 0 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Receives that the code stands for (IBTA vol. 1, table 46); `None` for no limit `[ROCE-51]`.
    #[must_use]
    pub const fn count(self) -> Option<u32> {
        let half = self.0 / 2;
        match self.0 {
            0x1f => None,
            n @ (0 | 1) => Some(n as u32),
            n if n % 2 == 0 => Some(1 << half),
            _ => Some(3 << (half - 1)),
        }
    }

    /// The greatest code that stands for no more than `receives` `[ROCE-51]`.
    #[must_use]
    pub fn at_most(receives: u32) -> Self {
        let fits = |code: &u8| Self(*code).count().is_some_and(|count| count <= receives);
        Self((0..0x1f).rev().find(fits).unwrap_or(0))
    }
}

/// Why a request was refused (IBTA vol. 1, 9.7.5.2.8).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NakCode {
    /// 0: the packet is ahead of the expected PSN.
    PsnSequence,
    /// 1: opcode, length, alignment or depth is wrong.
    InvalidRequest,
    /// 2: key, range or right.
    RemoteAccess,
    /// 3: the responder failed.
    RemoteOperational,
    /// 4: reliable datagram only.
    InvalidRdRequest,
    /// 5 to 31, reserved. Holds the code; built only by [`Self::from_bits`].
    Reserved(ReservedNak),
}

/// A NAK code that the standard reserves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ReservedNak(u8);

impl ReservedNak {
    /// The code, 5 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl NakCode {
    /// From the low five bits of the syndrome; higher bits are ignored.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0x1f {
            0 => Self::PsnSequence,
            1 => Self::InvalidRequest,
            2 => Self::RemoteAccess,
            3 => Self::RemoteOperational,
            4 => Self::InvalidRdRequest,
            other => Self::Reserved(ReservedNak(other)),
        }
    }

    /// The low five bits of the syndrome.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::PsnSequence => 0,
            Self::InvalidRequest => 1,
            Self::RemoteAccess => 2,
            Self::RemoteOperational => 3,
            Self::InvalidRdRequest => 4,
            Self::Reserved(r) => r.0,
        }
    }
}

/// How long a requester waits after a receiver-not-ready NAK: 5-bit code (IBTA vol. 1, table 45).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RnrTimer(u8);

/// Units of 10 us for each code.
const RNR_TENS_OF_US: [u32; 32] = [
    65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536,
    2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152,
];

impl RnrTimer {
    /// Code 0, the longest: 655.36 ms. What rdma_cm uses unless told otherwise.
    pub const LONGEST: Self = Self(0);
    /// Code 1, the shortest: 10 us.
    pub const SHORTEST: Self = Self(1);

    /// `None` when `code` needs more than 5 bits.
    #[must_use]
    pub const fn new(code: u8) -> Option<Self> {
        if code <= 0x1f { Some(Self(code)) } else { None }
    }

    /// The code, 0 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The wait in nanoseconds.
    #[must_use]
    pub fn nanos(self) -> u64 {
        // The code is below 32 by construction; the array covers it.
        RNR_TENS_OF_US
            .get(usize::from(self.0))
            .map_or(0, |&t| u64::from(t) * 10_000)
    }

    /// The code with the shortest wait that is no shorter than `nanos`; the longest one if none is.
    #[must_use]
    pub fn at_least(nanos: u64) -> Self {
        (1..32)
            .map(Self)
            .chain([Self(0)])
            .find(|t| t.nanos() >= nanos)
            .unwrap_or(Self(0))
    }
}

/// Time codes of 4.096 us * 2^n, 5 bits: the local ACK timeout, where 0 means for ever
/// (IBTA vol. 1, 9.7.6.1.3), and the connection manager's timeouts, where 0 is 4.096 us (12.7.19).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TimeoutCode(u8);

impl TimeoutCode {
    /// No timeout.
    pub const NEVER: Self = Self(0);

    /// `None` when `code` needs more than 5 bits.
    #[must_use]
    pub const fn new(code: u8) -> Option<Self> {
        if code <= 0x1f { Some(Self(code)) } else { None }
    }

    /// The code, 0 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// 4.096 us * 2^code in nanoseconds, as the connection manager reads it.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        4096 << self.0
    }

    /// The acknowledge timeout in nanoseconds; `None` for code 0, which never expires.
    #[must_use]
    pub const fn ack_timeout_nanos(self) -> Option<u64> {
        if self.0 == 0 {
            None
        } else {
            Some(self.nanos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_counted_as_the_standard_has_them() {
        // [ROCE-51]
        let all = (0..0x1f).map(|code| Credits(code).count().unwrap());
        let table = [
            0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
            1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768,
        ];
        assert!(all.eq(table));
        assert_eq!(Credits::UNLIMITED.count(), None);
        for receives in 0..70_000 {
            let count = Credits::at_most(receives).count().unwrap();
            assert!(count <= receives && (receives >= 32768 || receives < 2 * count.max(1)));
        }
    }

    #[test]
    fn every_byte_round_trips() {
        for byte in 0..=u8::MAX {
            assert_eq!(Syndrome::from_byte(byte).to_byte(), byte);
        }
    }

    #[test]
    fn known_syndromes() {
        assert_eq!(Syndrome::from_byte(0x1f), Syndrome::ACK);
        assert_eq!(
            Syndrome::from_byte(0x20),
            Syndrome::RnrNak(RnrTimer::LONGEST)
        );
        assert_eq!(
            Syndrome::from_byte(0x60),
            Syndrome::Nak(NakCode::PsnSequence)
        );
        assert_eq!(
            Syndrome::from_byte(0x61),
            Syndrome::Nak(NakCode::InvalidRequest)
        );
        assert_eq!(
            Syndrome::from_byte(0x62),
            Syndrome::Nak(NakCode::RemoteAccess)
        );
        assert_eq!(
            Syndrome::from_byte(0x63),
            Syndrome::Nak(NakCode::RemoteOperational)
        );
        assert_eq!(Syndrome::from_byte(0x40), Syndrome::Reserved(0x40));
    }

    #[test]
    fn rnr_waits() {
        let ms = |code| RnrTimer::new(code).unwrap().nanos();
        assert_eq!(ms(0), 655_360_000);
        assert_eq!(ms(1), 10_000);
        assert_eq!(ms(12), 640_000);
        assert_eq!(ms(25), 61_440_000);
        assert_eq!(ms(31), 491_520_000);
        assert_eq!(RnrTimer::at_least(11_000).code(), 2);
        assert_eq!(RnrTimer::at_least(500_000_000), RnrTimer::LONGEST);
        assert_eq!(RnrTimer::at_least(u64::MAX), RnrTimer::LONGEST);
    }

    #[test]
    fn timeouts() {
        assert_eq!(
            TimeoutCode::new(17).unwrap().ack_timeout_nanos(),
            Some(536_870_912)
        );
        assert_eq!(TimeoutCode::new(0).unwrap().ack_timeout_nanos(), None);
        assert_eq!(TimeoutCode::new(0).unwrap().nanos(), 4096);
        assert_eq!(TimeoutCode::new(32), None);
    }
}
