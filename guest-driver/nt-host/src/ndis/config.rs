//! Configuration: the keywords of an adapter's registry key.
//!
//! `unsafe`: strings and results of the driver.

use std::sync::Arc;

use ndis_sys::ndis::*;
use ndis_sys::nt::UNICODE_STRING;
use parking_lot::Mutex;

use super::adapter::{self, Adapter};
use super::{check_header, handle};
use crate::inject::{self, Kind};
use crate::nt::pool;

const HANDLE: &str = "configuration handle";
const BLOCK: &str = "configuration value";
const TAG: u32 = u32::from_le_bytes(*b"NdCf");

/// A value in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// REG_DWORD, or a number as a string: NDIS reads either as an integer.
    Number(u32),
    /// REG_SZ.
    Text(String),
}

struct Open {
    adapter: Arc<Adapter>,
    /// Values given out: pool blocks, freed on close.
    blocks: Mutex<Vec<usize>>,
}

pub(super) extern "win64" fn open(
    object: *const NDIS_CONFIGURATION_OBJECT,
    out: *mut usize,
) -> i32 {
    // SAFETY: the driver's structure.
    let target = unsafe {
        check_header(
            object.cast(),
            "NDIS_CONFIGURATION_OBJECT",
            NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
            &[(1, 0x14)],
        );
        (*object).NdisHandle as usize
    };
    let adapter = adapter::of(target);
    if inject::fails(Kind::Service) {
        return NDIS_STATUS_RESOURCES;
    }
    let open = Open {
        adapter,
        blocks: Mutex::new(Vec::new()),
    };
    // SAFETY: the driver's out parameter.
    unsafe { out.write(handle::new(HANDLE, Arc::new(open))) };
    NDIS_STATUS_SUCCESS
}

fn keyword(name: *const UNICODE_STRING) -> String {
    // SAFETY: a string of the driver.
    unsafe {
        let length = usize::from((*name).Length) / 2;
        String::from_utf16_lossy(std::slice::from_raw_parts((*name).Buffer, length))
    }
}

fn find(adapter: &Adapter, name: &str) -> Option<Value> {
    let keywords = adapter.keywords.lock();
    let found = keywords
        .iter()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone())
}

fn text(open: &Open, text: &str) -> (usize, u16) {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let block = pool::allocate(units.len() * 2, TAG, 0, BLOCK);
    // SAFETY: a new block of this size.
    unsafe { std::ptr::copy_nonoverlapping(units.as_ptr(), block as *mut u16, units.len()) };
    open.blocks.lock().push(block);
    (block, (units.len() * 2 - 2) as u16)
}

pub(super) extern "win64" fn read(
    status: *mut i32,
    out: *mut *mut NDIS_CONFIGURATION_PARAMETER,
    handle: usize,
    name: *const UNICODE_STRING,
    kind: i32,
) {
    const INTEGER: i32 = 0;
    const HEX: i32 = 1;
    const STRING: i32 = 2;
    let open: Arc<Open> = handle::get(handle, HANDLE);
    let value = if inject::fails(Kind::Service) {
        None
    } else {
        find(&open.adapter, &keyword(name))
    };
    let result = value.and_then(|value| {
        let block = pool::allocate(size_of::<NDIS_CONFIGURATION_PARAMETER>(), TAG, 0, BLOCK);
        open.blocks.lock().push(block);
        let parameter = block as *mut NDIS_CONFIGURATION_PARAMETER;
        // SAFETY: a new zeroed block of this size.
        unsafe {
            match (kind, value) {
                (INTEGER | HEX, Value::Number(number)) => {
                    (*parameter).ParameterData.IntegerData = number;
                }
                (INTEGER | HEX, Value::Text(text)) => {
                    (*parameter).ParameterData.IntegerData = text.parse().ok()?;
                }
                (STRING, value) => {
                    let value = match value {
                        Value::Number(number) => number.to_string(),
                        Value::Text(text) => text,
                    };
                    let (buffer, length) = text(&open, &value);
                    (*parameter).ParameterData.StringData = UNICODE_STRING {
                        Length: length,
                        MaximumLength: length + 2,
                        Buffer: buffer as *mut u16,
                    };
                }
                _ => return None,
            }
            (*parameter).ParameterType = kind;
        }
        Some(parameter)
    });
    // SAFETY: the driver's out parameters.
    unsafe {
        match result {
            Some(parameter) => {
                out.write(parameter);
                status.write(NDIS_STATUS_SUCCESS);
            }
            None => status.write(NDIS_STATUS_FAILURE),
        }
    }
}

pub(super) extern "win64" fn write(
    status: *mut i32,
    handle: usize,
    name: *const UNICODE_STRING,
    parameter: *const NDIS_CONFIGURATION_PARAMETER,
) {
    let open: Arc<Open> = handle::get(handle, HANDLE);
    // SAFETY: the driver's structures.
    unsafe {
        let value = Value::Number((*parameter).ParameterData.IntegerData);
        open.adapter.keywords.lock().push((keyword(name), value));
        status.write(NDIS_STATUS_SUCCESS);
    }
}

pub(super) extern "win64" fn close(handle: usize) {
    let open: Arc<Open> = handle::close(handle, HANDLE);
    for block in open.blocks.lock().drain(..) {
        pool::release(block, TAG);
    }
}

/// The `NetworkAddress` keyword: twelve hexadecimal digits.
pub(super) extern "win64" fn read_network_address(
    status: *mut i32,
    out: *mut usize,
    length: *mut u32,
    handle: usize,
) {
    let open: Arc<Open> = handle::get(handle, HANDLE);
    let digits = match find(&open.adapter, "NetworkAddress") {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    };
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let mac: Option<Vec<u8>> = (0..6).map(|i| byte(i * 2)).collect();
    // SAFETY: the driver's out parameters, and a new block.
    unsafe {
        match mac {
            Some(mac) => {
                let block = pool::allocate(6, TAG, 0, BLOCK);
                std::ptr::copy_nonoverlapping(mac.as_ptr(), block as *mut u8, 6);
                open.blocks.lock().push(block);
                out.write(block);
                length.write(6);
                status.write(NDIS_STATUS_SUCCESS);
            }
            None => status.write(NDIS_STATUS_FAILURE),
        }
    }
}
