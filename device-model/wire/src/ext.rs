//! Extension headers that follow the BTH (IBTA vol. 1, 9.3; annex A19 for FETH).

use crate::bytes::{Reader, Writer};
use crate::number::{QKey, Qpn, RKey};
use crate::opcode::ExtKind;
use crate::psn::Msn;
use crate::syndrome::Syndrome;

/// RDMA extended transport header: where a WRITE or READ acts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reth {
    /// Virtual address in the responder's region.
    pub va: u64,
    /// Key of the region or window.
    pub rkey: RKey,
    /// Bytes of the whole message.
    pub len: u32,
}

/// Acknowledge extended transport header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Aeth {
    /// What is acknowledged or refused.
    pub syndrome: Syndrome,
    /// Messages that the responder has completed.
    pub msn: Msn,
}

/// Atomic extended transport header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AtomicEth {
    /// Virtual address, a multiple of 8.
    pub va: u64,
    /// Key of the region or window.
    pub rkey: RKey,
    /// Value to store, or to add.
    pub swap_add: u64,
    /// Value to compare with; unused by FetchAdd.
    pub compare: u64,
}

/// Immediate data: four bytes that the consumer gives and gets in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Immediate(pub [u8; 4]);

/// Datagram extended transport header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Deth {
    /// Queue key.
    pub qkey: QKey,
    /// The byte before the source queue pair, kept as it came.
    pub reserved: u8,
    /// Queue pair that sent the datagram.
    pub src_qpn: Qpn,
}

/// Flush extended transport header: all 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Feth(pub u32);

impl Feth {
    /// Placement bit: globally visible.
    pub const GLOBAL: u8 = 1;
    /// Placement bit: persistent.
    pub const PERSISTENT: u8 = 2;

    /// What the data must have reached: bits 3 to 0.
    #[must_use]
    pub const fn placement(self) -> u8 {
        self.0.to_be_bytes()[3] & 0x0f
    }

    /// What is flushed, bits 5 to 4: 0 a range, 1 the whole region.
    #[must_use]
    pub const fn selectivity(self) -> u8 {
        self.0.to_be_bytes()[3] >> 4 & 3
    }
}

/// The extension headers of one packet, in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ext {
    /// No header.
    None,
    /// WRITE First and Only, READ Request, ATOMIC WRITE.
    Reth(Reth),
    /// WRITE Only with Immediate.
    RethImm(Reth, Immediate),
    /// Immediate at the end of a SEND or WRITE.
    Imm(Immediate),
    /// Key that a SEND invalidates.
    Ieth(RKey),
    /// Acknowledge, READ response.
    Aeth(Aeth),
    /// Atomic acknowledge with the original value.
    AtomicAck(Aeth, u64),
    /// Compare and swap, fetch and add.
    Atomic(AtomicEth),
    /// FLUSH.
    Flush(Feth, Reth),
    /// Datagram.
    Deth(Deth),
    /// Datagram with immediate.
    DethImm(Deth, Immediate),
}

impl Ext {
    /// The most bytes that extension headers take.
    pub const MAX_LEN: usize = 28;

    /// Which headers these are.
    #[must_use]
    pub const fn kind(&self) -> ExtKind {
        match self {
            Self::None => ExtKind::None,
            Self::Reth(..) => ExtKind::Reth,
            Self::RethImm(..) => ExtKind::RethImm,
            Self::Imm(..) => ExtKind::Imm,
            Self::Ieth(..) => ExtKind::Ieth,
            Self::Aeth(..) => ExtKind::Aeth,
            Self::AtomicAck(..) => ExtKind::AtomicAck,
            Self::Atomic(..) => ExtKind::Atomic,
            Self::Flush(..) => ExtKind::Flush,
            Self::Deth(..) => ExtKind::Deth,
            Self::DethImm(..) => ExtKind::DethImm,
        }
    }

    /// The RETH, where there is one.
    #[must_use]
    pub const fn reth(&self) -> Option<Reth> {
        match *self {
            Self::Reth(r) | Self::RethImm(r, _) | Self::Flush(_, r) => Some(r),
            _ => None,
        }
    }

    /// The AETH, where there is one.
    #[must_use]
    pub const fn aeth(&self) -> Option<Aeth> {
        match *self {
            Self::Aeth(a) | Self::AtomicAck(a, _) => Some(a),
            _ => None,
        }
    }

    /// The immediate data, where there is any.
    #[must_use]
    pub const fn immediate(&self) -> Option<Immediate> {
        match *self {
            Self::RethImm(_, i) | Self::Imm(i) | Self::DethImm(_, i) => Some(i),
            _ => None,
        }
    }

    /// The DETH, where there is one.
    #[must_use]
    pub const fn deth(&self) -> Option<Deth> {
        match *self {
            Self::Deth(d) | Self::DethImm(d, _) => Some(d),
            _ => None,
        }
    }

    /// Reads the headers of `kind`; `None` when the bytes end first.
    #[inline(always)]
    pub(crate) fn read(kind: ExtKind, r: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            ExtKind::None => Self::None,
            ExtKind::Reth => Self::Reth(reth(r)?),
            ExtKind::RethImm => Self::RethImm(reth(r)?, imm(r)?),
            ExtKind::Imm => Self::Imm(imm(r)?),
            ExtKind::Ieth => Self::Ieth(RKey(r.u32()?)),
            ExtKind::Aeth => Self::Aeth(aeth(r)?),
            ExtKind::AtomicAck => Self::AtomicAck(aeth(r)?, r.u64()?),
            ExtKind::Atomic => Self::Atomic(AtomicEth {
                va: r.u64()?,
                rkey: RKey(r.u32()?),
                swap_add: r.u64()?,
                compare: r.u64()?,
            }),
            ExtKind::Flush => Self::Flush(Feth(r.u32()?), reth(r)?),
            ExtKind::Deth => Self::Deth(deth(r)?),
            ExtKind::DethImm => Self::DethImm(deth(r)?, imm(r)?),
        })
    }

    /// Appends the headers; `None` when they do not fit.
    #[inline]
    pub(crate) fn write(&self, w: &mut Writer<'_>) -> Option<()> {
        match *self {
            Self::None => Some(()),
            Self::Reth(h) => put_reth(w, h),
            Self::RethImm(h, i) => put_reth(w, h).and_then(|()| w.put(&i.0)),
            Self::Imm(i) => w.put(&i.0),
            Self::Ieth(key) => w.put(&key.0.to_be_bytes()),
            Self::Aeth(a) => put_aeth(w, a),
            Self::AtomicAck(a, v) => put_aeth(w, a).and_then(|()| w.put(&v.to_be_bytes())),
            Self::Atomic(a) => {
                w.put(&a.va.to_be_bytes())?;
                w.put(&a.rkey.0.to_be_bytes())?;
                w.put(&a.swap_add.to_be_bytes())?;
                w.put(&a.compare.to_be_bytes())
            }
            Self::Flush(f, h) => w.put(&f.0.to_be_bytes()).and_then(|()| put_reth(w, h)),
            Self::Deth(d) => put_deth(w, d),
            Self::DethImm(d, i) => put_deth(w, d).and_then(|()| w.put(&i.0)),
        }
    }
}

#[inline]
fn reth(r: &mut Reader<'_>) -> Option<Reth> {
    Some(Reth {
        va: r.u64()?,
        rkey: RKey(r.u32()?),
        len: r.u32()?,
    })
}

#[inline]
fn aeth(r: &mut Reader<'_>) -> Option<Aeth> {
    let [syndrome, msn @ ..] = *r.take::<4>()?;
    Some(Aeth {
        syndrome: Syndrome::from_byte(syndrome),
        msn: Msn::from_be_bytes(msn),
    })
}

#[inline]
fn imm(r: &mut Reader<'_>) -> Option<Immediate> {
    r.take().map(|b| Immediate(*b))
}

#[inline]
fn deth(r: &mut Reader<'_>) -> Option<Deth> {
    let qkey = QKey(r.u32()?);
    let [reserved, qpn @ ..] = *r.take::<4>()?;
    Some(Deth {
        qkey,
        reserved,
        src_qpn: Qpn::from_be_bytes(qpn),
    })
}

fn put_reth(w: &mut Writer<'_>, h: Reth) -> Option<()> {
    w.put(&h.va.to_be_bytes())?;
    w.put(&h.rkey.0.to_be_bytes())?;
    w.put(&h.len.to_be_bytes())
}

fn put_aeth(w: &mut Writer<'_>, a: Aeth) -> Option<()> {
    w.put(&[a.syndrome.to_byte()])?;
    w.put(&a.msn.to_be_bytes())
}

fn put_deth(w: &mut Writer<'_>, d: Deth) -> Option<()> {
    w.put(&d.qkey.0.to_be_bytes())?;
    w.put(&[d.reserved])?;
    w.put(&d.src_qpn.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_takes_the_length_it_says() {
        for op in crate::opcode::Opcode::ALL {
            let kind = op.ext_kind();
            let bytes = [0xa5u8; Ext::MAX_LEN];
            let ext = Ext::read(kind, &mut Reader(&bytes[..kind.len()])).unwrap();
            assert_eq!(ext.kind(), kind);
            if !kind.is_empty() {
                assert_eq!(Ext::read(kind, &mut Reader(&bytes[..kind.len() - 1])), None);
            }
            let mut out = [0; Ext::MAX_LEN];
            let mut w = Writer::new(&mut out);
            ext.write(&mut w).unwrap();
            assert_eq!(w.written(), kind.len());
            assert_eq!(out[..kind.len()], bytes[..kind.len()]);
        }
    }

    #[test]
    fn flush_fields() {
        let f = Feth(0x12);
        assert_eq!((f.placement(), f.selectivity()), (Feth::PERSISTENT, 1));
    }
}
