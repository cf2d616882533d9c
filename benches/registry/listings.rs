//! Listing and checking many claims, beside `git for-each-ref` on as many loose refs and `cat` of the same files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{TestEnv, run};
use crate::measure::{Series, all_in_turn, process};
use crate::table::Table;
use crate::{Extent, is_there};

/// A claim may cost this much more where there are ten times as many.
const GROWTH: f64 = 1.5;

pub fn measure(extent: Extent, table: &mut Table) {
    let has_git = is_there("git");
    // How many claims, and how often they are listed.
    let sizes: &[(usize, usize)] = match extent {
        Extent::Once => &[(100, 1)],
        Extent::Quick => &[(1_000, 30), (10_000, 9)],
        Extent::Extended => &[(1_000, 30), (10_000, 15), (100_000, 5)],
    };
    let mut before: Option<[f64; 2]> = None;
    for (count, rounds) in sizes.iter().copied() {
        let many = Many::make(count, has_git);
        let env = &many.env;
        let listing = || env.yoi_claim(["claim-list"]);
        assert_eq!(run(&mut listing(), 0).stdout.lines().count(), count);
        let checking = || env.yoi_claim(["verify"]);
        assert_eq!(run(&mut checking(), 0).stdout, "", "the registry is as yoi would have made it");
        let [list, verify, cat, git] = all_in_turn(
            rounds,
            [
                &mut |_| process(&mut listing()),
                &mut |_| process(&mut checking()),
                &mut |_| process(&mut many.cat()),
                &mut |_| many.git().map_or(Duration::ZERO, |mut git| process(&mut git)),
            ],
        );
        for (name, ours) in [("claim-list", &list), ("verify", &verify)] {
            table.beside(&format!("{name} of {count} : cat"), ours, &cat);
            if has_git {
                table.compare(&format!("{name} of {count} : git for-each-ref"), ours, &git, 1.0);
            }
        }
        let each = [&list, &verify].map(|ours: &Series| ours.median() * 1e3 / count as f64);
        for (at, name) in ["claim-list", "verify"].into_iter().enumerate() {
            let now = format!("{:.2} µs", each[at]);
            match before {
                None => table.value(&format!("{name}, each of {count}"), &now, ""),
                Some(before) => {
                    let growth = each[at] / before[at];
                    let verdict = crate::table::verdict(growth, GROWTH, "");
                    table.value(&format!("{name}, each of {count}"), &now, &format!("×{growth:.2} ({verdict})"));
                }
            }
        }
        before = Some(each);
    }
}

/// A registry with many claims, made by hand, and a git repository with as many refs.
struct Many {
    env: TestEnv,
    registry: PathBuf,
    repository: Option<PathBuf>,
}

impl Many {
    fn make(count: usize, with_git: bool) -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi_claim(["claim-commit", "SEED", "--pod", "of-SEED", "--role", "coder"]), 0);
        let registry = env.registry().dir().to_owned();
        let read = |path: &str| fs::read_to_string(registry.join(path)).unwrap();
        let (claim, lock, journal) = (read("claims/SEED.toml"), read("locks/tickets/SEED"), read("journal.jsonl"));
        fs::remove_file(registry.join("claims/SEED.toml")).unwrap();
        fs::remove_file(registry.join("locks/tickets/SEED")).unwrap();
        let nonce = claim.lines().find_map(|line| line.strip_prefix("nonce = ")).unwrap().trim_matches('"');
        let mut lines = String::new();
        let start = Instant::now();
        for number in 0..count {
            let ticket = format!("00001KT{number:06}");
            let of = |text: &str| text.replace("SEED", &ticket).replace(nonce, &format!("{number:032x}"));
            fs::write(registry.join("claims").join(format!("{ticket}.toml")), of(&claim)).unwrap();
            fs::write(registry.join("locks/tickets").join(&ticket), of(&lock)).unwrap();
            lines.push_str(&of(&journal));
        }
        fs::write(registry.join("journal.jsonl"), lines).unwrap();
        let repository = with_git.then(|| refs(&env, count));
        println!("{:<42} made in {:.1} s", format!("{count} claims and refs"), start.elapsed().as_secs_f64());
        Self { env, registry, repository }
    }

    fn cat(&self) -> Command {
        let mut cat = self.env.command("sh");
        cat.args(["-c", "find claims -type f -print0 | xargs -0 cat"]).current_dir(&self.registry);
        cat
    }

    fn git(&self) -> Option<Command> {
        let mut git = self.env.command("git");
        git.arg("for-each-ref").current_dir(self.repository.as_ref()?);
        Some(git)
    }
}

/// Makes a repository with loose refs, each a file of its own, in one directory.
fn refs(env: &TestEnv, count: usize) -> PathBuf {
    let path = env.root().join("repository");
    let git = |words: &[&str]| {
        let name = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"];
        run(env.command("git").arg("-C").arg(&path).args(name).args(words), 0).stdout
    };
    fs::create_dir(&path).unwrap();
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "empty"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let directory: &Path = &path.join(".git/refs/heads/claims");
    fs::create_dir(directory).unwrap();
    for number in 0..count {
        fs::write(directory.join(format!("00001KT{number:06}")), &commit).unwrap();
    }
    assert_eq!(git(&["for-each-ref"]).lines().count(), count + 1);
    path
}
