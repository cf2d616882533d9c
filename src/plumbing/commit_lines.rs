//! `claim-commit --stdin`: many claims by hand, in batches.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader};

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, CommitRow, Exit, Failure, OrExit as _, descriptor_limit};
use crate::domain::Claim;
use crate::registry::{ByHand, CommitError, Registry};

/// The longest line, in bytes: two names of 512, a role, and what is between them.
const MAX_LINE: usize = 2048;
/// The most lines of one batch.
const MAX_BATCH: usize = 1000;
/// How many descriptors are left for all but the batch, which needs two a line.
const SPARE: usize = 48;

/// A line, read.
struct Line {
    number: u64,
    /// What was asked, or what stands in the ticket's place and why it cannot be read.
    asked: Result<ByHand, (String, String)>,
}

/// Answers every line of standard input.
pub(super) fn run(output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    if cli.environment().ticket_lock()?.is_some() {
        return Err(Failure::new(Exit::Usage, "--stdin takes locks of its own; it cannot be used under ticket-lock"));
    }
    // A form that cannot be is refused before anything is claimed.
    cli.printer(output)?.follow_all::<CommitRow>(&[])?;
    let registry = cli.writable_registry()?;
    let size = (descriptor_limit().saturating_sub(SPARE) / 2).clamp(1, MAX_BATCH);
    let mut lines = Lines::new(io::stdin().lock(), if output.nul { 0 } else { b'\n' });
    let mut gravest = Exit::Done;
    let mut carried = None;
    loop {
        let batch = lines.batch(size, &mut carried);
        let batch =
            batch.or_exit(Exit::Environment).map_err(|failure| failure.while_doing("cannot read standard input"))?;
        if batch.is_empty() {
            return Ok(gravest);
        }
        let rows = commit(batch, &registry, cli);
        for row in &rows {
            gravest = if row.exit.status() > gravest.status() { row.exit } else { gravest };
            // Who holds a ticket stands in its answer.
            if let Some(why) = row.why.as_ref().filter(|_| row.exit != Exit::Refused) {
                cli.warn(&Failure::new(row.exit, format!("line {}: {why}", row.line)));
            }
        }
        cli.printer(output)?.follow_all(&rows)?;
    }
}

/// Commits what can be read of a batch, and answers all of it.
fn commit(batch: Vec<Line>, registry: &Registry, cli: &Cli) -> Vec<CommitRow> {
    let asked: Vec<ByHand> = batch.iter().filter_map(|line| line.asked.as_ref().ok().cloned()).collect();
    let mut answers = registry.commit_batch(&asked, &cli.writer()).into_iter();
    let row = |Line { number, asked }: Line| match asked {
        Err((ticket, why)) => CommitRow { line: number, ticket, exit: Exit::Usage, claim: None, why: Some(why) },
        Ok(one) => {
            let answer = answers.next().expect("each is answered");
            let ticket = one.ticket.to_string();
            match answer {
                Ok(done) => {
                    CommitRow { line: number, ticket, exit: Exit::Done, claim: Some(done.claim().clone()), why: None }
                }
                Err(error) => refused(number, ticket, error),
            }
        }
    };
    batch.into_iter().map(row).collect()
}

fn refused(line: u64, ticket: String, error: CommitError) -> CommitRow {
    let claim: Option<Claim> = match &error {
        CommitError::Held { held } => Some((**held).clone()),
        CommitError::NotDurable { claim, .. } => Some((**claim).clone()),
        _ => None,
    };
    let failure = Failure::from(error);
    CommitRow { line, ticket, exit: failure.exit(), claim, why: Some(failure.text()) }
}

/// Lines of a stream, of bounded length.
struct Lines<R> {
    reader: BufReader<R>,
    end: u8,
    number: u64,
}

impl<R: io::Read> Lines<R> {
    fn new(reader: R, end: u8) -> Self {
        Self { reader: BufReader::with_capacity(64 << 10, reader), end, number: 0 }
    }

    /// The next lines, empty at the end of the stream: as many as are here already, at most `size`, no ticket twice.
    ///
    /// What has come is not held back for what may come: who writes a line and waits for its answer gets it.
    fn batch(&mut self, size: usize, carried: &mut Option<Line>) -> io::Result<Vec<Line>> {
        let mut batch = Vec::new();
        let mut tickets = HashSet::new();
        while batch.len() < size {
            let line = match carried.take() {
                Some(line) => line,
                None if !batch.is_empty() && !self.reader.buffer().contains(&self.end) => break,
                None => match self.next()? {
                    Some(line) => line,
                    None => break,
                },
            };
            // A ticket has one lock, so that its second line waits for the next batch.
            if let Ok(one) = &line.asked
                && !tickets.insert(one.ticket.clone())
            {
                *carried = Some(line);
                break;
            }
            batch.push(line);
        }
        Ok(batch)
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = 0;
        let mut has_ended = false;
        while !has_ended {
            let here = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                here => here?,
            };
            if here.is_empty() {
                break;
            }
            let until = here.iter().position(|byte| *byte == self.end);
            has_ended = until.is_some();
            let piece = &here[..until.unwrap_or(here.len())];
            length += piece.len();
            bytes.extend_from_slice(&piece[..piece.len().min(MAX_LINE - bytes.len())]);
            let used = piece.len() + usize::from(has_ended);
            self.reader.consume(used);
        }
        if length == 0 && !has_ended {
            return Ok(None);
        }
        self.number += 1;
        let asked = if length > MAX_LINE {
            Err((first_word(&bytes), format!("it has {length} bytes, at most {MAX_LINE} are read")))
        } else {
            parse(&bytes).map_err(|why| (first_word(&bytes), why))
        };
        Ok(Some(Line { number: self.number, asked }))
    }
}

/// Reads `TICKET POD ROLE`.
fn parse(line: &[u8]) -> Result<ByHand, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let words: Vec<&str> = match line.contains('\t') {
        true => line.split('\t').collect(),
        false => line.split(' ').filter(|word| !word.is_empty()).collect(),
    };
    let [ticket, pod, role] = words[..] else {
        return Err(format!("it has {} fields instead of TICKET POD ROLE", words.len()));
    };
    Ok(ByHand {
        ticket: ticket.parse().map_err(told)?,
        pod: pod.parse().map_err(told)?,
        role: role.parse().map_err(told)?,
    })
}

fn told(error: impl std::error::Error) -> String {
    error.to_string()
}

/// What stands in the ticket's place of a line that cannot be read.
fn first_word(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let end = if line.contains('\t') { '\t' } else { ' ' };
    line.trim_start_matches(' ').split(end).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(input: &[u8], size: usize) -> Vec<Vec<(u64, Result<String, String>)>> {
        let mut lines = Lines::new(input, b'\n');
        let mut carried = None;
        let mut all = Vec::new();
        loop {
            let batch = lines.batch(size, &mut carried).unwrap();
            if batch.is_empty() {
                return all;
            }
            let told = |line: Line| match line.asked {
                Ok(one) => (line.number, Ok(format!("{}|{}|{}", one.ticket, one.pod, one.role))),
                Err((ticket, _)) => (line.number, Err(ticket)),
            };
            all.push(batch.into_iter().map(told).collect());
        }
    }

    #[test]
    fn tabs_go_before_blanks_and_an_unended_last_line_counts() {
        let found =
            batches(b"T  p   coder\na b\tp q\treviewer\n\nT2 p boss\n\xff p coder\nU\tp coder\nlast p coder", 99);
        let expected = [
            (1, Ok("T|p|coder".to_owned())),
            (2, Ok("a b|p q|reviewer".to_owned())),
            (3, Err(String::new())),
            (4, Err("T2".to_owned())),
            (5, Err("\u{fffd}".to_owned())),
            (6, Err("U".to_owned())),
            (7, Ok("last|p|coder".to_owned())),
        ];
        assert_eq!(found.concat(), expected);
        assert_eq!(batches(b"", 9), Vec::<Vec<_>>::new());
    }

    #[test]
    fn a_batch_is_bounded_and_has_no_ticket_twice() {
        let found = batches(b"A p coder\nB p coder\nA q coder\nC p coder\nD p coder\nE p coder\n", 3);
        let numbers: Vec<Vec<u64>> =
            found.iter().map(|batch| batch.iter().map(|(number, _)| *number).collect()).collect();
        assert_eq!(numbers, [vec![1, 2], vec![3, 4, 5], vec![6]]);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_is_one_bad_line() {
        let long = [b"T p ".to_vec(), vec![b'x'; 1 << 20], b"\nU p coder\n".to_vec()].concat();
        let found = batches(&long, 9);
        let found: Vec<_> = found.into_iter().flatten().collect();
        assert_eq!(found, [(1, Err("T".to_owned())), (2, Ok("U|p|coder".to_owned()))]);
    }

    #[test]
    fn what_has_come_is_not_held_back_for_what_may_come() {
        struct Slow(Vec<&'static [u8]>);
        impl io::Read for Slow {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let piece = if self.0.is_empty() { &b""[..] } else { self.0.remove(0) };
                into[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        let mut lines = Lines::new(Slow(vec![b"A p coder\nB p coder\nC p", b" coder\n"]), b'\n');
        let mut carried = None;
        let mut sizes = Vec::new();
        for _ in 0..3 {
            sizes.push(lines.batch(9, &mut carried).unwrap().len());
        }
        assert_eq!(sizes, [2, 1, 0]);
    }
}
