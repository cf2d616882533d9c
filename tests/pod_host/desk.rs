//! A desk that keeps everything as files in one directory, so that the test and both processes of a Pod see the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use yoi::pod::{Desk, DeskError, Fence, GaveUp, Standing, ToolDescription, ToolOutcome};

/// What an implementable ticket says.
pub const FULL: &str =
    "## Background\nb\n## Goal\ng\n## Requirements\nr\n## Acceptance criteria\na\n## Open questions\nnone\n";

pub struct FileDesk {
    directory: PathBuf,
}

impl FileDesk {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn stands(&self) -> Result<bool, DeskError> {
        if self.file("unreadable").exists() {
            return Err(DeskError("the claim cannot be read".into()));
        }
        Ok(self.file("claim").exists())
    }
}

impl Desk for FileDesk {
    fn offer(&self, _: Option<&str>) -> Result<(), DeskError> {
        if self.file("no-offers").exists() {
            return Err(DeskError("no space for an offer".into()));
        }
        fs::write(self.file("offer"), "").map_err(|error| DeskError(error.to_string()))
    }

    fn give_up(&self) -> Result<GaveUp, DeskError> {
        let _ = fs::remove_file(self.file("offer"));
        Ok(if self.stands()? { GaveUp::Stands } else { GaveUp::Withdrawn })
    }

    fn confirm(&self, _: bool) -> Result<Standing, DeskError> {
        Ok(if self.stands()? { Standing::Confirmed } else { Standing::NotOurs })
    }

    fn still_ours(&self) -> Result<bool, DeskError> {
        self.stands()
    }

    fn discard(&self) -> Result<(), DeskError> {
        fs::remove_dir_all(self.file("pod")).map_err(|error| DeskError(error.to_string()))
    }

    fn session_known(&self, _: &str) -> Result<(), DeskError> {
        Ok(())
    }

    fn fence(&self) -> Fence {
        Fence { ticket: Some("T-1".into()), claim: Some("1:9f".into()) }
    }

    fn tools(&self) -> Vec<ToolDescription> {
        ["TicketShow", "TicketComment", "TicketIntakeReady"]
            .map(|name| ToolDescription {
                name: name.into(),
                description: "a tool".into(),
                schema: json!({}),
                read_only: true,
            })
            .into()
    }

    fn call(&self, tool: &str, arguments: &Value) -> ToolOutcome {
        if arguments["fail"] == true {
            return ToolOutcome { text: "refused".into(), is_error: true };
        }
        let text = match tool {
            "TicketShow" => {
                json!({"id": "T-1", "title": "t", "state": "planning", "body": FULL, "thread": []}).to_string()
            }
            _ => "done".into(),
        };
        ToolOutcome { text, is_error: false }
    }

    fn note(&self, action: &str, text: &str) {
        use std::io::Write as _;
        let journal = fs::File::options().create(true).append(true).open(self.file("journal"));
        journal.and_then(|mut journal| writeln!(journal, "{action} {text}")).unwrap();
    }
}
