//! Sets of types that a wildcard may stand for, interned, and what two of them have in common (polar.md §12.2).

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::term::Resolved;
use crate::{
    limits::TYPE_SETS_KEPT,
    model::{TypeId, number},
    rules::rule::Program,
};

/// What a free variable may be. Plain data; equal bounds are equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// A set of program types, `other` perhaps among them; number 0 is everything.
    Set(u32),
    /// Exactly this type, which the program doesn't name: only a query can ask for one.
    Foreign(TypeId),
}

/// Everything.
pub const ANYTHING: Bound = Bound::Set(0);

/// The sets of one instance. Bit `n` is program type `n`, the bit after the last type is `other`.
#[derive(Clone, Debug)]
pub struct Bounds {
    sets: Vec<Vec<u64>>,
    numbers: HashMap<Vec<u64>, u32, FixedState>,
    meets: HashMap<(u32, u32), Option<u32>, FixedState>,
    n_types: usize,
    /// The program's own sets: they are never forgotten.
    n_program: usize,
    type_of_class: Vec<TypeId>,
    class_of_type: HashMap<TypeId, usize, FixedState>,
}

impl Bounds {
    /// Interns the program's bounds in order, so that their numbers are the program's.
    /// `types`: number in the store of each program type.
    pub fn new(program: &Program, types: &[TypeId], seed: u64) -> Self {
        let state = FixedState::with_seed(seed);
        let mut bounds = Bounds {
            sets: Vec::new(),
            numbers: HashMap::with_hasher(state.clone()),
            meets: HashMap::with_hasher(state.clone()),
            n_types: types.len(),
            n_program: 0,
            type_of_class: types.to_vec(),
            class_of_type: HashMap::with_hasher(state),
        };
        for (class, ty) in types.iter().enumerate() {
            bounds.class_of_type.insert(*ty, class);
        }
        for bound in &program.bounds {
            let mut set = vec![0u64; types.len() / 64 + 1];
            for ty in &bound.types {
                set[ty.index() / 64] |= 1 << (ty.index() % 64);
            }
            if bound.other {
                set[types.len() / 64] |= 1 << (types.len() % 64);
            }
            if bounds.sets.is_empty() {
                set.fill(u64::MAX);
            }
            // Duplicates keep a place of their own: positions are the program's numbers.
            let number = number(bounds.sets.len());
            bounds.numbers.entry(set.clone()).or_insert(number);
            bounds.sets.push(set);
        }
        bounds.n_program = bounds.sets.len();
        bounds
    }

    /// Forgets what requests have added, where it is so much that remembering it costs more than it saves. Between requests.
    pub fn forget_excess(&mut self) {
        if self.sets.len() - self.n_program > TYPE_SETS_KEPT || self.meets.len() > TYPE_SETS_KEPT {
            for set in self.sets.drain(self.n_program..) {
                self.numbers.remove(&set);
            }
            self.meets = HashMap::with_hasher(self.meets.hasher().clone());
        }
    }

    fn intern(&mut self, set: Vec<u64>) -> u32 {
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = number(self.sets.len());
        self.numbers.insert(set.clone(), number);
        self.sets.push(set);
        number
    }

    /// The bound of a query variable of exactly this type.
    pub fn exact(&mut self, ty: TypeId) -> Bound {
        match self.class_of_type.get(&ty) {
            None => Bound::Foreign(ty),
            Some(class) => {
                let mut set = vec![0u64; self.n_types / 64 + 1];
                set[class / 64] |= 1 << (class % 64);
                Bound::Set(self.intern(set))
            }
        }
    }

    /// Is a value of this type in the bound?
    pub fn admits(&self, bound: Bound, ty: TypeId) -> bool {
        match bound {
            Bound::Set(0) => true,
            Bound::Foreign(foreign) => foreign == ty,
            Bound::Set(number) => {
                let class = self.class_of_type.get(&ty).copied().unwrap_or(self.n_types);
                self.sets[number as usize][class / 64] >> (class % 64) & 1 == 1
            }
        }
    }

    /// May both be the same value? Two that are free are only compared when they are made one.
    pub fn may_be(&self, a: Resolved, b: Resolved) -> bool {
        match (a, b) {
            (Resolved::Const(a), Resolved::Const(b)) => a == b,
            (Resolved::Const(value), Resolved::Free(_, bound)) | (Resolved::Free(_, bound), Resolved::Const(value)) => {
                self.admits(bound, value.ty)
            }
            (Resolved::Free(..), Resolved::Free(..)) => true,
        }
    }

    /// What both admit; `None` where that is nothing.
    pub fn meet(&mut self, a: Bound, b: Bound) -> Option<Bound> {
        match (a, b) {
            _ if a == b => Some(a),
            (Bound::Set(0), other) | (other, Bound::Set(0)) => Some(other),
            (Bound::Foreign(ty), set @ Bound::Set(_)) | (set @ Bound::Set(_), Bound::Foreign(ty)) => {
                self.admits(set, ty).then_some(Bound::Foreign(ty))
            }
            (Bound::Foreign(_), Bound::Foreign(_)) => None,
            (Bound::Set(a), Bound::Set(b)) => {
                let key = (a.min(b), a.max(b));
                if let Some(known) = self.meets.get(&key) {
                    return known.map(Bound::Set);
                }
                let common: Vec<u64> =
                    self.sets[a as usize].iter().zip(&self.sets[b as usize]).map(|(x, y)| x & y).collect();
                let met = common.iter().any(|word| *word != 0).then(|| self.intern(common));
                self.meets.insert(key, met);
                met.map(Bound::Set)
            }
        }
    }

    /// Does `wide` admit all that `narrow` admits?
    pub fn covers(&self, wide: Bound, narrow: Bound) -> bool {
        match (wide, narrow) {
            (Bound::Set(0), _) => true,
            (Bound::Set(_), Bound::Foreign(ty)) => self.admits(wide, ty),
            (Bound::Foreign(a), Bound::Foreign(b)) => a == b,
            (Bound::Foreign(_), Bound::Set(_)) => false,
            (Bound::Set(a), Bound::Set(b)) => {
                self.sets[b as usize].iter().zip(&self.sets[a as usize]).all(|(narrow, wide)| narrow & !wide == 0)
            }
        }
    }

    /// The one concrete type of the bound, if it has just one.
    pub fn only_type(&self, bound: Bound) -> Option<TypeId> {
        match bound {
            Bound::Foreign(ty) => Some(ty),
            Bound::Set(number) => {
                let mut members =
                    (0..=self.n_types).filter(|class| self.sets[number as usize][class / 64] >> (class % 64) & 1 == 1);
                let first = members.next()?;
                if members.next().is_some() { None } else { self.type_of_class.get(first).copied() }
            }
        }
    }
}
