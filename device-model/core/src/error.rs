//! What the guest did wrong: errors of commands, and refusals of work requests.

use rnic_abi::{CompletionStatus, ProviderError, Status, Syndrome, SyndromeReason};

use crate::dma::DmaError;

/// Why a command fails: the status, and the field that is to blame `[CMD-15]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} ({reason} at offset {offset:#x})")]
pub struct CommandError {
    /// Status of the answer.
    pub status: Status,
    /// Upper half of the syndrome.
    pub reason: SyndromeReason,
    /// Lower half of the syndrome: offset of the field, or [`CommandError::NO_FIELD`].
    pub offset: u16,
}

impl CommandError {
    /// No field is to blame.
    pub const NO_FIELD: u16 = 0xFFFF;

    /// An error of the field at `offset` of the request.
    #[must_use]
    pub fn new(status: Status, reason: SyndromeReason, offset: usize) -> Self {
        Self {
            status,
            reason,
            offset: u16::try_from(offset).unwrap_or(Self::NO_FIELD),
        }
    }

    /// An error that no field is to blame for.
    #[must_use]
    pub const fn whole(status: Status) -> Self {
        Self {
            status,
            reason: SyndromeReason::NONE,
            offset: Self::NO_FIELD,
        }
    }

    /// `INVALID_FIELD`.
    #[must_use]
    pub fn invalid(reason: SyndromeReason, offset: usize) -> Self {
        Self::new(Status::INVALID_FIELD, reason, offset)
    }

    /// `INVALID_FIELD`, `BAD_VALUE`.
    #[must_use]
    pub fn bad_value(offset: usize) -> Self {
        Self::invalid(SyndromeReason::BAD_VALUE, offset)
    }

    /// `LIMIT_EXCEEDED`, `TOO_LARGE` `[CMD-20]`.
    #[must_use]
    pub fn too_large(offset: usize) -> Self {
        Self::new(Status::LIMIT_EXCEEDED, SyndromeReason::TOO_LARGE, offset)
    }

    /// `LIMIT_EXCEEDED`, `TOO_SMALL` `[CMD-20]`.
    #[must_use]
    pub fn too_small(offset: usize) -> Self {
        Self::new(Status::LIMIT_EXCEEDED, SyndromeReason::TOO_SMALL, offset)
    }

    /// `NO_SUCH_OBJECT`, `NOT_FOUND` `[CMD-21]`.
    #[must_use]
    pub fn not_found(offset: usize) -> Self {
        Self::new(Status::NO_SUCH_OBJECT, SyndromeReason::NOT_FOUND, offset)
    }

    /// `NO_SUCH_OBJECT`, `WRONG_KIND` `[CMD-21]`.
    #[must_use]
    pub fn wrong_kind(offset: usize) -> Self {
        Self::new(Status::NO_SUCH_OBJECT, SyndromeReason::WRONG_KIND, offset)
    }

    /// `NO_RESOURCES`, `QUOTA` `[CMD-19]`.
    #[must_use]
    pub const fn no_resources() -> Self {
        Self {
            status: Status::NO_RESOURCES,
            reason: SyndromeReason::QUOTA,
            offset: Self::NO_FIELD,
        }
    }

    /// `BUSY`, `IN_USE`.
    #[must_use]
    pub fn busy(offset: usize) -> Self {
        Self::new(Status::BUSY, SyndromeReason::IN_USE, offset)
    }

    /// `INVALID_STATE`, `WRONG_STATE`.
    #[must_use]
    pub fn wrong_state(offset: usize) -> Self {
        Self::new(Status::INVALID_STATE, SyndromeReason::WRONG_STATE, offset)
    }

    /// `DMA_ERROR`, `NOT_REACHABLE` `[CMD-18]`.
    #[must_use]
    pub fn unreachable(offset: usize) -> Self {
        Self::new(Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, offset)
    }

    /// `UNSUPPORTED`, `NOT_ACTIVE` `[BRING-9]`.
    #[must_use]
    pub fn not_active(offset: usize) -> Self {
        Self::new(Status::UNSUPPORTED, SyndromeReason::NOT_ACTIVE, offset)
    }

    /// The syndrome of the answer.
    #[must_use]
    pub fn syndrome(&self) -> Syndrome {
        Syndrome(u32::from(self.reason.0) << 16 | u32::from(self.offset))
    }

    /// The same error in a structure that lies `base` bytes into the request.
    #[must_use]
    pub fn within(mut self, base: usize) -> Self {
        if self.offset != Self::NO_FIELD {
            let offset = usize::from(self.offset).saturating_add(base);
            self.offset = u16::try_from(offset).unwrap_or(Self::NO_FIELD);
        }
        self
    }
}

/// Why a work request, or the part of a responder in it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} ({error})")]
pub struct Refusal {
    /// Status of the completion.
    pub status: CompletionStatus,
    /// The check that failed.
    pub error: ProviderError,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub const fn new(status: CompletionStatus, error: ProviderError) -> Self {
        Self { status, error }
    }

    /// A local key, range or right does not match `[QP-28]`.
    #[must_use]
    pub const fn local(error: ProviderError) -> Self {
        Self::new(CompletionStatus::LOCAL_PROTECTION_ERROR, error)
    }

    /// A remote key, range or right does not match `[QP-27]`: what the responder finds. The
    /// requester learns no more than `PEER_ACCESS`.
    #[must_use]
    pub const fn remote(error: ProviderError) -> Self {
        Self::new(CompletionStatus::REMOTE_ACCESS_ERROR, error)
    }

    /// A bind, fast registration or invalidation that is not allowed.
    #[must_use]
    pub const fn bind(error: ProviderError) -> Self {
        Self::new(CompletionStatus::WINDOW_BIND_ERROR, error)
    }

    /// The entry is malformed or not legal `[QP-16]`.
    #[must_use]
    pub const fn malformed(error: ProviderError) -> Self {
        Self::new(CompletionStatus::LOCAL_OPERATION_ERROR, error)
    }

    /// Local memory that DMA cannot reach `[QP-29]`.
    #[must_use]
    pub const fn local_dma(error: DmaError) -> Self {
        Self::new(CompletionStatus::LOCAL_ACCESS_ERROR, provider_error(error))
    }

    /// The responder's memory cannot be reached `[QP-29]`.
    #[must_use]
    pub const fn remote_dma(error: DmaError) -> Self {
        Self::new(
            CompletionStatus::REMOTE_OPERATION_ERROR,
            provider_error(error),
        )
    }
}

/// The syndrome of a DMA access that failed.
#[must_use]
pub const fn provider_error(error: DmaError) -> ProviderError {
    match error {
        DmaError::Unmapped { .. } | DmaError::WriteOnly { .. } => ProviderError::DMA_UNMAPPED,
        DmaError::ReadOnly { .. } => ProviderError::DMA_READ_ONLY,
        DmaError::BusMasterDisabled => ProviderError::DMA_DISABLED,
        DmaError::Misaligned { .. } => ProviderError::NOT_ALIGNED,
        DmaError::Wrapped { .. } => ProviderError::WRAP,
        DmaError::HostFault { .. } => ProviderError::DMA_HOST_FAULT,
    }
}
