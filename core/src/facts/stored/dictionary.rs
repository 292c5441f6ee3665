//! Ids of one type: dense numbers in bytewise order of the text, found by one hash.
//!
//! A class is a compact encoding of all ids of a type, used only where decoding gives the same bytes back.

use super::words::{Longs, Words};

/// How the ids of one type are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// At most 8 bytes, none of them NUL: one big-endian number padded with zeros, so that its order is the text's.
    Inline,
    /// Lower-case 8-4-4-4-12 UUIDs: 16 bytes.
    Uuid,
    /// Canonical Integers: their value.
    Integer,
    /// Anything else: offsets into a text.
    #[default]
    Text,
}

impl Class {
    /// The number that stands for it in the file.
    pub fn number(self) -> u64 {
        match self {
            Class::Inline => 0,
            Class::Uuid => 1,
            Class::Integer => 2,
            Class::Text => 3,
        }
    }

    /// The class of this number.
    pub fn of_number(number: u64) -> Option<Self> {
        [Class::Inline, Class::Uuid, Class::Integer, Class::Text].into_iter().find(|class| class.number() == number)
    }

    /// Can this id be encoded so that the same bytes come back?
    pub fn fits(self, id: &str) -> bool {
        match self {
            Class::Inline => inline(id).is_some(),
            Class::Uuid => uuid(id).is_some(),
            Class::Integer => integer(id).is_some(),
            Class::Text => true,
        }
    }
}

/// The ids of one type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dictionary<'a> {
    /// Name of the type.
    pub name: &'a str,
    /// Encoding of its ids.
    pub class: Class,
    /// How many ids.
    pub n_ids: u32,
    /// Encoded ids, or for [`Class::Text`] one more offset than ids.
    pub entries: &'a [u8],
    /// The ids' bytes, for [`Class::Text`].
    pub text: &'a [u8],
    /// Hash slots: 0 is empty; else number + 1 in the low bits and a part of the hash above them.
    pub slots: Words<'a>,
    /// Seed of [`id_hash`].
    pub seed: u64,
}

impl Dictionary<'_> {
    /// Number of an id. Cost: one hash and usually one comparison.
    pub fn find(&self, id: &str) -> Option<u32> {
        let hash = id_hash(self.seed, id.as_bytes());
        let (start, tag, id_bits) = slot_parts(hash, self.slots.len(), self.n_ids);
        let id_mask = (1u64 << id_bits) - 1;
        let mut at = start;
        // Not one slot is empty in damaged bytes: the walk ends where it began.
        for _ in 0..self.slots.len() {
            let slot = u64::from(self.slots.get(at)?);
            if slot == 0 {
                return None;
            }
            if slot >> id_bits == tag {
                let number = u32::try_from((slot & id_mask).checked_sub(1)?).ok()?;
                if self.is(number, id) {
                    return Some(number);
                }
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        None
    }

    fn is(&self, number: u32, id: &str) -> bool {
        match self.class {
            Class::Inline => inline(id).is_some_and(|key| Longs::new(self.entries).get(number as usize) == Some(key)),
            Class::Uuid => uuid(id).is_some_and(|key| self.entry(number) == Some(&key)),
            Class::Integer => integer(id)
                .is_some_and(|key| Longs::new(self.entries).get(number as usize) == Some(key.cast_unsigned())),
            Class::Text => self.slice(number) == Some(id.as_bytes()),
        }
    }

    fn entry(&self, number: u32) -> Option<&[u8; 16]> {
        self.entries.as_chunks().0.get(number as usize)
    }

    fn slice(&self, number: u32) -> Option<&[u8]> {
        let offsets = Words::new(self.entries);
        let (from, to) = (offsets.get(number as usize)?, offsets.get(number as usize + 1)?);
        self.text.get(from as usize..to as usize)
    }

    /// Appends the text of a number, the same bytes that were stored; nothing for a number it doesn't have.
    pub fn write(&self, number: u32, out: &mut String) {
        if number >= self.n_ids {
            return;
        }
        match self.class {
            Class::Inline => {
                let bytes = Longs::new(self.entries).get(number as usize).unwrap_or_default().to_be_bytes();
                let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                out.push_str(std::str::from_utf8(&bytes[..length]).unwrap_or_default());
            }
            Class::Uuid => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                for (place, byte) in self.entry(number).into_iter().flatten().enumerate() {
                    if matches!(place, 4 | 6 | 8 | 10) {
                        out.push('-');
                    }
                    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                    out.push(char::from(DIGITS[usize::from(byte & 15)]));
                }
            }
            Class::Integer => {
                let value = Longs::new(self.entries).get(number as usize).unwrap_or_default() as i64;
                out.push_str(&value.to_string());
            }
            Class::Text => {
                out.push_str(std::str::from_utf8(self.slice(number).unwrap_or_default()).unwrap_or_default());
            }
        }
    }

    /// Value of an Integer; `None` for other classes and numbers it doesn't have.
    pub fn integer(&self, number: u32) -> Option<i64> {
        let value = Longs::new(self.entries).get(number as usize)?;
        (self.class == Class::Integer).then_some(value as i64)
    }
}

/// The hash of the file format: 8 bytes at a time, little-endian, the last padded with zeros, then the length.
pub fn id_hash(seed: u64, bytes: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = seed;
    let mut add = |word: u64| {
        hash = (hash ^ word).wrapping_mul(K);
        hash ^= hash >> 32;
    };
    let (words, rest) = bytes.as_chunks();
    for word in words {
        add(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add(u64::from_le_bytes(last));
    add(bytes.len() as u64);
    hash
}

/// Where a hash starts to probe, the tag in its slot, and how many low bits of a slot are number + 1.
pub fn slot_parts(hash: u64, n_slots: usize, n_ids: u32) -> (usize, u64, u32) {
    let start = ((hash >> 32) * n_slots as u64) >> 32;
    let id_bits = u32::BITS - n_ids.leading_zeros();
    let tag = (hash & u64::from(u32::MAX)).checked_shr(id_bits).unwrap_or(0);
    (start as usize, tag, id_bits)
}

/// An id of at most 8 bytes without NUL as a number whose order is the text's.
fn inline(id: &str) -> Option<u64> {
    let bytes = id.as_bytes();
    if bytes.len() > 8 || bytes.contains(&0) {
        return None;
    }
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    Some(u64::from_be_bytes(padded))
}

/// A lower-case 8-4-4-4-12 UUID.
fn uuid(id: &str) -> Option<[u8; 16]> {
    let bytes = id.as_bytes();
    let mut out = [0; 16];
    let mut digits = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let half: &mut u8 = out.get_mut(digits / 2)?;
        *half = *half << 4 | digit;
        digits += 1;
    }
    (bytes.len() == 36).then_some(out)
}

/// The value of a canonical Integer.
fn integer(id: &str) -> Option<i64> {
    let value: i64 = id.parse().ok()?;
    let has_padding = id.starts_with('+') || id.starts_with("-0") || (id.starts_with('0') && id != "0");
    (!has_padding).then_some(value)
}

/// The encoded form of an id of [`Class::Inline`], [`Class::Uuid`] or [`Class::Integer`], appended.
pub fn encode(class: Class, id: &str, out: &mut Vec<u8>) {
    match class {
        Class::Inline => out.extend(inline(id).unwrap_or_default().to_le_bytes()),
        Class::Uuid => out.extend(uuid(id).unwrap_or_default()),
        Class::Integer => out.extend(integer(id).unwrap_or_default().to_le_bytes()),
        Class::Text => out.extend(id.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_exact() {
        assert!(Class::Inline.fits("a") && Class::Inline.fits("12345678") && Class::Inline.fits("é"));
        assert!(!Class::Inline.fits("a\0") && !Class::Inline.fits("123456789"));
        let lower = "0d6e4079-e36a-4b0a-a3f1-60e0a3a1b2c3";
        assert!(Class::Uuid.fits(lower));
        for other in [&lower.to_uppercase(), &lower.replace('-', ""), &lower[..35], "", &format!("{lower}0")] {
            assert!(!Class::Uuid.fits(other), "{other}");
        }
        assert!(["0", "-1", "7", "9223372036854775807"].iter().all(|id| Class::Integer.fits(id)));
        assert!(["007", "+5", "-0", "1.0", "", "9223372036854775808"].iter().all(|id| !Class::Integer.fits(id)));
    }

    #[test]
    fn inline_order_is_bytewise() {
        let mut ids = ["b", "a", "ab", "a b", "B", "é", "zzzzzzzz", "z"];
        ids.sort_unstable();
        assert!(ids.is_sorted_by_key(|id| inline(id)));
    }

    #[test]
    fn any_bytes_are_safe() {
        let noise: Vec<u8> = (0..=255u8).cycle().take(512).collect();
        for class in [Class::Inline, Class::Uuid, Class::Integer, Class::Text] {
            for n_ids in [0, 1, 7, u32::MAX] {
                let slots = Words::new(&noise);
                let dictionary = Dictionary { name: "T", class, n_ids, entries: &noise, text: &noise, slots, seed: 1 };
                let mut out = String::new();
                for number in [0, 1, 63, 64, u32::MAX] {
                    dictionary.write(number, &mut out);
                    dictionary.integer(number);
                }
                for id in ["", "a", "12", "0d6e4079-e36a-4b0a-a3f1-60e0a3a1b2c3"] {
                    dictionary.find(id);
                }
            }
        }
    }
}
