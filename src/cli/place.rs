//! Where a command line works, which every command that it prints repeats: else that one would work elsewhere.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use super::Program;
use super::args::GlobalArgs;
use super::quote;

/// The options by which a command line says where it works, as they were given: `-C` and `--data-dir`.
#[derive(Debug, Clone, Default)]
pub struct Place {
    options: Vec<OsString>,
}

impl Place {
    pub(super) fn of(global: &GlobalArgs) -> Self {
        let mut options = Vec::new();
        for (option, value) in [("-C", &global.directory), ("--data-dir", &global.data_dir)] {
            options.extend(value.iter().flat_map(|value| [option.into(), value.clone().into_os_string()]));
        }
        Self { options }
    }

    /// A command in one line that a shell reads back as these words; one of ours works in this place.
    pub fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> String {
        self.put_into(&quote::command(words)).into_owned()
    }

    /// The same for a line that [`quote::command`] wrote.
    pub(super) fn put_into<'a>(&self, line: &'a str) -> Cow<'a, str> {
        // The names of the programs need no quotes, so that they stand there as they are.
        let program = line.split(' ').next().unwrap_or_default();
        let is_ours = [Program::Porcelain, Program::Plumbing].iter().any(|ours| ours.name() == program);
        if self.options.is_empty() || !is_ours {
            return Cow::Borrowed(line);
        }
        let rest = &line[program.len()..];
        Cow::Owned(format!("{program} {}{rest}", quote::command(&self.options)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_ours_works_where_the_one_that_prints_it_does() {
        let place = Place::of(&GlobalArgs { directory: Some("a b".into()), data_dir: Some("d".into()) });
        assert_eq!(place.command(["yoi", "why", "T'"]), "yoi -C 'a b' --data-dir d why \"T'\"");
        assert_eq!(place.command(["yoi-claim", "gc"]), "yoi-claim -C 'a b' --data-dir d gc");
        assert_eq!(place.command(["yoi"]), "yoi -C 'a b' --data-dir d");
        assert_eq!(place.command(["mv", "-n", "--", "yoi"]), "mv -n -- yoi");
        assert_eq!(place.put_into("set profile = \"x\""), "set profile = \"x\"");
        assert_eq!(Place::default().command(["yoi", "why", "T"]), "yoi why T");
    }
}
