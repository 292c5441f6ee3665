//! Whether what is stored is what was written: a sum of every record, and one over all of them.
//!
//! redb's own checksums are of pages and end with the file: they say nothing of a page that a fault of memory or of this
//! program wrote. A record's sum is over its table, its key (a fact, an offset, a name) and its value, so that no record
//! is good in another one's place. The sum over all is kept by adding and subtracting, in the transaction of each change.

use sha2::{Digest, Sha256};

/// Which table a record is of, as the first byte of what is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// A number there is one of.
    Number = 0,
    /// A text there is one of.
    Text = 1,
    /// A fact.
    Fact = 2,
    /// An entry of the log.
    Log = 3,
}

/// Sum of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What stands beside the record.
    pub own: u64,
    /// What it adds to the sum over all.
    share: u128,
}

/// Sums a record.
pub fn record(part: Part, key: &[u8], value: &[u8]) -> Record {
    let mut digest = Sha256::new_with_prefix([part as u8]);
    digest.update((key.len() as u64).to_le_bytes());
    digest.update(key);
    digest.update(value);
    let digest: [u8; 32] = digest.finalize().into();
    let (own, rest) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let share = rest.first_chunk::<16>().unwrap_or(&[0; 16]);
    Record { own: u64::from_le_bytes(*own), share: u128::from_le_bytes(*share) }
}

/// The sum over all records, whatever the order they came and went in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(pub u128);

impl Sum {
    /// With one more record.
    pub fn add(&mut self, record: Record) {
        self.0 = self.0.wrapping_add(record.share);
    }

    /// Without one that is in it.
    pub fn remove(&mut self, record: Record) {
        self.0 = self.0.wrapping_sub(record.share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_good_in_its_own_place_only() {
        let sum = record(Part::Fact, b"ab", b"c");
        for other in [
            record(Part::Log, b"ab", b"c"),
            record(Part::Fact, b"a", b"bc"),
            record(Part::Fact, b"ab", b""),
            record(Part::Fact, b"aB", b"c"),
        ] {
            assert!(other.own != sum.own && other.share != sum.share);
        }
    }

    #[test]
    fn records_may_come_and_go_in_any_order() {
        let (a, b) = (record(Part::Fact, b"a", b""), record(Part::Fact, b"b", b""));
        let (mut forth, mut back) = (Sum::default(), Sum::default());
        forth.add(a);
        forth.add(b);
        forth.remove(a);
        back.add(b);
        assert!(forth == back && forth != Sum::default());
        back.add(b);
        assert_ne!(forth, back, "a record that is there twice shows");
    }
}
