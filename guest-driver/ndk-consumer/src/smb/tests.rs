//! A client whose server answers anything.
