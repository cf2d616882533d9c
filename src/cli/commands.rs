//! The table of a program's commands: what parses each, alone or among all, and what runs it.

/// Makes the commands of a program from a table with a line for each: `"name" Name(module);`.
///
/// The module has `Args` and `run(args, cli)`. What a program hands to commands besides stands behind the name of the type
/// that is made, and is handed to those that name it: `"name" Name(module, output);` is run by `run(args, output, cli)`.
///
/// Each command also has a parser of its own: making those of all the others takes longer than most commands, and a Pod's
/// host would keep the memory.
macro_rules! commands {
    (
        $all:ident $(, $handed:ident: $type:ty)?;
        $($name:literal $command:ident($module:ident $(, $given:ident)?);)*
    ) => {
        #[derive(Debug, clap::Subcommand)]
        enum $all {
            $(#[command(name = $name)] $command($module::Args),)*
        }

        impl $all {
            /// The parser of the command of this name alone.
            fn parser(name: &str) -> Option<clap::Command> {
                use clap::Args as _;
                match name {
                    $($name => Some($module::Args::augment_args(clap::Command::new($name))),)*
                    _ => None,
                }
            }

            fn run(self, $($handed: $type,)? cli: &mut $crate::cli::Cli) -> Result<$crate::cli::Exit, $crate::cli::Failure> {
                match self {
                    $(Self::$command(args) => $module::run(args, $($given,)? cli),)*
                }
            }
        }
    };
}
pub(crate) use commands;

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Debug;

    use crate::cli::CommandLine;

    /// Fails on a command that is another when it is parsed alone than when it is parsed among all.
    pub(crate) fn assert_each_is_alone_what_it_is_among_all<C: CommandLine>() {
        for command in C::command().get_subcommands() {
            let mut alone = C::alone(command.get_name()).unwrap();
            alone.clone().debug_assert();
            let alone = alone.find_subcommand_mut(command.get_name()).unwrap();
            assert_eq!(alone.is_hide_set(), command.is_hide_set());
            assert_eq!(alone.render_long_help().to_string(), command.clone().render_long_help().to_string());
        }
    }

    /// Fails on a command line that is read otherwise by the parser of the one command that it names than by that of all.
    pub(crate) fn assert_read_alike_alone_and_among_all<C: CommandLine + Debug>(lines: &[&str]) {
        for line in lines {
            let words: Vec<std::ffi::OsString> = line.split(' ').map(Into::into).collect();
            let told = |read: Result<C, clap::Error>| format!("{:?}", read.map_err(|error| error.to_string()));
            let read = crate::cli::run::parse::<C>(&words).and_then(|matches| C::from_arg_matches(&matches));
            assert_eq!(told(read), told(C::try_parse_from(&words)), "{line}");
        }
    }
}
