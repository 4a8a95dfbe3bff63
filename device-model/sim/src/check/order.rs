//! The order of completions in each queue, and retired counts `[QP-12]`, `[QP-13]`, `[QP-15]`.

use rnic_abi::CompletionStatus;
use rnic_driver_core::Wc;

use crate::end::Request;
use crate::guest::Posted;

/// Whether a completion is that of the oldest request; false when that one is silent and retired
/// before it.
///
/// # Errors
/// It is neither.
pub fn next_request(front: Option<&Request>, wc: &Wc) -> Result<bool, String> {
    let Some(front) = front else {
        return Err("a request completed that was not posted, or twice".to_owned());
    };
    if wc.retired != wc.index.wrapping_add(1) {
        return Err(format!(
            "index {} but retired count {}",
            wc.index, wc.retired
        ));
    }
    if wc.index != front.index {
        if front.silent && (wc.index.wrapping_sub(front.index) as i32) > 0 {
            return Ok(false);
        }
        return Err(format!("out of order: index {} is the oldest", front.index));
    }
    if wc.context != front.context {
        return Err(format!("context {:#x} was posted", front.context));
    }
    if front.silent && wc.status == CompletionStatus::SUCCESS {
        return Err("a silent request succeeded and completed".to_owned());
    }
    Ok(true)
}

/// A completed receive is the one that was to come.
///
/// # Errors
/// It is not.
pub fn receive(posted: &Posted, wc: &Wc, shared: bool) -> Result<(), String> {
    if wc.context != posted.context {
        return Err(format!(
            "out of order: context {:#x} is the oldest",
            posted.context
        ));
    }
    if wc.index != posted.index {
        return Err(format!("index {} was posted", posted.index));
    }
    if !shared && wc.retired != wc.index.wrapping_add(1) {
        return Err(format!(
            "index {} but retired count {}",
            wc.index, wc.retired
        ));
    }
    if !shared && wc.srq_slot != 0 {
        return Err("a slot of a shared queue where there is none".to_owned());
    }
    Ok(())
}
