//! Seeded simulator: N devices, a fabric, workloads, an oracle and checkers.
