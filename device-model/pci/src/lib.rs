//! A PCI Express function: configuration space, capabilities, MSI-X, BAR decode.
