//! Policy text → program: the whole walk, every pass named in order.

use std::collections::HashSet;

use crate::{
    analysis::{blocks, fact_types, fixtures, size, types::Types, warnings},
    limits::{FINDINGS_MAX, POLICY_BYTES_MAX, TYPES_MAX},
    rules::{
        items::{ItemKind, Items},
        lower::Lowering,
        rule::{Literal, Program, Term},
    },
    syntax::{
        ast::{Policy, Rule},
        diagnostic::{Diagnostic, Finding, Place, Related, Severity, Span},
        parser::parse,
    },
};

/// A policy file as given.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Name shown in messages.
    pub name: &'a str,
    /// UTF-8 text.
    pub text: &'a str,
}

/// What compiling gives.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The rules; absent if a diagnostic is an error.
    pub program: Option<Program>,
    /// The tree, for its tests.
    pub policy: Policy,
    /// Everything found, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Files and lines of the tree's spans.
    pub places: Places,
}

/// Where a span lies, for people.
#[derive(Clone, Debug, Default)]
pub struct Places {
    files: Vec<String>,
    lines: Vec<Vec<usize>>,
}

impl Places {
    fn new(sources: &[Source<'_>]) -> Self {
        Places {
            files: sources.iter().map(|source| source.name.to_owned()).collect(),
            lines: sources.iter().map(|source| line_starts(source.text)).collect(),
        }
    }

    /// Name of the source.
    pub fn file(&self, span: Span) -> &str {
        self.files.get(span.file as usize).map_or("", String::as_str)
    }

    /// Line from 1.
    pub fn line(&self, span: Span) -> u32 {
        crate::model::number(line_of(&self.lines, span.file, span.start))
    }
}

/// Compiles the sources as one policy. Never fails: what is wrong is in the diagnostics.
pub fn compile(sources: &[Source<'_>]) -> Compiled {
    let mut findings = Vec::new();
    let mut policy = Policy::default();
    let n_bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    if n_bytes > POLICY_BYTES_MAX {
        let message = format!("the policy has {n_bytes} bytes: the limit is {POLICY_BYTES_MAX}");
        let finding = Finding::error("policy-size", Span::default(), message);
        findings.push(finding.help("write what differs only in names as facts"));
    } else {
        for (file, source) in sources.iter().enumerate() {
            parse(crate::model::number(file), source.text, &mut policy, &mut findings);
        }
    }
    let places = Places::new(sources);
    let (program, _) = check_and_lower(&policy, &[], &places, &mut findings);
    let has_error = findings.iter().any(|finding| finding.severity == Severity::Error);
    let diagnostics = placed(findings, sources, &places.lines);
    Compiled { program: (!has_error).then_some(program), policy, diagnostics, places }
}

/// What can't be read of the sources; names and types are not looked at.
pub fn syntax_errors(sources: &[Source<'_>]) -> Vec<Diagnostic> {
    let (mut policy, mut findings) = (Policy::default(), Vec::new());
    for (file, source) in sources.iter().enumerate() {
        parse(crate::model::number(file), source.text, &mut policy, &mut findings);
    }
    placed(findings, sources, &Places::new(sources).lines)
}

/// Everything there is to say about the sources: the errors, or, where there are none, the warnings.
pub fn check(sources: &[Source<'_>]) -> Vec<Diagnostic> {
    compile_and_warn(sources).diagnostics
}

/// Compiles, and where there are no errors looks for warnings, which are all of the diagnostics then.
pub fn compile_and_warn(sources: &[Source<'_>]) -> Compiled {
    let mut compiled = compile(sources);
    if let Some(program) = &compiled.program {
        let (policy, places) = (&compiled.policy, &compiled.places);
        let mut findings = Vec::new();
        let mut types = Types::new(policy, &mut findings);
        let declarations = blocks::declarations(policy, &types, &mut findings);
        let shorthand = blocks::expand(policy, &types, &declarations, &mut findings);
        let checked = warnings::Checked {
            policy,
            expanded: &shorthand,
            declarations: &declarations,
            program,
            line: &|span| places.line(span),
        };
        warnings::find(&checked, &mut types, &mut findings);
        compiled.diagnostics = placed(findings, sources, &places.lines);
    }
    compiled
}

/// The program of a checked policy with more rules, and what its rules were written as; the added ones count as nothing.
/// `Err`: what is wrong with the added rules.
pub fn with_rules(policy: &Policy, places: &Places, more: &[Rule]) -> Result<(Program, Items), String> {
    let mut findings = Vec::new();
    let compiled = check_and_lower(policy, more, places, &mut findings);
    let error = findings.into_iter().find(|finding| finding.severity == Severity::Error);
    error.map_or(Ok(compiled), |error| Err(error.message))
}

fn check_and_lower(policy: &Policy, more: &[Rule], places: &Places, findings: &mut Vec<Finding>) -> (Program, Items) {
    if policy.blocks.len() > TYPES_MAX {
        let message = format!("the policy has {} blocks: the limit is {TYPES_MAX}", policy.blocks.len());
        findings.push(Finding::error("types", policy.blocks[TYPES_MAX].name.span, message).help("use fewer types"));
        return (Program::default(), Items::default());
    }
    fixtures::check(policy, findings);
    let mut types = Types::new(policy, findings);
    if types.is_full() {
        return (Program::default(), Items::default());
    }
    let declarations = blocks::declarations(policy, &types, findings);
    let shorthand = blocks::expand(policy, &types, &declarations, findings);
    if let Err(finding) = size::check(policy.rules.iter().chain(&shorthand).chain(more)) {
        findings.push(finding);
        return (Program::default(), Items::default());
    }
    let line = |span: Span| places.line(span);
    let mut lowering = Lowering::new(&mut types, findings, &line);
    let written = |rule: &Rule| if rule.body.is_some() { ItemKind::Rule } else { ItemKind::PolicyFact };
    let rules = policy.rules.iter().map(|rule| (rule, written(rule)));
    for (rule, kind) in rules.chain(shorthand.iter().map(|rule| (rule, ItemKind::Shorthand))) {
        lowering.rule(rule, Some(kind));
        if lowering.types.list.len() > TYPES_MAX {
            let message = format!("the policy names more than {TYPES_MAX} types");
            let finding = Finding::error("types", rule.head.name.span, message);
            lowering.findings.push(finding.help("use fewer types"));
            return (Program::default(), Items::default());
        }
        if lowering.types.is_full() {
            lowering.findings.push(Types::too_many(rule.head.name.span));
            return (Program::default(), Items::default());
        }
    }
    if !policy.rules.iter().any(|rule| rule.head.name.text == "allow") {
        lowering.default_allow(3);
        lowering.default_allow(2);
    }
    for rule in more {
        lowering.rule(rule, None);
    }
    let Lowering { constants, predicates, rules, items, .. } = lowering;
    let mut program = Program {
        types: Vec::new(),
        bounds: Vec::new(),
        constants,
        predicates,
        rules,
        metadata: declarations.into_iter().collect(),
        fact_types: Vec::new(),
        split_hints: Vec::new(),
        files: places.files.clone(),
    };
    program.fact_types = fact_types::of_rules(&program, &mut |set| types.intern(set));
    for (name, args) in &policy.declarations {
        let args = args.iter().map(|ty| types.annotation(&ty.text)).collect();
        program.fact_types.push(crate::rules::rule::FactType { predicate: name.text.clone(), args });
    }
    program.split_hints = split_hints(&program);
    types.close();
    if types.is_full() {
        let last = policy.rules.last().map_or(Span::default(), |rule| rule.head.name.span);
        findings.push(Types::too_many(last));
    }
    program.types = types.list;
    program.bounds = types.bounds;
    (program, items)
}

/// Positions of predicates where every use has a String literal.
fn split_hints(program: &Program) -> Vec<(String, u8, u8)> {
    // By predicate: not used yet, or for each position whether every use so far has one.
    let mut is_split: Vec<Option<Vec<bool>>> = vec![None; program.predicates.len()];
    for rule in &program.rules {
        let calls = rule.body.iter().filter_map(|literal| match literal {
            Literal::Call { predicate, args } | Literal::Not { predicate, args } => Some((predicate, args)),
            _ => None,
        });
        for (used, args) in calls.chain([(&rule.head, &rule.args)]) {
            let is_string = |term: &Term| match term {
                Term::Const(id) => program.constants[id.index()].ty.index() == 0,
                Term::Var(_) | Term::Now => false,
            };
            let so_far = is_split[used.index()].get_or_insert_with(|| vec![true; args.len()]);
            so_far.iter_mut().zip(args).for_each(|(is_split, term)| *is_split &= is_string(term));
        }
    }
    let mut hints = Vec::new();
    for (predicate, is_split) in program.predicates.iter().zip(is_split).filter(|(p, _)| !p.auxiliary) {
        for (position, _) in is_split.iter().flatten().enumerate().filter(|(_, is_split)| **is_split) {
            hints.push((
                predicate.name.clone(),
                predicate.arity,
                u8::try_from(position).expect("positions are fewer than `ARITY_MAX`"),
            ));
        }
    }
    hints
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Line from 1.
fn line_of(lines: &[Vec<usize>], file: u32, at: u32) -> usize {
    lines.get(file as usize).map_or(1, |starts| starts.partition_point(|start| *start <= at as usize)).max(1)
}

/// The position of a byte, for people.
fn position(file: u32, at: u32, sources: &[Source<'_>], lines: &[Vec<usize>]) -> Place {
    let line = line_of(lines, file, at);
    let mut place = Place { file: String::new(), line: crate::model::number(line), column: 1 };
    if let (Some(source), Some(starts)) = (sources.get(file as usize), lines.get(file as usize)) {
        place.file = source.name.to_owned();
        let start = starts.get(line - 1).copied().unwrap_or(0);
        place.column = crate::model::number(source.text.get(start..at as usize).map_or(0, columns)) + 1;
    }
    place
}

/// Characters of a line's beginning; a byte order mark is none.
fn columns(text: &str) -> usize {
    text.chars().filter(|c| *c != '\u{feff}').count()
}

/// Findings as people read them: sorted by place, each once.
fn placed(mut findings: Vec<Finding>, sources: &[Source<'_>], lines: &[Vec<usize>]) -> Vec<Diagnostic> {
    findings.sort_by_key(|finding| finding.span);
    // A rule whose body has several ways is looked at once for each.
    let mut seen = HashSet::new();
    findings.retain(|finding| seen.insert((finding.span, finding.code, finding.message.clone())));
    if let Some(next) = findings.get(FINDINGS_MAX).cloned() {
        let message = format!("more than {FINDINGS_MAX} findings: the others are left out");
        findings.truncate(FINDINGS_MAX);
        let rest = Finding { severity: next.severity, ..Finding::error("findings", next.span, message) };
        findings.push(rest.help("the first ones may explain the others"));
    }
    let ends =
        |span: Span| (position(span.file, span.start, sources, lines), position(span.file, span.end, sources, lines));
    let diagnostic = |finding: Finding| {
        let Finding { severity, code, span, message, help, related } = finding;
        let (place, end) = ends(span);
        let related = related.into_iter().map(|(span, message)| {
            let (place, end) = ends(span);
            Related { span, place, end, message }
        });
        Diagnostic { severity, code, span, place, end, message, help, related: related.collect() }
    };
    findings.into_iter().map(diagnostic).collect()
}
