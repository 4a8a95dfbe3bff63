//! MSI-X table, pending bits and vectors (section 7.7.2).
//!
//! Who knows whether a vector may fire differs. In silicon, and where a guest's accesses to the
//! table arrive here, the table itself does: [`Delivery::Table`]. A virtual machine monitor may
//! keep the table to itself and hand out one event descriptor per vector; then the device sees
//! only reads of the pending bits, and vectors that are connected or not: [`Delivery::External`].
//! In both, a vector that is raised and may not fire is pending and fires when it may: no
//! interrupt is lost, and any number of raises in between are one.

use alloc::vec::Vec;

/// Bytes of one table entry.
const ENTRY: usize = 16;
/// Byte of an entry that holds the mask bit.
const CONTROL: usize = 12;

/// Who decides whether a vector may fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// MSI-X Enable, Function Mask and the mask bit in the table.
    Table,
    /// [`MsixTable::set_vector`]; the table and the control word are somebody else's.
    External,
}

/// State of a vector with [`Delivery::External`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VectorState {
    /// Nobody listens.
    #[default]
    Unconnected,
    /// Somebody listens.
    Connected,
    /// Somebody listens, but not now.
    Masked,
}

/// The memory write that is an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub address: u64,
    /// What, four bytes.
    pub data: u32,
}

/// What became of a raised vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// To be sent now. With [`Delivery::External`] only the number of the vector counts; the
    /// message is what was last written to the table here.
    Fire(Message),
    /// Not now; its pending bit is set.
    Pending,
}

/// A vector that the function does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupt vector {0}: the function does not have it")]
pub struct NoSuchVector(pub u16);

#[derive(Clone, Copy)]
struct Vector {
    entry: [u8; ENTRY],
    state: VectorState,
    pending: bool,
}

impl Vector {
    /// Masked, the rest zero (section 7.7.2.9).
    const RESET: Vector = {
        let mut entry = [0; ENTRY];
        entry[CONTROL] = 1;
        Vector {
            entry,
            state: VectorState::Unconnected,
            pending: false,
        }
    };

    fn message(&self) -> Message {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = self.entry;
        Message {
            // The two low bits of the address are zero.
            address: u64::from_le_bytes([a & !3, b, c, d, e, f, g, h]),
            data: u32::from_le_bytes([i, j, k, l]),
        }
    }

    fn masked(&self) -> bool {
        let [.., control, _, _, _] = self.entry;
        control & 1 != 0
    }
}

/// Table, pending bits and vectors of one function.
pub struct MsixTable {
    vectors: Vec<Vector>,
    delivery: Delivery,
    enable: bool,
    function_mask: bool,
}

impl MsixTable {
    /// A table after reset: every entry masked, nothing connected, MSI-X disabled.
    pub fn new(vectors: u16, delivery: Delivery) -> Self {
        MsixTable {
            vectors: alloc::vec![Vector::RESET; vectors.into()],
            delivery,
            enable: false,
            function_mask: false,
        }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there is no vector at all.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Bytes of the table.
    pub fn table_size(&self) -> u64 {
        self.vectors.len() as u64 * ENTRY as u64
    }

    /// Bytes of the pending bits.
    pub fn pba_size(&self) -> u64 {
        (self.vectors.len() as u64).div_ceil(64) * 8
    }

    /// Back to reset, conventional or function level. With [`Delivery::External`] the vectors
    /// stay connected, because their owner takes them back itself; pending bits are cleared.
    pub fn reset(&mut self) {
        for vector in &mut self.vectors {
            *vector = Vector {
                state: vector.state,
                ..Vector::RESET
            };
        }
        self.enable = false;
        self.function_mask = false;
    }

    /// Raises vector `n`.
    pub fn raise(&mut self, n: u16) -> Result<Raise, NoSuchVector> {
        let open = self.open();
        let vector = self
            .vectors
            .get_mut(usize::from(n))
            .ok_or(NoSuchVector(n))?;
        if may_fire(vector, open) {
            vector.pending = false;
            return Ok(Raise::Fire(vector.message()));
        }
        vector.pending = true;
        Ok(Raise::Pending)
    }

    /// The cause of a pending vector went away before it fired (section 7.7.2.9 asks for this).
    pub fn withdraw(&mut self, n: u16) {
        if let Some(vector) = self.vectors.get_mut(usize::from(n)) {
            vector.pending = false;
        }
    }

    /// Whether vector `n` is pending.
    pub fn pending(&self, n: u16) -> bool {
        self.vectors.get(usize::from(n)).is_some_and(|v| v.pending)
    }

    /// Follows [`crate::Effect::MsixControl`]; `fire` gets every vector that was pending and may
    /// fire now.
    pub fn set_control(
        &mut self,
        enable: bool,
        function_mask: bool,
        fire: impl FnMut(u16, Message),
    ) {
        self.enable = enable;
        self.function_mask = function_mask;
        self.fire_pending(fire);
    }

    /// Connects, masks or disconnects a vector with [`Delivery::External`]; `fire` gets it if it
    /// was pending and may fire now.
    pub fn set_vector(
        &mut self,
        n: u16,
        state: VectorState,
        mut fire: impl FnMut(u16, Message),
    ) -> Result<(), NoSuchVector> {
        let open = self.open();
        let vector = self
            .vectors
            .get_mut(usize::from(n))
            .ok_or(NoSuchVector(n))?;
        vector.state = state;
        if vector.pending && may_fire(vector, open) {
            vector.pending = false;
            fire(n, vector.message());
        }
        Ok(())
    }

    /// Disconnects every vector.
    pub fn disconnect_all(&mut self) {
        for vector in &mut self.vectors {
            vector.state = VectorState::Unconnected;
        }
    }

    /// State of a vector with [`Delivery::External`].
    pub fn vector(&self, n: u16) -> Option<VectorState> {
        self.vectors.get(usize::from(n)).map(|v| v.state)
    }

    /// Reads the table; bytes past its end are zero.
    pub fn table_read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        // Whole entries are skipped by number, not byte by byte.
        let first = self.vectors.get(skip / ENTRY..).unwrap_or_default();
        let rest = first.iter().flat_map(|v| v.entry).skip(skip % ENTRY);
        data.iter_mut().zip(rest).for_each(|(to, from)| *to = from);
    }

    /// Writes the table; `fire` gets every vector that was pending and may fire now. Software
    /// writes aligned 4 or 8 bytes (section 7.7.2.2); anything else is taken byte by byte.
    /// Reserved bits stay zero, bytes past the end are ignored.
    pub fn table_write(&mut self, offset: u64, data: &[u8], fire: impl FnMut(u16, Message)) {
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let entries = self.vectors.get_mut(skip / ENTRY..).unwrap_or_default();
        let cells = entries
            .iter_mut()
            .flat_map(|v| v.entry.iter_mut().enumerate());
        for ((at, cell), byte) in cells.skip(skip % ENTRY).zip(data) {
            *cell = match at {
                0 => byte & !3,
                CONTROL => byte & 1,
                13..=15 => 0,
                _ => *byte,
            };
        }
        self.fire_pending(fire);
    }

    /// Reads the pending bits; bytes past their end are zero. Writes to them are ignored, so
    /// there is nothing to call for those.
    pub fn pba_read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let bits = self
            .vectors
            .get(skip.saturating_mul(8)..)
            .unwrap_or_default();
        for (byte, vectors) in data.iter_mut().zip(bits.chunks(8)) {
            *byte = vectors
                .iter()
                .rev()
                .fold(0, |byte, v| byte << 1 | u8::from(v.pending));
        }
    }

    /// What the whole function permits; `None` if each vector's own state decides.
    fn open(&self) -> Option<bool> {
        match self.delivery {
            Delivery::Table => Some(self.enable && !self.function_mask),
            Delivery::External => None,
        }
    }

    fn fire_pending(&mut self, mut fire: impl FnMut(u16, Message)) {
        let open = self.open();
        for (n, vector) in (0u16..).zip(&mut self.vectors) {
            if vector.pending && may_fire(vector, open) {
                vector.pending = false;
                fire(n, vector.message());
            }
        }
    }
}

fn may_fire(vector: &Vector, open: Option<bool>) -> bool {
    match open {
        Some(open) => open && !vector.masked(),
        None => vector.state == VectorState::Connected,
    }
}

impl core::fmt::Debug for MsixTable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MsixTable")
            .field("vectors", &self.vectors.len())
            .field("delivery", &self.delivery)
            .field(
                "pending",
                &self.vectors.iter().filter(|v| v.pending).count(),
            )
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const MESSAGE: Message = Message {
        address: 0x1_fee0_1000,
        data: 0x4021,
    };

    fn no_fire(n: u16, _: Message) {
        unreachable!("vector {n} fired");
    }

    fn entry(control: u32) -> Vec<u8> {
        let mut bytes = Vec::from(MESSAGE.address.to_le_bytes());
        bytes.extend(MESSAGE.data.to_le_bytes());
        bytes.extend(control.to_le_bytes());
        bytes
    }

    #[test]
    fn every_entry_is_masked_after_reset_and_reserved_bits_stay_zero() {
        let mut table = MsixTable::new(3, Delivery::Table);
        let mut bytes = [0xff; 64];
        table.table_read(0, &mut bytes);
        let mut expected = [0; 64];
        [12, 28, 44].into_iter().for_each(|at| expected[at] = 1);
        assert_eq!(bytes, expected);
        table.table_write(16, &[0xff; 16], no_fire);
        table.table_read(16, &mut bytes[..16]);
        assert_eq!(
            bytes[..16],
            [
                0xfc, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0
            ]
        );
        table.reset();
        table.table_read(0, &mut bytes);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_vector_fires_its_message_when_enabled_and_unmasked() {
        let mut table = MsixTable::new(4, Delivery::Table);
        table.table_write(2 * 16, &entry(0), no_fire);
        assert_eq!(table.raise(2), Ok(Raise::Pending)); // disabled
        let mut fired = vec![];
        table.set_control(true, true, |n, m| fired.push((n, m))); // function mask
        assert!(fired.is_empty() && table.pending(2));
        table.set_control(true, false, |n, m| fired.push((n, m)));
        assert_eq!(fired, [(2, MESSAGE)]);
        assert!(!table.pending(2));
        assert_eq!(table.raise(2), Ok(Raise::Fire(MESSAGE)));
        assert_eq!(table.raise(4), Err(NoSuchVector(4)));
    }

    #[test]
    fn raises_while_masked_are_one_interrupt_on_unmask() {
        let mut table = MsixTable::new(2, Delivery::Table);
        table.set_control(true, false, no_fire);
        table.table_write(16, &entry(1), no_fire);
        assert_eq!(table.raise(1), Ok(Raise::Pending));
        assert_eq!(table.raise(1), Ok(Raise::Pending));
        let mut pba = [0xff; 16];
        table.pba_read(0, &mut pba);
        assert_eq!(pba, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut fired = vec![];
        // Only the mask bit is written, as drivers do.
        table.table_write(16 + 12, &[0, 0, 0, 0], |n, m| fired.push((n, m)));
        table.table_write(16 + 12, &[0, 0, 0, 0], |n, m| fired.push((n, m)));
        assert_eq!(fired, [(1, MESSAGE)]);
        table.table_write(16 + 12, &[1, 0, 0, 0], no_fire);
        assert_eq!(table.raise(1), Ok(Raise::Pending));
        table.withdraw(1);
        table.table_write(16 + 12, &[0, 0, 0, 0], no_fire);
    }

    #[test]
    fn a_raised_unconnected_vector_fires_on_connect() {
        let mut table = MsixTable::new(8, Delivery::External);
        // Here the table and its control word decide nothing.
        table.set_control(true, false, no_fire);
        table.table_write(3 * 16, &entry(0), no_fire);
        assert_eq!(table.raise(3), Ok(Raise::Pending));
        let mut fired = vec![];
        table
            .set_vector(3, VectorState::Masked, |n, _| fired.push(n))
            .unwrap();
        assert!(fired.is_empty());
        table
            .set_vector(3, VectorState::Connected, |n, _| fired.push(n))
            .unwrap();
        table
            .set_vector(3, VectorState::Connected, |n, _| fired.push(n))
            .unwrap();
        assert_eq!(fired, [3]);
        assert!(matches!(table.raise(3), Ok(Raise::Fire(_))));
        table.set_vector(3, VectorState::Masked, no_fire).unwrap();
        assert_eq!(table.raise(3), Ok(Raise::Pending));
        table.reset();
        assert!(!table.pending(3));
        assert_eq!(table.vector(3), Some(VectorState::Masked));
        table.disconnect_all();
        assert_eq!(table.vector(3), Some(VectorState::Unconnected));
        assert_eq!(
            table.set_vector(8, VectorState::Connected, no_fire),
            Err(NoSuchVector(8))
        );
        assert_eq!(table.vector(8), None);
    }

    #[test]
    fn pending_bits_of_2048_vectors() {
        let mut table = MsixTable::new(2048, Delivery::External);
        assert_eq!(
            (table.len(), table.table_size(), table.pba_size()),
            (2048, 32768, 256)
        );
        assert!(!table.is_empty());
        for n in [0, 7, 8, 64, 1000, 2047] {
            assert_eq!(table.raise(n), Ok(Raise::Pending));
        }
        let mut pba = [0xff; 264];
        table.pba_read(0, &mut pba);
        let set: Vec<_> = (0..264 * 8)
            .filter(|n| pba[n / 8] & 1 << (n % 8) != 0)
            .collect();
        assert_eq!(set, [0, 7, 8, 64, 1000, 2047]);
        let mut word = [0xff; 8];
        table.pba_read(125, &mut word);
        assert_eq!(word, [1, 0, 0, 0, 0, 0, 0, 0]);
        table.pba_read(u64::MAX, &mut word);
        assert_eq!(word, [0; 8]);
    }
}
