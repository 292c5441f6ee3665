//! Results of a policy's tests as bytes.

use super::{
    Malformed, explanation,
    words::{Reader, Writer, count},
};
use crate::eval::policy_tests::{Failure, FailureKind, TestResult};

/// Numbers are never given twice.
const ASSERTION: u32 = 0;
const ERROR: u32 = 1;

pub(super) fn write(writer: &mut Writer<'_>, test: &TestResult) {
    let TestResult { name, file, line, n_passed, n_total: _, failures } = test;
    let n_passed = u32::try_from(*n_passed).expect("a policy has far fewer assertions than 2^32");
    writer.words([*line, n_passed, count(failures), 0]);
    writer.text(name);
    writer.text(file);
    for Failure { kind, file, line, assertion, message, explanation } in failures {
        let kind = match kind {
            FailureKind::Assertion => ASSERTION,
            FailureKind::Error => ERROR,
        };
        writer.words([kind, *line, u32::from(explanation.is_some()), 0]);
        [file, assertion, message].into_iter().for_each(|text| writer.text(text));
        explanation.iter().for_each(|explanation| explanation::write(writer, explanation));
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<TestResult, Malformed> {
    let [line, n_passed, n_failures, zero] = reader.words()?;
    reader.zero(zero)?;
    let (name, file) = (reader.text()?, reader.text()?);
    let failures = reader.items(n_failures, failure)?;
    let n_passed = n_passed as usize;
    Ok(TestResult { name, file, line, n_passed, n_total: n_passed.saturating_add(failures.len()), failures })
}

fn failure(reader: &mut Reader<'_>) -> Result<Failure, Malformed> {
    let [kind, line, is_explained, zero] = reader.words()?;
    reader.zero(zero)?;
    let is_explained = reader.flag(is_explained)?;
    let kind = match kind {
        ASSERTION => FailureKind::Assertion,
        ERROR => FailureKind::Error,
        _ => return reader.expected("a known kind of failure before this"),
    };
    let (file, assertion, message) = (reader.text()?, reader.text()?, reader.text()?);
    let explanation = if is_explained { Some(explanation::read(reader)?) } else { None };
    Ok(Failure { kind, file, line, assertion, message, explanation })
}
