//! Frames of RoCEv2 and what carries them: codec without allocation.
