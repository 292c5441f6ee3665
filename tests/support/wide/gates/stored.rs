//! Gates whose width is that of facts, ids and requests.

use understudy_core::{
    limits::ID_BYTES_MAX,
    model::{Ask, Constraint, Fact, Pattern, Value},
};

use super::{Maker, digits, joined, number, text, value};
use crate::wide::Question;

impl Maker<'_> {
    /// Facts of the predicate `own`: the first of those who pass has all, the others have the marks.
    fn possessions(&mut self, thing: impl Fn(usize) -> Value, is_last: bool) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (number, value) in self.everyone().into_iter().enumerate() {
            let wrong = self.wrong_place(&value);
            let places = if number == 0 { (0..self.size).collect() } else { self.marks.clone() };
            for at in places.into_iter().filter(|at| wrong != Some(*at)) {
                let args = if is_last { vec![thing(at), value.clone()] } else { vec![value.clone(), thing(at)] };
                facts.push(self.fact("own", args));
            }
        }
        facts
    }

    fn possessed(&self, thing: impl Fn(usize) -> String, is_last: bool) -> String {
        self.rule(&joined(self.marks.clone().into_iter(), " and ", |at| match is_last {
            true => format!("$_own({}, x)", thing(at)),
            false => format!("$_own(x, {})", thing(at)),
        }))
    }

    pub(super) fn stored_types(&mut self) -> String {
        let of = |at: usize| format!("S{}", digits(at));
        let facts = self.possessions(|at| value(&of(at), "v"), false);
        self.facts.extend(facts);
        let first = Pattern::Exact(self.good[0].clone());
        self.ask("own", vec![first.clone(), Pattern::Any], self.size);
        for at in self.marks.clone() {
            self.ask("own", vec![first.clone(), Pattern::Type(of(at))], 1);
        }
        self.possessed(|at| format!("{}{{\"v\"}}", of(at)), false)
    }

    pub(super) fn facts_of_one_key(&mut self) -> String {
        let is_last = self.random.chance(50);
        let facts = self.possessions(|at| value("W", digits(at)), is_last);
        self.facts.extend(facts);
        let mut args = vec![Pattern::Exact(self.good[0].clone()), Pattern::Any];
        if is_last {
            args.reverse();
        }
        self.ask("own", args, self.size);
        self.possessed(|at| format!("W{{\"{}\"}}", digits(at)), is_last)
    }

    pub(super) fn ids(&mut self) -> String {
        for at in 0..self.size {
            self.put("id", vec![value("W", digits(at))]);
        }
        for who in self.everyone() {
            let wrong = self.wrong_place(&who);
            for at in self.marks.clone() {
                let of = if wrong == Some(at) { self.size + at } else { at };
                self.put("has", vec![who.clone(), number(at), value("W", digits(of))]);
            }
        }
        self.ask("id", vec![Pattern::Any], self.size);
        let ways = joined(self.marks.clone().into_iter(), " and ", |at| {
            format!("$_has(x, \"{}\", w{at}) and $_id(w{at})", digits(at))
        });
        self.rule(&ways)
    }

    /// No value is over the limit; a literal of a policy that is fits none, that of its first bytes neither.
    pub(super) fn id_bytes(&mut self, is_over: bool) -> String {
        let id = |n: usize, last: char| format!("{}{last}", "i".repeat(n - 1));
        let wanted = id(self.size, 'z');
        for value in self.everyone() {
            let is_bad = self.wrong_place(&value).is_some();
            let others = [id(ID_BYTES_MAX, 'i'), id((self.size - 1) % 256 + 1, 'z'), id(ID_BYTES_MAX, 'y')];
            let other = self.random.pick(&others).clone();
            match (is_bad, is_over) {
                (true, _) if other != wanted => self.put("long", vec![value, text(other.as_str())]),
                (true, _) => {}
                (false, false) => self.put("long", vec![value, text(wanted.as_str())]),
                (false, true) => self.put("pass", vec![value]),
            }
        }
        let pass = format!("{0}(x) if {0}_pass(x);\n", self.name);
        pass + &self.rule(&format!("$_long(x, \"{wanted}\")"))
    }

    pub(super) fn context_facts(&mut self) -> String {
        // As many as wanted, those of the marks among them.
        let mut facts = self.possessions(|at| value("W", digits(at)), false);
        let stored = facts.split_off(self.size);
        self.context = facts;
        self.facts.extend(stored);
        self.possessed(|at| format!("W{{\"{}\"}}", digits(at)), false)
    }

    pub(super) fn request_ids(&mut self, is_over: bool) -> String {
        for at in self.marks.clone().into_iter().chain([self.size]) {
            self.put("s", vec![value("W", digits(at))]);
        }
        let ids = Some((0..self.size).map(digits).collect());
        let constraints = vec![("w".to_owned(), Constraint { type_name: "W".into(), ids })];
        let ask = Ask::Evaluate { calls: vec![(self.own("s"), vec!["w".to_owned()])], constraints };
        let n_rows = Some(self.marks.len());
        self.questions.push(Question { ask, is_of_the_small: false, n_rows, is_over });
        let good = self.good.clone();
        good.into_iter().for_each(|value| self.put("pass", vec![value]));
        self.rule("$_pass(x)")
    }
}
