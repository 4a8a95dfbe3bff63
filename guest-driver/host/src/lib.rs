//! Platforms on Linux: vfio-user socket, QEMU qtest, VFIO.
