//! Gates: predicates that a few values pass, each by a structure as wide as wanted.

mod stored;

use understudy_core::model::{Ask, Fact, Pattern, Value};

use super::{Name, Padding, Question};
use crate::random::Random;

/// A gate as text and facts.
pub(super) struct Gate {
    /// The predicate of one argument.
    pub(super) name: String,
    /// Rules and blocks.
    pub(super) policy: String,
    /// What is stored.
    pub(super) facts: Vec<Fact>,
    /// What the request brings.
    pub(super) context: Vec<Fact>,
    /// Values that pass, as written.
    pub(super) good: Vec<String>,
    /// Questions of its own.
    pub(super) questions: Vec<Question>,
}

/// Values of the small worlds.
const VALUES: [(&str, &str); 6] = [("U", "a"), ("U", "b"), ("D", "1"), ("D", "2"), ("E", "1"), ("X", "a")];

fn value(type_name: &str, id: impl Into<String>) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn text(id: impl Into<String>) -> Value {
    value("String", id)
}

/// Numbers in an order that is that of their texts, too.
fn digits(at: usize) -> String {
    format!("{at:06}")
}

fn number(at: usize) -> Value {
    text(digits(at))
}

/// The end that a label leads to: another for a label whose number differs by 2^8 or 2^16.
fn end(at: usize) -> String {
    format!("e{}", at % 7)
}

fn joined(places: impl Iterator<Item = usize>, separator: &str, item: impl Fn(usize) -> String) -> String {
    places.map(item).collect::<Vec<_>>().join(separator)
}

struct Maker<'r> {
    name: String,
    size: usize,
    /// Places below `size` that matter: the ends and those where a number wraps.
    marks: Vec<usize>,
    good: Vec<Value>,
    /// Values that don't pass, each with the place that is wrong.
    bad: Vec<(Value, usize)>,
    facts: Vec<Fact>,
    questions: Vec<Question>,
    context: Vec<Fact>,
    random: &'r mut Random,
}

/// The gate of a padding.
pub(super) fn of(at: usize, padding: &Padding, random: &mut Random) -> Gate {
    let size = padding.size;
    let near = [0, 1, 254, 255, 256, 257, 65_534, 65_535, 65_536, 65_537, size % 256, size - 2, size - 1];
    let mut marks: Vec<usize> = near.into_iter().filter(|mark| *mark < size).collect();
    marks.sort_unstable();
    marks.dedup();
    let mut values: Vec<Value> = VALUES.iter().map(|(ty, id)| value(ty, *id)).collect();
    let mut take = |n: usize, random: &mut Random| {
        (0..n).map(|_| values.swap_remove(random.below(values.len()))).collect::<Vec<_>>()
    };
    let (n_good, n_bad) = (1 + random.below(2), 1 + random.below(2));
    let good = take(n_good, random);
    let wrong = take(n_bad, random);
    // The last place is wrong as often as all others.
    let bad = wrong.into_iter().map(|value| {
        let last = size - 1;
        (value, if random.chance(50) { last } else { *random.pick(&marks[1..]) })
    });
    let bad = bad.collect();
    let mut maker = Maker {
        name: format!("gate{at}"),
        size,
        marks,
        good,
        bad,
        facts: Vec::new(),
        questions: Vec::new(),
        context: Vec::new(),
        random,
    };
    let policy = maker.policy(padding);
    let written = |value: &Value| format!("{}{{\"{}\"}}", value.type_name(), value.id());
    let good = maker.good.iter().map(written).collect();
    let Maker { name, facts, questions, context, .. } = maker;
    Gate { name, policy, facts, context, good, questions }
}

impl Maker<'_> {
    fn policy(&mut self, padding: &Padding) -> String {
        for value in self.everyone() {
            self.put("base", vec![value]);
        }
        match padding.dimension {
            Name::Conditions => self.conditions(padding.is_over()),
            Name::Variables => self.variables(padding.is_over()),
            Name::Arguments => self.arguments(),
            Name::OuterVariables => self.outer_variables(),
            Name::Labels => self.labels(),
            Name::Branches => self.branches(),
            Name::Elements => self.elements(),
            Name::Rules => self.rules(),
            Name::Predicates => self.predicates(),
            Name::Types => self.types(),
            Name::StoredTypes => self.stored_types(),
            Name::FactsOfOneKey => self.facts_of_one_key(),
            Name::Ids => self.ids(),
            Name::IdBytes => self.id_bytes(padding.is_over()),
            Name::ContextFacts => self.context_facts(),
            Name::RequestIds => self.request_ids(padding.is_over()),
        }
    }

    fn everyone(&self) -> Vec<Value> {
        self.good.iter().chain(self.bad.iter().map(|(value, _)| value)).cloned().collect()
    }

    /// What is wrong of a value that must not pass.
    fn wrong_place(&self, value: &Value) -> Option<usize> {
        self.bad.iter().find(|(bad, _)| bad == value).map(|(_, place)| *place)
    }

    /// The gate's own predicate of this name.
    fn own(&self, predicate: &str) -> String {
        format!("{}_{predicate}", self.name)
    }

    fn fact(&self, predicate: &str, args: Vec<Value>) -> Fact {
        Fact { predicate: self.own(predicate), args }
    }

    fn put(&mut self, predicate: &str, args: Vec<Value>) {
        let fact = self.fact(predicate, args);
        self.facts.push(fact);
    }

    fn ask(&mut self, predicate: &str, args: Vec<Pattern>, n_rows: usize) {
        let ask = Ask::Query { predicate: self.own(predicate), args };
        self.questions.push(Question { ask, is_of_the_small: false, n_rows: Some(n_rows), is_over: false });
    }

    /// `gate(x) if gate_base(x) and …;`, `$` in it being the gate's name.
    fn rule(&self, conditions: &str) -> String {
        format!("$(x) if $_base(x) and {conditions};\n").replace('$', &self.name)
    }

    /// Marks other than the first.
    fn later_marks(&self) -> impl Iterator<Item = usize> + use<> {
        self.marks.clone().into_iter().filter(|mark| *mark > 0)
    }

    fn conditions(&mut self, is_over: bool) -> String {
        // The first condition is `base`.
        let places = 1..self.size;
        let negated: Vec<bool> = (0..self.size).map(|_| self.random.chance(4)).collect();
        let text = self.rule(&joined(places.clone(), " and ", |at| {
            let (not, of) = if negated[at] { ("not ", "n") } else { ("", "c") };
            format!("{not}$_{of}(x, \"{}\")", digits(at))
        }));
        if is_over {
            return text;
        }
        for value in self.everyone() {
            let wrong = self.wrong_place(&value);
            for at in places.clone() {
                match (negated[at], wrong == Some(at)) {
                    (false, false) => self.put("c", vec![value.clone(), number(at)]),
                    (true, true) => self.put("n", vec![value.clone(), number(at)]),
                    _ => {}
                }
            }
        }
        text
    }

    fn variables(&mut self, is_over: bool) -> String {
        let last = self.size - 1;
        let walk = joined(1..last, " and ", |at| format!("$_e(v{at}, v{})", at + 1));
        let known = joined(self.later_marks(), " and ", |at| format!("v{at} = \"{}\"", digits(at)));
        let text = self.rule(&format!("$_start(x, v1) and {walk} and {known} and $_end(x, v{last})"));
        if is_over {
            return text;
        }
        for at in 1..last {
            self.put("e", vec![number(at), number(at + 1)]);
        }
        for value in self.everyone() {
            let wrong = self.wrong_place(&value);
            let ends = if wrong.is_some() { *self.random.pick(&[last - 1, last % 256 + 1000, last + 1]) } else { last };
            self.put("start", vec![value.clone(), number(1)]);
            self.put("end", vec![value, number(ends)]);
        }
        text
    }

    /// Conditions that bind `a1` and so on, and facts for them.
    fn bound_arguments(&mut self) -> String {
        for value in self.everyone() {
            for at in (1..self.size).take(600) {
                self.put("arg", vec![value.clone(), number(at), text(format!("v{at}"))]);
            }
        }
        joined(1..self.size, " and ", |at| format!("$_arg(x, \"{}\", a{at})", digits(at)))
    }

    fn arguments(&mut self) -> String {
        let bound = self.bound_arguments();
        let args = joined(1..self.size, ", ", |at| format!("a{at}"));
        let wanted = joined(self.later_marks(), " and ", |at| format!("$_want(x, \"{}\", a{at})", digits(at)));
        for value in self.everyone() {
            let wrong = self.wrong_place(&value);
            for at in self.later_marks() {
                let known = if wrong == Some(at) { at - 1 } else { at };
                self.put("want", vec![value.clone(), number(at), text(format!("v{known}"))]);
            }
        }
        let all = format!("$_all(x, {args}) if $_base(x) and {bound};\n").replace('$', &self.name);
        all + &self.rule(&format!("$_all(x, {args}) and {wanted}"))
    }

    fn outer_variables(&mut self) -> String {
        // `x` is one of them.
        let bound = self.bound_arguments();
        let marks: Vec<usize> = self.later_marks().collect();
        let used = joined(1..self.size, " and ", |at| format!("$_on(a{at})"));
        let off = joined(marks.iter().copied(), " and ", |at| format!("$_off(x, \"{}\", a{at})", digits(at)));
        for at in (1..self.size).take(600) {
            self.put("on", vec![text(format!("v{at}"))]);
        }
        for value in self.everyone() {
            let is_bad = self.wrong_place(&value).is_some();
            let but = *self.random.pick(&marks);
            for at in marks.clone() {
                let known = if !is_bad && at == but { at - 1 } else { at };
                self.put("off", vec![value.clone(), number(at), text(format!("v{known}"))]);
            }
        }
        self.rule(&format!("{bound} and not ({off} and {used})"))
    }

    fn labels(&mut self) -> String {
        let label = |at: usize| text(format!("label-{}", digits(at)));
        for (number, value) in self.everyone().into_iter().enumerate() {
            let wrong = self.wrong_place(&value);
            let places = if number == 0 { (0..self.size).collect() } else { self.marks.clone() };
            for at in places {
                // A wrong one leads where the label does that this one would be taken for.
                let wrapped = if at < 256 { at + 1 } else { at % 256 };
                let leads_to = end(if wrong == Some(at) { wrapped } else { at });
                self.put("l", vec![value.clone(), label(at), self::value("W", leads_to)]);
            }
        }
        let args = vec![Pattern::Exact(self.good[0].clone()), Pattern::Any, Pattern::Type("W".into())];
        self.ask("l", args, self.size);
        let n_holders = self.everyone().len();
        for at in self.marks.clone() {
            let args = vec![Pattern::Any, Pattern::Exact(label(at)), Pattern::Any];
            self.ask("l", args, n_holders);
        }
        let args = vec![Pattern::Exact(self.good[0].clone()), Pattern::Exact(label(self.size)), Pattern::Any];
        self.ask("l", args, 0);
        // Where a rule takes any label, relations are not split by them.
        let any =
            if self.random.chance(50) { "$_any(l) if $_l(_, l, _);\n".replace('$', &self.name) } else { "".into() };
        let ways = joined(self.marks.clone().into_iter(), " and ", |at| {
            format!("$_l(x, \"label-{}\", W{{\"{}\"}})", digits(at), end(at))
        });
        any + &self.rule(&ways)
    }

    /// Facts for alternatives that `k` may be one of; who is bad has one over.
    fn picks(&mut self) {
        for value in self.everyone() {
            let is_bad = self.wrong_place(&value).is_some();
            let of = if is_bad { self.size + self.random.below(3) } else { *self.random.pick(&self.marks) };
            self.put("pick", vec![value, number(of)]);
        }
        for at in self.marks.clone().into_iter().chain([self.size]) {
            self.put("some", vec![number(at)]);
        }
        self.ask("k", vec![Pattern::Any], self.marks.len());
    }

    fn branches(&mut self) -> String {
        self.picks();
        let ways = joined(0..self.size, " or ", |at| format!("k = \"{}\"", digits(at)));
        format!("$_k(k) if $_some(k) and ({ways});\n").replace('$', &self.name) + &self.picked()
    }

    fn elements(&mut self) -> String {
        self.picks();
        let elements = joined(0..self.size, ", ", |at| format!("\"{}\"", digits(at)));
        format!("$_k(k) if $_some(k) and k in [{elements}];\n").replace('$', &self.name) + &self.picked()
    }

    fn rules(&mut self) -> String {
        self.picks();
        let rules = joined(0..self.size, "", |at| format!("$_k(\"{0}\") if $_some(\"{0}\");\n", digits(at)));
        rules.replace('$', &self.name) + &self.picked()
    }

    fn predicates(&mut self) -> String {
        self.picks();
        let own = joined(0..self.size, "", |at| format!("$_p{at}(\"{0}\") if $_some(\"{0}\");\n", digits(at)));
        let ways = joined(self.marks.clone().into_iter(), "", |at| format!("$_k(k) if $_p{at}(k);\n"));
        (own + &ways).replace('$', &self.name) + &self.picked()
    }

    /// Who has picked one of the alternatives, of which some are facts.
    fn picked(&self) -> String {
        self.rule("$_pick(x, k) and $_k(k)")
    }

    fn types(&mut self) -> String {
        let of = |at: usize| format!("T{}", digits(at));
        for value in self.everyone() {
            let wrong = self.wrong_place(&value);
            for at in self.marks.clone() {
                let wrapped = if at >= 256 { at % 256 } else { self.size };
                let ty = of(if wrong == Some(at) { wrapped } else { at });
                self.put("of", vec![value.clone(), number(at), self::value(&ty, "v")]);
            }
        }
        let all = joined(0..self.size, "", |at| format!("$_all(t) if $_of(_, _, t) and t matches {};\n", of(at)));
        let ways = joined(self.marks.clone().into_iter(), " and ", |at| {
            format!("$_of(x, \"{}\", t{at}) and t{at} matches {}", digits(at), of(at))
        });
        all.replace('$', &self.name) + &self.rule(&ways)
    }
}
