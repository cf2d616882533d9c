//! Manual pages, completions and the command reference are made of the programs' own command lines, and are committed.
//!
//! `YOI_UPDATE=1 cargo test --test generated` writes them anew. The hand-written parts are the doc comments of the
//! commands, the examples in their `after_long_help`, `docs/manual/PAGE.man`, which becomes the end of the description on
//! that page, and what stands in this file.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads its own environment"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::{env, fs, io};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use yoi::cli::{Exit, Program, Shell, VARIABLES, script};

/// Where files lie, for the pages of the programs.
const FILES: &[(&str, &str)] = &[
    (".yoi/tickets/ID/", "a ticket: item.md, thread.md, artifacts/"),
    (".yoi/ticket.config.toml", "roles, profiles and workflows of a workspace"),
    (
        ".yoi/profiles.toml",
        "agents of a workspace; those of a user are in yoi/profiles.toml of the configuration directory",
    ),
    ("YOI_DATA_DIR/workspaces/NAME-HASH/", "the registry of a workspace: claims, sessions, Pods, locks, journal"),
    ("YOI_RUNTIME_DIR/HASH.sock", "the socket of a Pod"),
];

/// The pages that are written by hand: every other one sends its reader to them.
const BY_HAND: &[&str] = &["yoi-registry(5)", "yoi-recovery(7)"];

/// Where the hand-written parts of generated pages lie.
const PARTS: &str = "docs/manual";

/// Pages that have to do with one another, besides those of one family such as `claim-`.
const RELATED: &[&[&str]] = &[
    &["yoi-status", "yoi-claim-claim-list", "yoi-claim-pod-list"],
    &["yoi-why", "yoi-claim-claim-show", "yoi-claim-verify", "yoi-reclaim"],
    &["yoi-profiles", "yoi-init", "yoi-doctor", "yoi-launch"],
    &["yoi-doctor", "yoi-claim-verify", "yoi-claim-gc", "yoi-selftest"],
    &["yoi-intake", "yoi-launch", "yoi-claim-launch-plan", "yoi-claim-ticket-lock", "yoi-claim-pod-spawn"],
    &["yoi-attach", "yoi-answer", "yoi-logs", "yoi-stop", "yoi-restore"],
    &["yoi-answer", "yoi-status"],
    &["yoi-panel", "yoi-status", "yoi-attach", "yoi-intake"],
    &["yoi-reclaim", "yoi-claim-claim-reclaim", "yoi-claim-claim-release"],
    &["yoi-logs", "yoi-claim-journal"],
    &["yoi-stop", "yoi-claim-pod-shutdown"],
    &["yoi-hooks", "yoi-claim-claim-check"],
    &["yoi-claim-pod-hold", "yoi-restore", "yoi-claim-claim-commit"],
    &["yoi-claim-ticket-lock", "yoi-claim-claim-commit", "yoi-claim-session-record"],
    &["yoi-claim-watch", "yoi-claim-journal", "yoi-claim-claim-list"],
    &["yoi-completions", "yoi-help"],
];

/// What the examples of a command begin with, in its `after_long_help`.
const EXAMPLES: &str = "Examples:\n";

fn programs() -> [Command; 2] {
    [yoi::porcelain::command(), yoi::plumbing::command()].map(|mut program| {
        program.build();
        program
    })
}

/// A command and, behind it, all that stand below it; those that are hidden are for the programs themselves.
fn with_subcommands(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set()).flat_map(with_subcommands);
    std::iter::once(command).chain(below).collect()
}

/// The command as it is typed, such as `yoi ticket new`.
fn typed(command: &Command) -> &str {
    command.get_bin_name().unwrap_or(command.get_name())
}

/// The name of its manual page, such as `yoi-ticket-new`.
fn page(command: &Command) -> String {
    typed(command).replace(' ', "-")
}

/// How it is called, without the word "Usage".
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.trim_start_matches("Usage:").lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The examples, one level of indentation taken off.
fn examples(command: &Command) -> Option<String> {
    let text = command.get_after_long_help()?.to_string();
    let text = text.strip_prefix(EXAMPLES)?;
    Some(text.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n"))
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set())
}

/// Every generated file, by its path below the top level.
fn generated() -> BTreeMap<PathBuf, Vec<u8>> {
    let programs = programs();
    let mut files = BTreeMap::new();
    for program in &programs {
        let commands = with_subcommands(program);
        for command in &commands {
            let parent =
                commands.iter().copied().find(|parent| parent.get_subcommands().any(|sub| page(sub) == page(command)));
            files.insert(
                format!("man/{}.1", page(command)).into(),
                manual_page(command, parent).expect("writing to a Vec does not fail"),
            );
        }
    }
    for program in [Program::Porcelain, Program::Plumbing] {
        let name = program.name();
        for (shell, file) in [
            (Shell::Bash, format!("{name}.bash")),
            (Shell::Zsh, format!("_{name}")),
            (Shell::Fish, format!("{name}.fish")),
        ] {
            files.insert(Path::new("completions").join(file), script(shell, program).into_bytes());
        }
    }
    files.insert("docs/commands.md".into(), reference(&programs).into_bytes());
    files
}

/// No blank at the end of a line, one newline at the end of the file: `git diff --check` looks at these files too.
fn tidy(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).expect("clap writes UTF-8");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end()).into_bytes()
}

fn manual_page(command: &Command, parent: Option<&Command>) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().subcommand_help_heading("COMMANDS"));
    // No date: a page says which version it belongs to, and is the same whenever it is made.
    let title =
        format!(".TH {} 1 \"\" \"yoi {}\" \"yoi manual\"\n", page(command).to_uppercase(), env!("CARGO_PKG_VERSION"));
    let mut text = title.into_bytes();
    man.render_name_section(&mut text)?;
    synopsis(command).to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    if let Ok(part) = fs::read(top().join(PARTS).join(format!("{}.man", page(command)))) {
        text.extend(part);
    }
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    last_sections(command, parent).to_writer(&mut text)?;
    Ok(tidy(&without_repeated_preambles(&text)))
}

fn synopsis(command: &Command) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["SYNOPSIS"]);
    for (at, line) in usage(command).lines().enumerate() {
        if at > 0 {
            roff.control("br", []);
        }
        roff.text([bold(line)]);
    }
    roff
}

/// What clap knows nothing of.
fn last_sections(command: &Command, parent: Option<&Command>) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in VARIABLES {
        entry(&mut roff, bold(*variable), meaning);
    }
    roff.control("SH", ["FILES"]);
    for (file, meaning) in FILES {
        entry(&mut roff, bold(*file), meaning);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        entry(&mut roff, bold(exit.status().to_string()), exit.meaning());
    }
    if let Some(examples) = examples(command) {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for line in examples.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(see_also(command, parent).join(", "))]);
    roff
}

/// The pages to go on with: the program's, the other program's from there, the family's, those that are related by hand.
fn see_also(command: &Command, parent: Option<&Command>) -> Vec<String> {
    let own = page(command);
    let mut names: Vec<String> = match parent {
        Some(parent) => {
            let family = |sub: &Command| sub.get_name().split_once('-').map(|(family, _)| family.to_owned());
            let is_nested = typed(parent).contains(' ');
            let visible = parent.get_subcommands().filter(|sub| !sub.is_hide_set());
            let of_family =
                visible.filter(|sub| is_nested || (family(sub).is_some() && family(sub) == family(command)));
            std::iter::once(page(parent)).chain(of_family.map(page)).collect()
        }
        None => programs().iter().map(page).collect(),
    };
    let related = RELATED.iter().filter(|group| group.contains(&own.as_str()));
    names.extend(related.flat_map(|group| group.iter().map(ToString::to_string)));
    let mut seen = BTreeSet::from([own]);
    names.retain(|name| seen.insert(name.clone()));
    names.iter().map(|name| format!("{name}(1)")).chain(BY_HAND.iter().map(ToString::to_string)).collect()
}

/// Every section comes with the definition of the same string; one is enough.
fn without_repeated_preambles(text: &[u8]) -> Vec<u8> {
    const PREAMBLE: &[u8] = b".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let mut rest = text;
    let mut kept = PREAMBLE.to_vec();
    while let Some(at) = rest.windows(PREAMBLE.len()).position(|window| window == PREAMBLE) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at + PREAMBLE.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

fn entry(roff: &mut Roff, term: Inline, meaning: &str) {
    roff.control("TP", []);
    roff.text([term]);
    roff.text([roman(meaning)]);
}

fn reference(programs: &[Command]) -> String {
    let mut text =
        String::from("# Commands\n\nMade of the programs' own command lines by `tests/generated.rs`; do not edit.\n");
    text += "\n## Exit status\n\nThe same for every command.\n\n| status | meaning |\n| --- | --- |\n";
    for exit in Exit::ALL {
        writeln!(text, "| {} | {} |", exit.status(), exit.meaning()).unwrap();
    }
    text += "\n## Files\n\n| file | meaning |\n| --- | --- |\n";
    for (file, meaning) in FILES {
        writeln!(text, "| `{file}` | {meaning} |").unwrap();
    }
    text += "\n## Environment\n\n| variable | meaning |\n| --- | --- |\n";
    for (variable, meaning) in VARIABLES {
        writeln!(text, "| {variable} | {meaning} |").unwrap();
    }
    for command in programs.iter().flat_map(with_subcommands) {
        writeln!(text, "\n## {}\n", typed(command)).unwrap();
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        writeln!(text, "{}\n", about.trim_end()).unwrap();
        writeln!(text, "```text\n{}\n```\n", usage(command)).unwrap();
        text += "| argument | meaning |\n| --- | --- |\n";
        for argument in arguments(command) {
            let meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let shown = match argument.get_short().filter(|_| argument.get_long().is_some()) {
                Some(short) => format!("-{short}, {argument}"),
                None => argument.to_string(),
            };
            writeln!(text, "| `{shown}` | {} |", meaning.replace('|', "\\|")).unwrap();
        }
        if let Some(examples) = examples(command) {
            writeln!(text, "\n```text\n{}\n```", examples.trim_end()).unwrap();
        }
    }
    text
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What lies in the places where generated files lie; pages of other sections than 1 are written by hand.
fn committed() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in ["man", "completions"] {
        for entry in fs::read_dir(top().join(dir)).into_iter().flatten() {
            let name = PathBuf::from(entry.unwrap().file_name());
            if dir != "man" || name.extension().is_some_and(|section| section == "1") {
                files.push(Path::new(dir).join(name));
            }
        }
    }
    files
}

fn is_updating() -> bool {
    env::var_os("YOI_UPDATE").is_some()
}

#[test]
fn committed_files_are_what_the_programs_say() {
    let files = generated();
    let superfluous = committed().into_iter().filter(|path| !files.contains_key(path));
    if is_updating() {
        superfluous.for_each(|path| fs::remove_file(top().join(path)).unwrap());
        for (path, content) in &files {
            let path = top().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        return;
    }
    let mut wrong: Vec<String> = superfluous.map(|path| format!("superfluous: {}", path.display())).collect();
    for (path, content) in &files {
        match fs::read(top().join(path)) {
            Ok(found) if found == *content => {}
            Ok(_) => wrong.push(format!("stale: {}", path.display())),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}\nwrite them anew with: YOI_UPDATE=1 cargo test --test generated", wrong.join("\n"));
}

#[test]
fn every_page_passes_the_lint() {
    if is_updating() {
        println!("skipped: the pages are being written");
        return;
    }
    if Process::new("mandoc").arg("-Tlint").arg("/dev/null").output().is_err() {
        println!("skipped: mandoc is not installed");
        return;
    }
    let pages: Vec<PathBuf> = fs::read_dir(top().join("man")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!pages.is_empty());
    let lint = Process::new("mandoc").args(["-Tlint", "-Werror"]).args(&pages).output().unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
}

/// What a page sends its reader to is there.
#[test]
fn every_page_that_is_named_exists() {
    let pages: BTreeSet<String> = programs().iter().flat_map(with_subcommands).map(page).collect();
    let by_hand = BY_HAND.iter().map(|name| name.split('(').next().unwrap().to_owned());
    let known: BTreeSet<String> = pages.iter().cloned().chain(by_hand).collect();
    let mut wrong: Vec<String> = RELATED
        .iter()
        .flat_map(|group| group.iter())
        .filter(|name| !pages.contains(**name))
        .map(|n| (*n).to_owned())
        .collect();
    for name in BY_HAND {
        let file = name.replace('(', ".").replace(')', "");
        let text = fs::read_to_string(top().join("man").join(&file)).unwrap();
        let named = text.lines().filter_map(|line| line.strip_prefix(".Xr yoi")).map(|rest| format!("yoi{rest}"));
        let missing = named.filter(|rest| !known.contains(rest.split(' ').next().unwrap()));
        wrong.extend(missing.map(|rest| format!("{file}: {rest}")));
    }
    for part in fs::read_dir(top().join(PARTS)).unwrap().map(|entry| entry.unwrap().path()) {
        if !pages.contains(part.file_stem().unwrap().to_str().unwrap()) {
            wrong.push(format!("{} is part of no page", part.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Help texts are imperative and have no full stop; every command that does something shows how it is used.
#[test]
fn every_command_is_documented() {
    let mut wrong = Vec::new();
    for command in programs().iter().flat_map(with_subcommands) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if about.is_empty() || about.ends_with('.') {
            wrong.push(format!("{}: its help is {about:?}", typed(command)));
        }
        if !command.has_subcommands() && examples(command).is_none() {
            wrong.push(format!("{}: its after_long_help does not begin with {EXAMPLES:?}", typed(command)));
        }
        for argument in arguments(command) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if help.is_empty() || help.ends_with('.') {
                wrong.push(format!("{} {argument}: its help is {help:?}", typed(command)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
