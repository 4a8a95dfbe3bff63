//! Ports: where frames enter and leave a device.
