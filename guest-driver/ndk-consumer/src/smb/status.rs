//! NTSTATUS values (MS-ERREF, 2.3.1) that servers answer.

/// Success.
pub const SUCCESS: u32 = 0;
/// The answer comes later.
pub const PENDING: u32 = 0x103;
/// The end of a directory.
pub const NO_MORE_FILES: u32 = 0x8000_0006;
/// The session set-up goes on.
pub const MORE_PROCESSING_REQUIRED: u32 = 0xC000_0016;
/// A read at or behind the end of a file.
pub const END_OF_FILE: u32 = 0xC000_0011;

/// Name and meaning.
#[must_use]
pub fn name(status: u32) -> Option<(&'static str, &'static str)> {
    Some(match status {
        0xC000_0008 => (
            "STATUS_INVALID_HANDLE",
            "the server no longer knows the open file",
        ),
        0xC000_000D => (
            "STATUS_INVALID_PARAMETER",
            "the server takes the request for wrong",
        ),
        0xC000_000F => ("STATUS_NO_SUCH_FILE", "no such file"),
        END_OF_FILE => ("STATUS_END_OF_FILE", "the file ends before"),
        0xC000_0022 => ("STATUS_ACCESS_DENIED", "access denied"),
        0xC000_0033 => (
            "STATUS_OBJECT_NAME_INVALID",
            "the server does not take such a name",
        ),
        0xC000_0034 => ("STATUS_OBJECT_NAME_NOT_FOUND", "no such file"),
        0xC000_0035 => ("STATUS_OBJECT_NAME_COLLISION", "the file exists already"),
        0xC000_003A => ("STATUS_OBJECT_PATH_NOT_FOUND", "no such folder"),
        0xC000_0043 => (
            "STATUS_SHARING_VIOLATION",
            "somebody else has the file open",
        ),
        0xC000_006D => ("STATUS_LOGON_FAILURE", "wrong user or password"),
        0xC000_006E => (
            "STATUS_ACCOUNT_RESTRICTION",
            "the account may not log on like this",
        ),
        0xC000_007F => ("STATUS_DISK_FULL", "the share is full"),
        0xC000_009A => (
            "STATUS_INSUFFICIENT_RESOURCES",
            "the server is short of memory",
        ),
        0xC000_00AC => ("STATUS_PIPE_NOT_AVAILABLE", "the server is busy"),
        0xC000_00B5 => ("STATUS_IO_TIMEOUT", "the server waited too long"),
        0xC000_00BA => ("STATUS_FILE_IS_A_DIRECTORY", "that is a folder"),
        0xC000_00BB => ("STATUS_NOT_SUPPORTED", "the server cannot do that"),
        0xC000_00C9 => ("STATUS_NETWORK_NAME_DELETED", "the share is gone"),
        0xC000_00CC => ("STATUS_BAD_NETWORK_NAME", "the server has no such share"),
        0xC000_00E5 => ("STATUS_INTERNAL_ERROR", "the server failed"),
        0xC000_0103 => ("STATUS_NOT_A_DIRECTORY", "that is no folder"),
        0xC000_0120 => ("STATUS_CANCELLED", "cancelled"),
        0xC000_0128 => ("STATUS_FILE_CLOSED", "the file is closed"),
        0xC000_0203 => (
            "STATUS_USER_SESSION_DELETED",
            "the server has ended the session",
        ),
        0xC000_035C => ("STATUS_NETWORK_SESSION_EXPIRED", "the session has expired"),
        _ => return None,
    })
}
