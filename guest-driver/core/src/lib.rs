//! The driver's logic: bring-up, commands, rings, verbs; no_std, never waiting.
