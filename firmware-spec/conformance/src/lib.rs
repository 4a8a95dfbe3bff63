//! The conformance suite, over Platform and rnic-abi only.
