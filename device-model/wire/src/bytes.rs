//! Reading and writing fixed pieces at the front of a slice, without indexing.

/// What is left to read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `N` bytes.
    #[inline]
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(head)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|b| b[0])
    }

    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.take().map(|b| u16::from_be_bytes(*b))
    }

    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(|b| u32::from_be_bytes(*b))
    }

    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(|b| u64::from_be_bytes(*b))
    }
}

/// Room that is left to write.
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
    written: usize,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut [u8]) -> Self {
        Self {
            rest: out,
            written: 0,
        }
    }

    /// Appends `bytes`; `None`, and nothing written, when they do not fit.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let (head, tail) = core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len())?;
        head.copy_from_slice(bytes);
        self.rest = tail;
        self.written += bytes.len();
        Some(())
    }

    /// Bytes written so far.
    #[inline]
    pub fn written(&self) -> usize {
        self.written
    }
}

/// Ones' complement sum of 16-bit words, as IP, UDP and ICMPv6 use it. It is the same in either byte order but for the
/// order of the bytes of the result (RFC 1071, 2 (B)), so words are added as they lie.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    #[inline]
    pub fn add(mut self, bytes: &[u8]) -> Self {
        let (words, odd) = bytes.as_chunks::<4>();
        for w in words {
            self.0 += u64::from(u32::from_le_bytes(*w));
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(odd) {
            *to = *from;
        }
        self.0 += u64::from(u32::from_le_bytes(last));
        self
    }

    /// The folded sum; 0xffff over a range that holds a right checksum.
    #[inline]
    pub fn fold(self) -> u16 {
        let mut s = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        // 33 bits become 18, 17 and 16.
        for _ in 0..3 {
            s = (s >> 16) + (s & 0xffff);
        }
        let [low, high, ..] = s.to_le_bytes();
        u16::from_be_bytes([low, high])
    }

    /// The checksum of a range whose own checksum field is zero.
    pub fn checksum(self) -> u16 {
        !self.fold()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksum_of_rfc_1071_example() {
        let s = Sum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(s.fold(), 0xddf2);
        assert_eq!(Sum::default().add(&[0xab]).fold(), 0xab00);
    }

    proptest! {
        #[test]
        fn a_range_with_its_checksum_sums_to_ones(mut data in proptest::collection::vec(any::<u8>(), 4..200)) {
            data[0] = 0;
            data[1] = 0;
            let c = Sum::default().add(&data).checksum();
            data[..2].copy_from_slice(&c.to_be_bytes());
            prop_assert_eq!(Sum::default().add(&data).fold(), 0xffff);
        }
    }
}
