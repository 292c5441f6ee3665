//! Words, texts and what calls and replies share, written and read.

use super::Malformed;
use crate::model::{Fact, Pattern, Value};

/// Bytes that are being written. Everything written keeps the end at a multiple of 8, given even numbers of words.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`, which must end at a multiple of 8.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        debug_assert!(out.len().is_multiple_of(8), "parts begin at multiples of 8");
        Writer { out }
    }

    pub(super) fn words<const N: usize>(&mut self, words: [u32; N]) {
        for word in words {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes alone, without padding.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Bytes alone, padded with zeros to a multiple of 8.
    pub(super) fn padded(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        self.pad();
    }

    /// Zeros up to a multiple of 8.
    pub(super) fn pad(&mut self) {
        self.out.resize(self.out.len().next_multiple_of(8), 0);
    }

    /// Length, zero, bytes.
    pub(super) fn text(&mut self, text: &str) {
        self.words([length(text), 0]);
        self.padded(text.as_bytes());
    }

    /// Length, one, bytes; or nothing in two zeros.
    pub(super) fn optional(&mut self, text: Option<&str>) {
        self.words([text.map_or(0, length), u32::from(text.is_some())]);
        self.padded(text.unwrap_or_default().as_bytes());
    }

    pub(super) fn pattern(&mut self, pattern: &Pattern) {
        let (kind, type_name, id) = match pattern {
            Pattern::Any => (0, "", ""),
            Pattern::Type(type_name) => (1, type_name.as_str(), ""),
            Pattern::Exact(value) => (2, value.type_name(), value.id()),
        };
        self.typed(kind, 0, type_name, id);
    }

    /// Kind, number, length of the type, length of the id, type, id.
    pub(super) fn typed(&mut self, kind: u32, number: u32, type_name: &str, id: &str) {
        self.words([kind, number, length(type_name), length(id)]);
        self.padded(type_name.as_bytes());
        self.padded(id.as_bytes());
    }

    pub(super) fn fact(&mut self, fact: &Fact) {
        let args = fact.args.iter().map(|value| (value.type_name(), value.id()));
        self.texts_of_fact(&fact.predicate, args);
    }

    /// A fact of any texts, whether they are values or not.
    pub(super) fn texts_of_fact<'t>(
        &mut self,
        predicate: &str,
        args: impl ExactSizeIterator<Item = (&'t str, &'t str)>,
    ) {
        let n_args = u32::try_from(args.len()).expect("a fact's arguments are far fewer than 2^32");
        self.words([length(predicate), n_args]);
        self.padded(predicate.as_bytes());
        for (type_name, id) in args {
            self.words([length(type_name), length(id)]);
            self.padded(type_name.as_bytes());
            self.padded(id.as_bytes());
        }
    }
}

/// Bytes of a text as a word. Nothing that fits a 32-bit memory is cut.
pub(super) fn length(text: &str) -> u32 {
    count(text.as_bytes())
}

/// Number of items as a word.
pub(super) fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("a call's lists are far shorter than 2^32")
}

/// Bytes that are being read; every step checks what is left.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub(super) fn expected<T>(&self, expected: &'static str) -> Result<T, Malformed> {
        Err(Malformed::At { at: self.at, expected })
    }

    fn take(&mut self, n_bytes: usize, expected: &'static str) -> Result<&'a [u8], Malformed> {
        let taken = self.at.checked_add(n_bytes).and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else { return self.expected(expected) };
        self.at += n_bytes;
        Ok(taken)
    }

    pub(super) fn words<const N: usize>(&mut self) -> Result<[u32; N], Malformed> {
        let bytes = self.take(N * 4, "more words")?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        let [low, high] = self.words()?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    /// A word that must be zero.
    pub(super) fn zero(&self, word: u32) -> Result<(), Malformed> {
        if word == 0 { Ok(()) } else { self.expected("a zero before this") }
    }

    pub(super) fn flag(&self, word: u32) -> Result<bool, Malformed> {
        match word {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.expected("0 or 1 before this"),
        }
    }

    /// `n_bytes` and the zeros that pad them.
    pub(super) fn padded(&mut self, n_bytes: u32) -> Result<&'a [u8], Malformed> {
        let bytes = self.take(n_bytes as usize, "as many bytes as the length says")?;
        self.pad()?;
        Ok(bytes)
    }

    /// The zeros up to a multiple of 8.
    pub(super) fn pad(&mut self) -> Result<(), Malformed> {
        let n_padding = self.at.wrapping_neg() % 8;
        let padding = self.take(n_padding, "padding to a multiple of 8")?;
        if padding.iter().all(|byte| *byte == 0) { Ok(()) } else { self.expected("padding of zeros before this") }
    }

    /// `n_bytes` of UTF-8 and their padding.
    pub(super) fn string(&mut self, n_bytes: u32) -> Result<String, Malformed> {
        match std::str::from_utf8(self.padded(n_bytes)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => self.expected("UTF-8 before this"),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let [n_bytes, zero] = self.words()?;
        self.zero(zero)?;
        self.string(n_bytes)
    }

    pub(super) fn optional(&mut self) -> Result<Option<String>, Malformed> {
        let [n_bytes, present] = self.words()?;
        let present = self.flag(present)?;
        if !present {
            self.zero(n_bytes)?;
        }
        let text = self.string(n_bytes)?;
        Ok(present.then_some(text))
    }

    /// `n` items. Each must be at least 8 bytes long, so that room is only made for items that the bytes can hold.
    pub(super) fn items<T>(
        &mut self,
        n: u32,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let n = n as usize;
        if n > (self.bytes.len() - self.at) / 8 {
            return self.expected("as many items as the count says");
        }
        // A thousand at once at most: an item in memory is larger than its 8 bytes here.
        let mut items = Vec::with_capacity(n.min(1024));
        for _ in 0..n {
            let before = self.at;
            items.push(item(self)?);
            debug_assert!(self.at >= before + 8, "items are at least 8 bytes long");
        }
        Ok(items)
    }

    /// `n` words, and the zero that makes their number even.
    pub(super) fn lengths(&mut self, n: u32) -> Result<&'a [u8], Malformed> {
        let Some(n_bytes) = (n as usize).checked_mul(4) else { return self.expected("fewer items") };
        let words = self.take(n_bytes, "as many lengths as the count says")?;
        self.pad()?;
        Ok(words)
    }

    /// Kind, number, type and id: see [`Writer::typed`].
    pub(super) fn typed(&mut self) -> Result<(u32, u32, String, String), Malformed> {
        let [kind, number, type_bytes, id_bytes] = self.words()?;
        let (type_name, id) = (self.string(type_bytes)?, self.string(id_bytes)?);
        if kind > 2 || (kind == 0 && !type_name.is_empty()) || (kind < 2 && !id.is_empty()) {
            return self.expected("any (0), a type (1) or a type and an id (2) before this");
        }
        Ok((kind, number, type_name, id))
    }

    pub(super) fn pattern(&mut self) -> Result<Pattern, Malformed> {
        let (kind, zero, type_name, id) = self.typed()?;
        self.zero(zero)?;
        Ok(match kind {
            0 => Pattern::Any,
            1 => Pattern::Type(type_name),
            _ => Pattern::Exact(Value::new(type_name, id)?),
        })
    }

    pub(super) fn fact(&mut self) -> Result<Fact, Malformed> {
        let (predicate, args) = self.fact_of(|type_name, id| Ok(Value::new(type_name, id)?))?;
        Ok(Fact { predicate, args })
    }

    /// The predicate of a fact, and its arguments as `value` makes them of type and id.
    pub(super) fn fact_of<T>(
        &mut self,
        value: impl Fn(String, String) -> Result<T, Malformed>,
    ) -> Result<(String, Vec<T>), Malformed> {
        let [predicate_bytes, n_args] = self.words()?;
        let predicate = self.string(predicate_bytes)?;
        let args = self.items(n_args, |reader| {
            let [type_bytes, id_bytes] = reader.words()?;
            let type_name = reader.string(type_bytes)?;
            value(type_name, reader.string(id_bytes)?)
        })?;
        Ok((predicate, args))
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { self.expected("the end") }
    }
}
