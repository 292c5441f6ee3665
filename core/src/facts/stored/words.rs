//! Little-endian columns over bytes, read in place. Bytes past the last whole number don't count.

macro_rules! column {
    ($(#[$doc:meta])* $name:ident, $number:ty, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name<'a>(&'a [[u8; $bytes]]);

        impl<'a> $name<'a> {
            /// A view of the bytes.
            pub fn new(bytes: &'a [u8]) -> Self {
                $name(bytes.as_chunks().0)
            }

            /// How many numbers.
            pub fn len(self) -> usize {
                self.0.len()
            }

            /// Are there none?
            pub fn is_empty(self) -> bool {
                self.0.is_empty()
            }

            /// The number there, if there is one.
            pub fn get(self, at: usize) -> Option<$number> {
                self.0.get(at).map(|bytes| <$number>::from_le_bytes(*bytes))
            }

            /// First place in `from..to` whose number is not below `sought`; the numbers there ascend.
            pub fn seek(self, from: usize, to: usize, sought: $number) -> usize {
                let (mut low, mut high) = (from, to.min(self.len()));
                while low < high {
                    let middle = low + (high - low) / 2;
                    if self.get(middle).is_some_and(|number| number < sought) {
                        low = middle + 1;
                    } else {
                        // A branch here, not a select: each load would wait for the one before on wasm engines.
                        std::hint::cold_path();
                        high = middle;
                    }
                }
                low
            }
        }
    };
}

column!(
    /// A column of `u16`.
    Halves,
    u16,
    2
);
column!(
    /// A column of `u32`.
    Words,
    u32,
    4
);
column!(
    /// A column of `u64`.
    Longs,
    u64,
    8
);
