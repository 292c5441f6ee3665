//! Which environment a request is for: its key alone says so.

use std::{sync::Arc, time::Instant};

use super::{environment::Environment, test_environments::TestEnvironments};
use crate::keys::{KeyRefusal, Right, has_form};

/// Every environment of a primary.
pub struct Environments {
    /// Those of the keys given at start; the first is the main one, which files and copies are of.
    lasting: Vec<Arc<Environment>>,
    /// Those that are thrown away.
    pub tests: TestEnvironments,
}

impl Environments {
    /// `main` and `others` have different names.
    pub fn new(main: Environment, others: Vec<Environment>, tests: TestEnvironments) -> Self {
        Environments { lasting: std::iter::once(main).chain(others).map(Arc::new).collect(), tests }
    }

    /// The one that is asked where no key says which.
    pub fn main(&self) -> &Arc<Environment> {
        &self.lasting[0]
    }

    /// The environment of a key, and what the key may do there.
    pub fn of(&self, bearer: Option<&str>) -> Result<(Arc<Environment>, Right), KeyRefusal> {
        let bearer = bearer.filter(|text| !text.is_empty()).ok_or(KeyRefusal::Missing)?;
        // The name of an environment is no secret: only its own keys are compared.
        let named = self.lasting.iter().find(|environment| has_form(environment.id(), bearer)).cloned();
        let environment = named.or_else(|| self.tests.of(bearer, Instant::now())).ok_or(KeyRefusal::NotOfThePrimary)?;
        let right = environment.state.keys.check(Some(bearer))?;
        Ok((environment, right))
    }

    /// Those of the keys given at start.
    pub fn lasting(&self) -> impl Iterator<Item = &Environment> {
        self.lasting.iter().map(|environment| &**environment)
    }

    /// What keeps writes from the disk or snapshots from nodes, for people; `None`: nothing.
    pub fn trouble(&self) -> Option<String> {
        self.lasting.iter().find_map(|environment| environment.ledger.health().trouble())
    }

    /// Ends what runs by itself. Blocks.
    pub fn close(&self) {
        self.lasting.iter().for_each(|environment| environment.close());
        self.tests.close();
    }
}
