//! What carries SMB messages, and lends memory to the server for RDMA.

use std::fmt;
use std::ops::Range;

use crate::smbd::message::BufferDescriptor;

/// The connection is gone; why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost(pub String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lost {}

/// What the server may do with lent memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it: the data of a write.
    Read,
    /// Write it: the data of a read.
    Write,
}

/// Memory that is lent.
#[derive(Debug)]
pub struct Lent {
    /// What the server is told.
    pub descriptors: Vec<BufferDescriptor>,
    /// What the transport knows it by.
    pub regions: Vec<usize>,
}

/// Carries messages, in order and whole.
pub trait Transport {
    /// Memory that can be lent.
    type Buffer;

    /// Longest message that the server takes, bytes.
    fn max_message(&self) -> usize;
    /// Most bytes that are lent for one request.
    fn max_transfer(&self) -> usize;
    /// Sends a message.
    ///
    /// # Errors
    /// The connection is gone.
    fn send(&mut self, message: Vec<u8>) -> Result<(), Lost>;
    /// Waits for a message.
    ///
    /// # Errors
    /// The connection is gone, or nothing came in time.
    fn receive(&mut self) -> Result<Vec<u8>, Lost>;
    /// Lends a part of a buffer, from when the next message goes.
    ///
    /// # Errors
    /// The connection is gone.
    fn lend(
        &mut self,
        buffer: &Self::Buffer,
        part: Range<usize>,
        access: Access,
    ) -> Result<Lent, Lost>;
    /// Takes it back: when this returns the server reaches nothing of it any more.
    ///
    /// # Errors
    /// The connection is gone.
    fn take_back(&mut self, lent: Lent) -> Result<(), Lost>;
}

impl<T: Transport> Transport for &mut T {
    type Buffer = T::Buffer;

    fn max_message(&self) -> usize {
        (**self).max_message()
    }
    fn max_transfer(&self) -> usize {
        (**self).max_transfer()
    }
    fn send(&mut self, message: Vec<u8>) -> Result<(), Lost> {
        (**self).send(message)
    }
    fn receive(&mut self) -> Result<Vec<u8>, Lost> {
        (**self).receive()
    }
    fn lend(
        &mut self,
        buffer: &Self::Buffer,
        part: Range<usize>,
        access: Access,
    ) -> Result<Lent, Lost> {
        (**self).lend(buffer, part, access)
    }
    fn take_back(&mut self, lent: Lent) -> Result<(), Lost> {
        (**self).take_back(lent)
    }
}
