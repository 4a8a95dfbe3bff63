//! The layer that opens NDK adapters for consumers.

use std::sync::Arc;

use crate::ndis::adapter::Adapter;

/// NDK was disabled: consumers are told to close.
pub fn disabled(_adapter: &Arc<Adapter>) {}
