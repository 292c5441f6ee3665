//! Steps of a dialogue, taken by an instance.

use understudy_calls::dialogue::{Step, Told};
use understudy_core::{
    model::AskError,
    raw::{Call, Refusal, Reply},
    vocabulary::Vocabulary,
};

use super::instance::{Failure, Instance};

/// What comes of one step. `units_left`: of the whole dialogue, of which its questions spend. `quick_units`: most that a question
/// may spend where checks wait. `None`: that is not enough.
pub fn take(
    instance: &mut Instance,
    step: Step,
    units_left: &mut u64,
    quick_units: Option<u64>,
) -> Result<Option<Told>, Failure> {
    match step {
        Step::Skip => Ok(Some(Told::Skipped)),
        Step::Names(vocabulary) => names(instance, vocabulary, quick_units.is_some()),
        // Reasons take long: nobody's check stands behind them.
        Step::Explain(_) if quick_units.is_some() => Ok(None),
        Step::Explain(request) => match instance.call(&Call::Summarize(request)) {
            Ok(Reply::Reasons(reasons)) => Ok(Some(Told::Reasons(Some(reasons.lines)))),
            Ok(_) => Err(another_kind()),
            Err(Failure::Refused(Refusal::Ask(_))) => Ok(Some(Told::Reasons(None))),
            Err(failure) => Err(failure),
        },
        Step::Ask(mut request) => {
            let asked = request.budget.min(*units_left);
            request.budget = quick_units.map_or(asked, |units| units.min(asked));
            let is_cut = request.budget < asked;
            let told = match instance.call(&Call::Ask(request)) {
                Ok(Reply::Answer(answer)) => Told::Answer(answer),
                Ok(_) => return Err(another_kind()),
                Err(Failure::Refused(Refusal::Ask(AskError::Budget { .. }))) if is_cut => return Ok(None),
                Err(Failure::Refused(Refusal::Ask(error))) => Told::Failed(error),
                Err(failure) => return Err(failure),
            };
            *units_left = units_left.saturating_sub(instance.spent()?);
            Ok(Some(told))
        }
    }
}

/// Arguments are the rules' alone, few and the same for as long as the instance lives; all else is read from every fact.
fn names(instance: &mut Instance, vocabulary: Vocabulary, is_quick: bool) -> Result<Option<Told>, Failure> {
    let is_rules_own = matches!(vocabulary, Vocabulary::Arguments { .. });
    if let Some((_, names)) = instance.arguments().iter().find(|(known, _)| *known == vocabulary) {
        return Ok(Some(Told::Names(names.clone())));
    }
    if is_quick && !is_rules_own {
        return Ok(None);
    }
    let Reply::Names(names) = instance.call(&Call::Names(vocabulary.clone()))? else { return Err(another_kind()) };
    if is_rules_own {
        instance.remember_arguments(vocabulary, names.clone());
    }
    Ok(Some(Told::Names(names)))
}

fn another_kind() -> Failure {
    Failure::Nonsense("another kind of answer".into())
}
