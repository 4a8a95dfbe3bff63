//! The control plane: commands, connections, addresses, events.
