//! The plain store: sorted vectors, obviously right.
