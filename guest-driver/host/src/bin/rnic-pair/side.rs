//! What both sides have: a device, a domain, memory, queues.

use std::net::IpAddr;
use std::time::Duration;

use rnic_abi::AccessFlags;
use rnic_abi::consts::VECTOR_NONE;
use rnic_driver_core::{Address, AddressIndex, Config, Cq, Qp, segment};
use rnic_driver_host::client::{Client, ClientError, Memory};
use rnic_platform::{DmaBuffer, TestPlatform};

/// Bytes of the memory that is lent, and of that which is moved.
pub const AREA: usize = 1 << 20;
/// Bytes of a message slot.
pub const SLOT: usize = 4096;
/// Receives that are posted.
pub const SLOTS: usize = 16;

/// One side.
pub struct Side<P: TestPlatform> {
    pub client: Client<P>,
    /// What the peer may touch, or what is sent.
    pub area: Memory<P>,
    /// Where messages arrive, and at its end where answers are made.
    pub messages: Memory<P>,
    pub cq: Cq<P>,
    pub qp: Qp<P>,
}

/// An address as the device has it.
pub fn bytes_of(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

impl<P: TestPlatform> Side<P> {
    /// Brings the device up and makes everything but the connection.
    pub fn open(platform: P, address: IpAddr, patience: Duration) -> Result<Self, ClientError> {
        let mut client = Client::open(platform, Config::default(), patience)?;
        client.set_address(
            AddressIndex(0),
            &Address {
                address: bytes_of(address),
                prefix: if address.is_ipv4() { 24 } else { 64 },
                vlan: None,
                gateway: None,
                answer: true,
            },
        )?;
        let pd = client.pd()?;
        let rights = AccessFlags::LOCAL_WRITE
            | AccessFlags::REMOTE_READ
            | AccessFlags::REMOTE_WRITE
            | AccessFlags::REMOTE_ATOMIC;
        let area = client.memory(pd, AREA, rights)?;
        let messages = client.memory(pd, SLOT * (SLOTS + 1), AccessFlags::LOCAL_WRITE)?;
        let eq = client.completion_eq(16, VECTOR_NONE)?;
        let cq = client.cq(eq.eqn(), 256)?;
        let qp = client.rc_qp(pd, &cq, 64)?;
        let mut side = Self {
            client,
            area,
            messages,
            cq,
            qp,
        };
        for slot in 0..SLOTS {
            side.post_receive(slot)?;
        }
        Ok(side)
    }

    /// Posts the receive of a slot.
    pub fn post_receive(&mut self, slot: usize) -> Result<(), ClientError> {
        let at = self.messages.buffer.iova() + (slot * SLOT) as u64;
        let to = segment(at, SLOT as u32, self.messages.key);
        let Some(recv) = &mut self.qp.recv else {
            return Err(ClientError::TimedOut("a receive queue"));
        };
        recv.post(slot as u64, &[to]).map_err(post_failed)?;
        recv.ring(&self.client.device().nic);
        Ok(())
    }

    /// Entries of the receive queue have retired.
    pub fn retire_receive(&mut self, count: u32) -> Result<(), ClientError> {
        if let Some(recv) = &mut self.qp.recv {
            recv.retire_to(count)?;
        }
        Ok(())
    }

    /// Entries of the send queue have retired.
    pub fn retire_send(&mut self, count: u32) -> Result<(), ClientError> {
        self.qp.send.retire_to(count)?;
        Ok(())
    }
}

/// A post that the queue refused: a mistake of this program.
pub fn post_failed(error: rnic_driver_core::PostError) -> ClientError {
    log::error!("a work request was not posted: {error:?}");
    ClientError::TimedOut("room in a queue")
}

/// Bytes that differ at every offset and for every seed.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}
