//! Nothing is lost, nothing comes twice.

use rnic_abi::WorkOpcode;

use crate::end::End;

/// Whether an operation takes a receive of the peer.
#[must_use]
pub fn is_message(opcode: WorkOpcode) -> bool {
    matches!(
        opcode,
        WorkOpcode::SEND
            | WorkOpcode::SEND_IMMEDIATE
            | WorkOpcode::SEND_INVALIDATE
            | WorkOpcode::WRITE_IMMEDIATE
    )
}

/// When both queues are drained: what succeeded for its sender has arrived.
///
/// # Errors
/// It has not.
pub fn arrived(sender: &End, receiver: &End) -> Result<(), String> {
    if sender.messages_sent > receiver.arrived {
        return Err(format!(
            "{} messages succeeded for their sender, {} arrived",
            sender.messages_sent, receiver.arrived
        ));
    }
    Ok(())
}
