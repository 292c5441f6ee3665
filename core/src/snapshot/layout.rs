//! The file's fixed parts: magic, version, header, section table.

/// The format's version.
pub const VERSION: u32 = 0;
