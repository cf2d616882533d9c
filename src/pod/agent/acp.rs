//! `acp`: any agent that speaks the Agent Client Protocol, version 1, on standard input and output.

use super::{Agent, Stage, StartError, Surroundings, Turn, TurnError};
use crate::domain::AcpSpec;

/// The agent.
pub(super) struct Acp {
    _spec: AcpSpec,
    _surroundings: Surroundings,
}

impl Acp {
    pub(super) fn new(spec: AcpSpec, surroundings: Surroundings) -> Self {
        Self { _spec: spec, _surroundings: surroundings }
    }
}

impl Agent for Acp {
    fn start(&mut self) -> Result<(), StartError> {
        Err(StartError("not there yet".to_owned()))
    }

    fn turn(&mut self, _: &Turn, _: &dyn Stage) -> Result<(), TurnError> {
        Err(TurnError::Failed("not there yet".to_owned()))
    }
}
