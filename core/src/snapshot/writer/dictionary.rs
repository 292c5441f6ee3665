//! Types and ids in order of their text, and the bytes of the dictionary section.

use super::{WriteError, gather::Gathered, sections::Arena};
use crate::{
    facts::stored::{self, Class, id_hash, slot_parts},
    snapshot::layout::TYPE_RECORD_WORDS,
};

/// One type with its ids in bytewise order: place is number.
pub(super) struct Type {
    pub(super) name: String,
    pub(super) ids: Vec<String>,
}

/// Final numbers by provisional ones.
pub(super) struct Numbers {
    /// Of types.
    pub(super) types: Vec<u32>,
    /// Of ids, by provisional type.
    pub(super) ids: Vec<Vec<u32>>,
}

/// Puts types and ids in bytewise order. Takes the ids out of `gathered`.
pub(super) fn order(gathered: &mut Gathered) -> (Vec<Type>, Numbers) {
    let taken = std::mem::take(&mut gathered.types);
    let mut places: Vec<usize> = (0..taken.len()).collect();
    places.sort_unstable_by(|a, b| taken[*a].0.cmp(&taken[*b].0));
    let mut numbers = Numbers { types: vec![0; taken.len()], ids: vec![Vec::new(); taken.len()] };
    for (number, place) in places.iter().enumerate() {
        numbers.types[*place] = crate::model::number(number);
    }
    let mut types: Vec<Option<Type>> = taken.iter().map(|_| None).collect();
    for (place, (name, ids)) in taken.into_iter().enumerate() {
        let mut tagged: Vec<(String, u32)> = ids.into_iter().zip(0..).collect();
        tagged.sort_unstable();
        let of_type = &mut numbers.ids[place];
        of_type.resize(tagged.len(), 0);
        for (number, (_, provisional)) in tagged.iter().enumerate() {
            of_type[*provisional as usize] = crate::model::number(number);
        }
        let ids = tagged.into_iter().map(|(id, _)| id).collect();
        types[numbers.types[place] as usize] = Some(Type { name, ids });
    }
    (types.into_iter().flatten().collect(), numbers)
}

/// The section: number of types, a record each, then what the records point to.
pub(super) fn encode(types: &[Type], seed: u64) -> Result<Vec<u8>, WriteError> {
    let mut arena = Arena::with_records(1 + types.len() * TYPE_RECORD_WORDS);
    arena.set(0, types.len() as u64);
    for (number, ty) in types.iter().enumerate() {
        let class = class_of(ty);
        let mut entries = Vec::new();
        let mut text = Vec::new();
        for id in &ty.ids {
            if class == Class::Text {
                entries.extend(offset(text.len(), &ty.name)?.to_le_bytes());
                text.extend(id.as_bytes());
            } else {
                stored::encode(class, id, &mut entries);
            }
        }
        if class == Class::Text {
            entries.extend(offset(text.len(), &ty.name)?.to_le_bytes());
        }
        let slots = slots(ty, seed);
        let record = [
            arena.put(ty.name.as_bytes()),
            ty.name.len() as u64,
            class.number(),
            ty.ids.len() as u64,
            arena.put(&entries),
            arena.put(&text),
            text.len() as u64,
            arena.put_words(&slots),
            slots.len() as u64,
        ];
        for (word, value) in record.into_iter().enumerate() {
            arena.set(1 + number * TYPE_RECORD_WORDS + word, value);
        }
    }
    Ok(arena.bytes())
}

fn offset(at: usize, type_name: &str) -> Result<u32, WriteError> {
    u32::try_from(at)
        .map_err(|_| WriteError::TooLarge { what: format!("ids of type `{type_name}` have more than 4 GiB of text") })
}

fn class_of(ty: &Type) -> Class {
    let classes: &[Class] = if ty.name == "Integer" { &[Class::Integer] } else { &[Class::Inline, Class::Uuid] };
    let fitting = classes.iter().find(|class| ty.ids.iter().all(|id| class.fits(id)));
    fitting.copied().unwrap_or(Class::Text)
}

/// Open addressing, 80 % full: number + 1 and a part of the hash in one word.
fn slots(ty: &Type, seed: u64) -> Vec<u32> {
    let n_slots = ty.ids.len() + ty.ids.len() / 4 + 1;
    let mut slots = vec![0u32; n_slots];
    for (number, id) in ty.ids.iter().enumerate() {
        let hash = id_hash(seed, id.as_bytes());
        let (mut at, tag, id_bits) = slot_parts(hash, n_slots, crate::model::number(ty.ids.len()));
        while slots[at] != 0 {
            at = (at + 1) % n_slots;
        }
        let tag = u32::try_from(tag << id_bits).expect("a tag has the bits that a number leaves");
        slots[at] = tag | (crate::model::number(number) + 1);
    }
    slots
}
