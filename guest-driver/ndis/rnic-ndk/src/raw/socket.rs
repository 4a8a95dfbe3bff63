//! Socket addresses of consumers.

use ndis_sys::ndk::{
    NTSTATUS, SOCKADDR, STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_ADDRESS, STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
};
use ndis_sys::netio::{AF_INET, AF_INET6, SOCKADDR_IN, SOCKADDR_IN6};

use crate::address::SocketAddress;

const V4: u32 = size_of::<SOCKADDR_IN>() as u32;
const V6: u32 = size_of::<SOCKADDR_IN6>() as u32;

/// Reads an address of either family.
///
/// # Safety
/// `address` is null or `length` bytes of memory.
pub(crate) unsafe fn read(
    address: *const SOCKADDR,
    length: u32,
) -> Result<SocketAddress, NTSTATUS> {
    if address.is_null() || length < 2 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    // SAFETY: two bytes are there; nothing says that they are aligned.
    let family = unsafe { address.cast::<u16>().read_unaligned() };
    match family {
        AF_INET if length >= V4 => {
            // SAFETY: as long as its length says.
            let from = unsafe { address.cast::<SOCKADDR_IN>().read_unaligned() };
            let [a, b, c, d] = from.sin_addr;
            Ok(SocketAddress {
                ip: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d],
                port: u16::from_be(from.sin_port),
            })
        }
        AF_INET6 if length >= V6 => {
            // SAFETY: as long as its length says.
            let from = unsafe { address.cast::<SOCKADDR_IN6>().read_unaligned() };
            let found = SocketAddress {
                ip: from.sin6_addr,
                port: u16::from_be(from.sin6_port),
            };
            // A mapped IPv4 address is none that an interface can have.
            if found.is_ipv4() {
                Err(STATUS_INVALID_ADDRESS)
            } else {
                Ok(found)
            }
        }
        _ => Err(STATUS_INVALID_PARAMETER),
    }
}

/// An address as IPv6 structures have it, and its length.
fn encode(address: &SocketAddress) -> ([u8; 28], u32) {
    let mut bytes = [0; 28];
    let mut put = |at: usize, from: &[u8]| {
        for (to, from) in bytes.iter_mut().skip(at).zip(from) {
            *to = *from;
        }
    };
    put(2, &address.port.to_be_bytes());
    if address.is_ipv4() {
        put(0, &AF_INET.to_le_bytes());
        put(4, address.ip.get(12..).unwrap_or(&[]));
        (bytes, V4)
    } else {
        put(0, &AF_INET6.to_le_bytes());
        put(8, &address.ip);
        (bytes, V6)
    }
}

/// A SOCKADDR_INET.
#[must_use]
pub fn sockaddr_inet(address: &SocketAddress) -> ndis_sys::ndk::SOCKADDR_INET {
    let (bytes, _) = encode(address);
    // SAFETY: 28 bytes, of which any are a SOCKADDR_INET.
    unsafe { core::mem::transmute(bytes) }
}

/// Gives an address to a consumer: `length` says how much room there is, and how much is needed.
///
/// # Safety
/// `length` is null or writable, `to` null or `*length` bytes of memory.
pub(crate) unsafe fn write(
    address: &SocketAddress,
    to: *mut SOCKADDR,
    length: *mut u32,
) -> NTSTATUS {
    if length.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let (bytes, needed) = encode(address);
    // SAFETY: writable, as the caller says.
    let room = unsafe { length.read() };
    // SAFETY: as above.
    unsafe { length.write(needed) };
    if to.is_null() || room < needed {
        return STATUS_BUFFER_TOO_SMALL;
    }
    // SAFETY: there is room for that many bytes.
    unsafe {
        to.cast::<u8>()
            .copy_from_nonoverlapping(bytes.as_ptr(), needed as usize)
    };
    STATUS_SUCCESS
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use ndis_sys::ndk::*;

    #[test]
    fn addresses_come_back_as_they_went() {
        let v4: [u8; 16] = [2, 0, 0x12, 0x34, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut v6 = [0u8; 28];
        v6[..4].copy_from_slice(&[23, 0, 0, 80]);
        v6[8..24].copy_from_slice(&[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        for bytes in [&v4[..], &v6[..]] {
            let length = u32::try_from(bytes.len()).unwrap();
            // SAFETY: that many bytes.
            let address = unsafe { read(bytes.as_ptr().cast(), length) }.unwrap();
            // SAFETY: as above.
            let short = unsafe { read(bytes.as_ptr().cast(), length - 1) };
            assert_eq!(short, Err(STATUS_INVALID_PARAMETER));
            let mut back = [0u8; 28];
            let mut room = length - 1;
            // SAFETY: that much room.
            let status = unsafe { write(&address, back.as_mut_ptr().cast(), &raw mut room) };
            assert_eq!((status, room), (STATUS_BUFFER_TOO_SMALL, length));
            // SAFETY: as above.
            let status = unsafe { write(&address, back.as_mut_ptr().cast(), &raw mut room) };
            assert_eq!((status, &back[..bytes.len()]), (STATUS_SUCCESS, bytes));
        }
        let mut mapped = v6;
        mapped[8..24].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4]);
        // SAFETY: that many bytes.
        let found = unsafe { read(mapped.as_ptr().cast(), 28) };
        assert_eq!(found, Err(STATUS_INVALID_ADDRESS));
    }
}
