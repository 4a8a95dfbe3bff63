//! What went wrong, as consumers are told.
#![forbid(unsafe_code)]

use ndis_sys::ndk::*;
use rnic_abi::{CompletionStatus, ProviderError, Status};
use rnic_driver_core::{Error, PostError};

/// Of a command that failed.
pub(crate) fn of_error(error: Error) -> NTSTATUS {
    match error {
        Error::NoMemory | Error::CommandRingFull | Error::NoDoorbells | Error::Platform(_) => {
            STATUS_INSUFFICIENT_RESOURCES
        }
        Error::Gone
        | Error::Device(_)
        | Error::Failed(_)
        | Error::Late(_)
        | Error::Ended
        | Error::NotOurs(_) => STATUS_DEVICE_NOT_READY,
        Error::Missing(_) => STATUS_NOT_SUPPORTED,
        Error::Argument(_) => STATUS_INVALID_PARAMETER,
        Error::Command(error) => of_status(error.status),
    }
}

/// Of a command's answer, or of an event about a connection.
pub(crate) fn of_status(status: Status) -> NTSTATUS {
    match status {
        Status::OK => STATUS_SUCCESS,
        Status::NO_RESOURCES | Status::TOO_MANY => STATUS_INSUFFICIENT_RESOURCES,
        Status::LIMIT_EXCEEDED | Status::INVALID_FIELD => STATUS_INVALID_PARAMETER,
        Status::BUSY => STATUS_DEVICE_BUSY,
        Status::INVALID_STATE | Status::NO_SUCH_OBJECT => STATUS_INVALID_DEVICE_STATE,
        Status::OUT_OF_RANGE => STATUS_BUFFER_OVERFLOW,
        Status::ACCESS_DENIED | Status::DMA_ERROR => STATUS_ACCESS_VIOLATION,
        Status::ADDRESS_IN_USE => STATUS_SHARING_VIOLATION,
        Status::ADDRESS_NOT_AVAILABLE => STATUS_INVALID_ADDRESS,
        Status::NO_PORTS => STATUS_TOO_MANY_ADDRESSES,
        Status::UNREACHABLE => STATUS_HOST_UNREACHABLE,
        Status::REFUSED | Status::REJECTED => STATUS_CONNECTION_REFUSED,
        Status::TIMED_OUT => STATUS_IO_TIMEOUT,
        Status::ABORTED => STATUS_CONNECTION_ABORTED,
        Status::CANCELLED => STATUS_CANCELLED,
        Status::UNSUPPORTED => STATUS_NOT_SUPPORTED,
        _ => STATUS_INTERNAL_ERROR,
    }
}

/// Of a work request that completed. (ndkpi.md 6.4; where NDKPI is silent, as NDSPI has it.)
pub(crate) fn of_completion(status: CompletionStatus, receive: bool) -> NTSTATUS {
    match status {
        CompletionStatus::SUCCESS => STATUS_SUCCESS,
        CompletionStatus::LOCAL_LENGTH_ERROR if receive => STATUS_BUFFER_OVERFLOW,
        CompletionStatus::LOCAL_LENGTH_ERROR => STATUS_DATA_OVERRUN,
        CompletionStatus::LOCAL_OPERATION_ERROR => STATUS_INVALID_DEVICE_REQUEST,
        CompletionStatus::LOCAL_PROTECTION_ERROR
        | CompletionStatus::LOCAL_ACCESS_ERROR
        | CompletionStatus::WINDOW_BIND_ERROR
        | CompletionStatus::REMOTE_ACCESS_ERROR => STATUS_ACCESS_VIOLATION,
        CompletionStatus::FLUSHED => STATUS_CANCELLED,
        CompletionStatus::REMOTE_INVALID_REQUEST_ERROR
        | CompletionStatus::REMOTE_OPERATION_ERROR => STATUS_REMOTE_RESOURCES,
        CompletionStatus::RETRY_EXCEEDED | CompletionStatus::RNR_RETRY_EXCEEDED => {
            STATUS_IO_TIMEOUT
        }
        _ => STATUS_INTERNAL_ERROR,
    }
}

/// ProviderErrorCode of a completion: the check that failed, as the specification numbers them; 0 on success.
pub(crate) fn provider_code(status: CompletionStatus, error: ProviderError) -> u32 {
    if status == CompletionStatus::SUCCESS {
        0
    } else {
        error.0
    }
}

/// Of a work request that was not posted.
pub(crate) fn of_post(error: PostError) -> NTSTATUS {
    match error {
        PostError::Full => STATUS_NO_MORE_ENTRIES,
        PostError::TooManySegments => STATUS_DATA_OVERRUN,
        PostError::InlineTooLong => STATUS_BUFFER_OVERFLOW,
        PostError::Device(_) => STATUS_INTERNAL_ERROR,
    }
}
