//! The hardware: registers, doorbells, rings, queue pairs, memory, DMA, interrupts.

pub mod dma;
