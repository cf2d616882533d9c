//! `workspace-key`: which registry a directory has.

use std::path::PathBuf;

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, Field, Row};

/// Print the key of the workspace and the directory of its registry
///
/// Prints KEY REGISTRY-DIRECTORY. Linked git worktrees have the key of the main one. Makes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

struct KeyRow {
    key: String,
    registry: PathBuf,
    root: PathBuf,
}

impl Row for KeyRow {
    const KIND: &'static str = "workspace";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("key", |row| row.key.as_str().into()),
        Field::column("registry", |row| row.registry.clone().into()),
        Field::full("root", |row| row.root.clone().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let workspace = registry.workspace();
    let row = KeyRow { key: workspace.key(), registry: registry.dir().to_owned(), root: workspace.root.clone() };
    cli.printer(&args.output)?.one(&row)?;
    Ok(Exit::Done)
}
