//! The vfio-user protocol: sans-I/O codec and non-blocking server.
