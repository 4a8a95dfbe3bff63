//! Error numbers that cross the wire.

use std::fmt;
use std::io;
use std::num::NonZeroI32;

/// A Linux error number that is never zero.
///
/// The specification allows an error reply whose number is zero (section "Header"), but clients hand the number on as a negative return
/// value, so that a zero reads as success. The type rules it out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(NonZeroI32);

impl Errno {
    /// The operation is not permitted on this region.
    pub const EPERM: Errno = Errno::known(libc::EPERM);
    /// No such mapping.
    pub const ENOENT: Errno = Errno::known(libc::ENOENT);
    /// Input or output failed.
    pub const EIO: Errno = Errno::known(libc::EIO);
    /// The host has no memory for it.
    pub const ENOMEM: Errno = Errno::known(libc::ENOMEM);
    /// Another client has the device.
    pub const EBUSY: Errno = Errno::known(libc::EBUSY);
    /// The range is mapped already.
    pub const EEXIST: Errno = Errno::known(libc::EEXIST);
    /// The request contradicts itself, the device or the specification.
    pub const EINVAL: Errno = Errno::known(libc::EINVAL);
    /// A limit of the server is reached.
    pub const ENOSPC: Errno = Errno::known(libc::ENOSPC);
    /// The command is unknown.
    pub const ENOSYS: Errno = Errno::known(libc::ENOSYS);
    /// The command or option is known and not offered.
    pub const ENOTSUP: Errno = Errno::known(libc::ENOTSUP);
    /// The data is larger than negotiated.
    pub const E2BIG: Errno = Errno::known(libc::E2BIG);

    const fn known(value: i32) -> Errno {
        match NonZeroI32::new(value) {
            Some(value) => Errno(value),
            None => Errno(NonZeroI32::MAX),
        }
    }

    /// An error number as the system reports it, or `None` if it is not positive.
    pub fn from_raw(value: i32) -> Option<Errno> {
        NonZeroI32::new(value).filter(|v| v.get() > 0).map(Errno)
    }

    /// The number.
    pub fn raw(self) -> i32 {
        self.0.get()
    }

    /// The number as the error field of a reply header holds it.
    pub(crate) fn to_wire(self) -> u32 {
        self.0.get().unsigned_abs()
    }
}

impl From<io::Error> for Errno {
    /// The number behind a system error; EIO for errors that have none.
    fn from(error: io::Error) -> Errno {
        error
            .raw_os_error()
            .and_then(Errno::from_raw)
            .unwrap_or(Errno::EIO)
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Errno({})", self.0)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from(*self).fmt(f)
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_negative_numbers_do_not_exist() {
        assert_eq!(Errno::from_raw(0), None);
        assert_eq!(Errno::from_raw(-22), None);
        assert_eq!(Errno::from_raw(22), Some(Errno::EINVAL));
    }

    #[test]
    fn an_error_without_a_number_is_eio() {
        assert_eq!(Errno::from(io::Error::other("no number")), Errno::EIO);
        assert_eq!(
            Errno::from(io::Error::from_raw_os_error(libc::ENOSPC)),
            Errno::ENOSPC
        );
    }
}
