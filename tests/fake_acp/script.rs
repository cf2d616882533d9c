//! What a prompt can have the fake do. A directive is a line `@NAME ARGUMENTS`; what follows an unknown one is ignored.
//!
//! | directive | what it does |
//! | --- | --- |
//! | `say TEXT`, `think TEXT`, `echo` | tells a piece of an answer, of a thought; says what it was told |
//! | `tool KIND TITLE` | calls a tool of its own, which succeeds |
//! | `open KIND TITLE` | begins such a call, and does not end it |
//! | `mcp TOOL JSON` | calls a tool of the Pod, and says what came of it |
//! | `ask KIND OPTION,OPTION… [COMMAND]` | asks for permission with these kinds of option in this order, and says the outcome |
//! | `read PATH [LINE LIMIT]`, `write PATH TEXT` | asks the Pod for a file, and says what came of it |
//! | `flood N`, `big N` | N pieces of an answer, a piece of N bytes |
//! | `err TEXT`, `garbage`, `unknown`, `strange` | words on standard error; lines that are no message; messages that nobody knows |
//! | `env NAME` | says a variable of its environment |
//! | `leave-child` | leaves a process in a session of its own |
//! | `stop REASON`, `fail TEXT`, `end` | ends the turn for that reason, with an error, without a word |
//! | `wait`, `ignore-cancel` | waits for a cancel; waits, and does not heed it |
//! | `crash STATUS`, `close-output` | ends itself; closes its standard output and stays |

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, PermissionOption, PromptRequest, PromptResponse, ReadTextFileRequest,
    RequestPermissionRequest, SessionId, SessionNotification, SessionUpdate, StopReason, ToolCall, ToolCallStatus,
    ToolCallUpdate, ToolCallUpdateFields, WriteTextFileRequest,
};
use agent_client_protocol::{Client, Error, UntypedMessage};
use serde_json::{Value, json};

use crate::Fake;

/// Above which the prompt has what was said before.
const NOW: &str = "# What the user says now";

/// What an earlier session said, told again.
pub fn replay(connection: &ConnectionTo<Client>, session: &SessionId) -> Result<(), Error> {
    tell(connection, session, SessionUpdate::AgentMessageChunk(chunk("what was said long ago")))?;
    let call = ToolCall::new("old", "a call of long ago").status(ToolCallStatus::Failed);
    tell(connection, session, SessionUpdate::ToolCall(call))
}

fn chunk(text: impl Into<String>) -> ContentChunk {
    ContentChunk::new(ContentBlock::from(text.into()))
}

fn tell(connection: &ConnectionTo<Client>, session: &SessionId, update: SessionUpdate) -> Result<(), Error> {
    connection.send_notification(SessionNotification::new(session.clone(), update))
}

/// Does what a prompt says.
pub async fn play(
    fake: &Fake,
    connection: &ConnectionTo<Client>,
    asked: &PromptRequest,
) -> Result<PromptResponse, Error> {
    let [ContentBlock::Text(prompt)] = &*asked.prompt else { return Err(Error::invalid_params()) };
    fake.note("session/prompt");
    if let Some(program) = fake.option("prompted") {
        Command::new("sh").arg(program).stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    }
    let prompt = &prompt.text;
    let plays = fake.option("plays").map(|file| std::fs::read_to_string(file).unwrap());
    let now = plays.as_deref().unwrap_or_else(|| prompt.rsplit_once(NOW).map_or(prompt.as_str(), |(_, now)| now));
    let scene = Scene { fake, connection, session: &asked.session_id, prompt };
    let mut did_anything = false;
    for line in now.lines().filter_map(|line| line.strip_prefix('@')) {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        did_anything = true;
        if let Some(stop) = scene.act(name, rest).await? {
            return Ok(PromptResponse::new(stop));
        }
    }
    if !did_anything {
        scene.say("I was told nothing")?;
    }
    Ok(PromptResponse::new(StopReason::EndTurn))
}

struct Scene<'a> {
    fake: &'a Fake,
    connection: &'a ConnectionTo<Client>,
    session: &'a SessionId,
    prompt: &'a str,
}

impl Scene<'_> {
    fn say(&self, text: impl Into<String>) -> Result<(), Error> {
        tell(self.connection, self.session, SessionUpdate::AgentMessageChunk(chunk(text)))
    }

    async fn act(&self, name: &str, rest: &str) -> Result<Option<StopReason>, Error> {
        match name {
            "say" => self.say(rest)?,
            "echo" => self.say(self.prompt)?,
            "think" => tell(self.connection, self.session, SessionUpdate::AgentThoughtChunk(chunk(rest)))?,
            "tool" => self.own_tool(rest, true)?,
            "open" => self.own_tool(rest, false)?,
            "mcp" => self.mcp(rest).await?,
            "ask" => self.ask(rest).await?,
            "read" => self.read(rest).await?,
            "write" => self.write(rest).await?,
            "flood" => (0..number(rest)).try_for_each(|at| self.say(format!("{at} ")))?,
            "big" => self.say("x".repeat(number(rest)))?,
            "err" => eprintln!("{rest}"),
            "garbage" => raw("this is no message\n[1,2]\n17\n\n{\"half\": \n")?,
            "unknown" => self.connection.send_notification(UntypedMessage::new("_fake/news", json!({"a": 1}))?)?,
            "strange" => self.strange().await?,
            "env" => self.say(std::env::var(rest).unwrap_or_else(|_| "(unset)".to_owned()))?,
            "leave-child" => self.leave_child()?,
            "stop" => return Ok(Some(serde_json::from_value(json!(rest)).unwrap())),
            "fail" => return Err(Error::new(-32603, rest)),
            "end" => return Ok(Some(StopReason::EndTurn)),
            "wait" => {
                self.fake.note("waits");
                self.fake.cancelled.notified().await;
                return Ok(Some(StopReason::Cancelled));
            }
            "ignore-cancel" => {
                self.fake.note("waits");
                std::future::pending().await
            }
            "crash" => {
                self.settle().await?;
                eprintln!("I fall");
                std::process::exit(rest.parse().unwrap_or(3));
            }
            "close-output" => {
                self.settle().await?;
                // SAFETY: nothing else owns standard output here but the thread that writes messages.
                unsafe { nix::libc::close(1) };
                std::future::pending().await
            }
            _ => {}
        }
        Ok(None)
    }

    /// Waits until all that was told has been read: what is asked after it is answered.
    async fn settle(&self) -> Result<(), Error> {
        let asked = UntypedMessage::new("_fake/settle", json!({}))?;
        let _ = self.connection.send_request(asked).block_task().await;
        Ok(())
    }

    fn own_tool(&self, rest: &str, ends: bool) -> Result<(), Error> {
        let (kind, title) = rest.split_once(' ').unwrap_or((rest, "something"));
        let kind = serde_json::from_value(json!(kind)).unwrap();
        let call = ToolCall::new("call-1", title).kind(kind).raw_input(json!({ "of": title }));
        tell(self.connection, self.session, SessionUpdate::ToolCall(call))?;
        if ends {
            let fields = ToolCallUpdateFields::new()
                .status(ToolCallStatus::Completed)
                .content(vec![ContentBlock::from(format!("{title} is done")).into()]);
            let update = ToolCallUpdate::new("call-1", fields);
            tell(self.connection, self.session, SessionUpdate::ToolCallUpdate(update))?;
        }
        Ok(())
    }

    async fn mcp(&self, rest: &str) -> Result<(), Error> {
        let (tool, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        let call = ToolCall::new("mcp-1", format!("mcp__yoi__{tool}")).raw_input(arguments.clone());
        tell(self.connection, self.session, SessionUpdate::ToolCall(call))?;
        let mut tools = self.fake.tools.lock().unwrap().take().expect("a tool server");
        let tool = tool.to_owned();
        let called = tokio::task::spawn_blocking(move || (tools.call(&tool, arguments), tools)).await;
        let ((text, is_error), tools) = called.unwrap();
        *self.fake.tools.lock().unwrap() = Some(tools);
        let status = if is_error { ToolCallStatus::Failed } else { ToolCallStatus::Completed };
        let fields = ToolCallUpdateFields::new().status(status).raw_output(json!(text));
        tell(self.connection, self.session, SessionUpdate::ToolCallUpdate(ToolCallUpdate::new("mcp-1", fields)))
    }

    async fn ask(&self, rest: &str) -> Result<(), Error> {
        let (kind, options) = rest.split_once(' ').unwrap_or((rest, ""));
        let (options, command) = options.split_once(' ').map_or((options, None), |(all, told)| (all, Some(told)));
        let option = |kind: &str| {
            let known = serde_json::from_value(json!(kind)).unwrap();
            PermissionOption::new(format!("id-{kind}"), format!("Yes, {kind}"), known)
        };
        let fields = ToolCallUpdateFields::new()
            .title(command.unwrap_or("do it").to_owned())
            .kind(serde_json::from_value(json!(kind)).ok())
            .raw_input(command.map_or_else(|| json!({ "what": "it" }), |command| json!({ "command": command })));
        let options = options.split(',').filter(|kind| !kind.is_empty()).map(option).collect();
        let update = ToolCallUpdate::new("asked-1", fields);
        self.fake.note("asks");
        let request = RequestPermissionRequest::new(self.session.clone(), update, options);
        let answer = self.connection.send_request(request).block_task().await?;
        let outcome = serde_json::to_value(answer.outcome).unwrap();
        self.fake.note(&format!("was answered {outcome}"));
        self.say(outcome.to_string())
    }

    async fn read(&self, rest: &str) -> Result<(), Error> {
        let mut words = rest.split(' ');
        let request = ReadTextFileRequest::new(self.session.clone(), words.next().unwrap())
            .line(words.next().map(|line| line.parse().unwrap()))
            .limit(words.next().map(|limit| limit.parse().unwrap()));
        match self.connection.send_request(request).block_task().await {
            Ok(read) => self.say(format!("read {:?}", read.content)),
            Err(error) => self.say(format!("not read: {}", error.message)),
        }
    }

    async fn write(&self, rest: &str) -> Result<(), Error> {
        let (path, text) = rest.split_once(' ').unwrap();
        let request = WriteTextFileRequest::new(self.session.clone(), path, text);
        match self.connection.send_request(request).block_task().await {
            Ok(_) => self.say("written"),
            Err(error) => self.say(format!("not written: {}", error.message)),
        }
    }

    /// Messages of kinds that nobody knows, and a request that nobody serves; says what is answered to that.
    async fn strange(&self) -> Result<(), Error> {
        let update = json!({ "sessionId": self.session, "update": { "sessionUpdate": "dance", "steps": 3 } });
        self.connection.send_notification(UntypedMessage::new("session/update", update)?)?;
        let update = json!({ "sessionId": self.session, "update": { "sessionUpdate": "agent_message_chunk", "content": { "type": "smell" } } });
        self.connection.send_notification(UntypedMessage::new("session/update", update)?)?;
        let asked = UntypedMessage::new("_fake/question", json!({}))?;
        match self.connection.send_request(asked).block_task().await {
            Ok(answer) => self.say(format!("answered {answer}")),
            Err(error) => self.say(format!("error {}", error.code.value())),
        }
    }

    fn leave_child(&self) -> Result<(), Error> {
        let mut command = Command::new("sleep");
        command.arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: only an async-signal-safe call is made.
        unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into)) };
        let child = command.spawn().unwrap();
        self.fake.note(&format!("child {}", child.id()));
        Ok(())
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap()
}

/// Writes past the protocol, between its messages: those go out in one write each, and none is under way here.
fn raw(text: &str) -> Result<(), Error> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| std::io::stdout().flush())
        .map_err(Error::into_internal_error)
}
