//! The Ethernet lane.

use rnic_abi::{
    CreateEthQueueRequest, DestroyEthQueueRequest, EmptyAnswer, EthDirection, EthOffloads,
    RssTypes, RxMode, SetEthOffloadsRequest, SetRssRequest, SetRxModeRequest, cmd, consts, feature,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U16, U32, U64};

use super::{Arrived, Control, Failure, Next, Object, Outcome, Token};
use crate::ethernet::{EthParts, Layout};
use crate::ring::log_entries;
use crate::{Bell, Error, EthQueue, Nic};

/// An Ethernet queue to create.
#[derive(Clone, Copy, Debug)]
pub struct EthGeometry {
    /// Receive or transmit.
    pub direction: EthDirection,
    /// Queue number.
    pub index: u16,
    /// Descriptors; rounded up to a power of two.
    pub entries: u32,
    /// Interrupt vector, or VECTOR_NONE.
    pub vector: u16,
}

pub(crate) enum Op<P: Platform> {
    Empty,
    /// A list of addresses that the device reads.
    List {
        _list: Option<P::Dma>,
    },
    Create(EthGeometry, EthParts<P>, Bell<P::Doorbell>),
    Destroy(EthQueue<P>),
}

impl<P: Platform> Op<P> {
    pub(super) fn kept(self) -> Result<Object<P>, Self> {
        match self {
            Self::Destroy(queue) => Ok(Object::EthQueue(queue)),
            other => Err(other),
        }
    }

    pub(super) fn bell(&self) -> Option<u32> {
        match self {
            Self::Create(_, _, bell) => Some(bell.index()),
            _ => None,
        }
    }
}

impl<P: Platform> Control<P> {
    /// Starts an Ethernet queue: [`Outcome::EthQueue`]. [ETH-1]
    pub fn create_eth_queue(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        geometry: &EthGeometry,
    ) -> Result<Token, Error> {
        nic.need(feature::ETHERNET, "ETHERNET")?;
        if geometry.vector != consts::VECTOR_NONE && geometry.vector >= nic.identity.vectors {
            return Err(Error::Argument("vector"));
        }
        let log = log_entries(geometry.entries, nic.limits.eth_ring_log.get().min(15))?;
        let layout = Layout { size: 1 << log };
        let access = DmaAccess::DeviceReadsAndWrites;
        let memory = nic.platform.alloc_dma(layout.bytes(), access)?;
        let parts = EthParts::<P>::new(memory, layout)?;
        let bell = self.take_bell(nic)?;
        let base = parts.memory.iova();
        let request = CreateEthQueueRequest {
            index: U16::new(geometry.index),
            vector: U16::new(geometry.vector),
            size: U16::new(layout.size),
            descriptors: U64::new(base),
            available: U64::new(base + layout.available() as u64),
            used: U64::new(base + layout.used() as u64),
            doorbell: U32::new(bell.index()),
            ..CreateEthQueueRequest::default()
        }
        .with_direction(geometry.direction);
        let op = super::Op::Ethernet(Op::Create(*geometry, parts, bell));
        self.start::<cmd::CreateEthQueue>(nic, cookie, &request, op)
    }

    /// Stops an Ethernet queue; when it has ended the device uses none of its buffers. [ETH-2]
    pub fn destroy_eth_queue(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        queue: EthQueue<P>,
    ) -> Result<Token, Failure<P>> {
        let request = DestroyEthQueueRequest {
            index: U16::new(queue.index),
            ..DestroyEthQueueRequest::default()
        }
        .with_direction(queue.direction);
        let op = super::Op::Ethernet(Op::Destroy(queue));
        self.begin::<cmd::DestroyEthQueue>(nic, cookie, &request, op)
    }

    /// Sets the receive filter; `mac` none: the permanent address. [ETH-6]
    pub fn set_rx_mode(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        mode: RxMode,
        mac: Option<[u8; 6]>,
        multicast: &[[u8; 6]],
    ) -> Result<Token, Error> {
        nic.need(feature::ETHERNET, "ETHERNET")?;
        let count = u32::try_from(multicast.len()).unwrap_or(u32::MAX);
        if count > nic.limits.multicast.get() {
            return Err(Error::Argument("multicast"));
        }
        let mut request = SetRxModeRequest {
            multicast_count: U32::new(count),
            mac: mac.unwrap_or([0; 6]),
            ..SetRxModeRequest::default()
        }
        .with_mode(mode);
        let mut kept = None;
        if !multicast.is_empty() {
            let bytes = multicast.as_flattened();
            let list = nic
                .platform
                .alloc_dma(bytes.len(), DmaAccess::DeviceReads)?;
            list.write(0, bytes);
            request.multicast_list = U64::new(list.iova());
            kept = Some(list);
        }
        let op = super::Op::Ethernet(Op::List { _list: kept });
        self.start::<cmd::SetRxMode>(nic, cookie, &request, op)
    }

    /// Sets receive offloads and the longest frame. [ETH-5]
    pub fn set_eth_offloads(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        offloads: EthOffloads,
        max_frame: u32,
    ) -> Result<Token, Error> {
        nic.need(feature::ETHERNET, "ETHERNET")?;
        let request = SetEthOffloadsRequest {
            max_frame: U32::new(max_frame),
            ..SetEthOffloadsRequest::default()
        }
        .with_offloads(offloads);
        self.start::<cmd::SetEthOffloads>(nic, cookie, &request, super::Op::Ethernet(Op::Empty))
    }

    /// Sets receive side scaling: the table's length is a power of two up to 128. [ETH-7]
    pub fn set_rss(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        types: RssTypes,
        key: &[u8; 40],
        table: &[u8],
    ) -> Result<Token, Error> {
        nic.need(feature::ETH_RSS, "ETH_RSS")?;
        let mut request = SetRssRequest {
            table_size: U32::new(u32::try_from(table.len()).unwrap_or(u32::MAX)),
            key: *key,
            ..SetRssRequest::default()
        }
        .with_types(types);
        request
            .table
            .get_mut(..table.len())
            .ok_or(Error::Argument("table"))?
            .copy_from_slice(table);
        self.start::<cmd::SetRss>(nic, cookie, &request, super::Op::Ethernet(Op::Empty))
    }

    pub(super) fn ethernet_answered(&mut self, arrived: &Arrived, op: Op<P>) -> Next<P> {
        let result = self.ring.answer::<EmptyAnswer>(arrived);
        match op {
            Op::Empty | Op::List { .. } => Next::from(result.map(|_| Outcome::Done)),
            Op::Create(geometry, parts, bell) => Next::from(result.map(|_| {
                let EthGeometry {
                    direction, index, ..
                } = geometry;
                Outcome::EthQueue(EthQueue::new(direction, index, bell, parts))
            })),
            Op::Destroy(queue) => {
                self.release(&result, &[queue.bell.index()]);
                Next::End(match result {
                    Ok(_) => Ok(Outcome::Done),
                    Err(error) => Err(Failure {
                        error,
                        kept: Some(Object::EthQueue(queue)),
                    }),
                })
            }
        }
    }
}
