//! The protocol itself: the one file that knows the crate, whose interface moves.
//!
//! It turns what the crate says into the types of [`super::terms`], and takes more than the crate's own types do: an
//! update, an option or a content of an unknown kind is left out, what is around it is kept. All messages go through one
//! handler, one after the other, so what was told before an answer has been heard before the answer is.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    AuthMethod, AuthenticateRequest, CancelNotification, ClientCapabilities, CloseSessionRequest, ContentBlock,
    EmbeddedResourceResource, EnvVariable, FileSystemCapabilities, Implementation, InitializeRequest,
    LoadSessionRequest, McpServer, McpServerStdio, NewSessionRequest, PermissionOption as WireOption,
    PermissionOptionKind, PromptRequest, ReadTextFileRequest, ReadTextFileResponse, RequestPermissionOutcome,
    RequestPermissionResponse, SelectedPermissionOutcome, SessionModeState, SessionUpdate, SetSessionModeRequest,
    StopReason, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolKind as WireKind, WriteTextFileRequest,
    WriteTextFileResponse,
};
use agent_client_protocol::v1::{ConnectionTo, Dispatch, Responder};
use agent_client_protocol::{Agent, Client, Error, ErrorCode, JsonRpcRequest, Lines, UntypedMessage};
use agent_client_protocol::{is_incoming_transport_closed, on_receive_dispatch};
use futures_util::{Sink, Stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;

use super::diff;
use super::terms::{Answer, Asked, Call, Fault, Greeting, Listener, Offered, Progress, Session, Stop, Update};
use crate::domain::{OptionKind, ToolKind};
use crate::pod::agent::ToolServer;
use crate::pod::protocol::PermissionOption;

/// How much of the details of an error is shown, in bytes.
const MAX_DETAILS: usize = 2 << 10;

/// Speaks to an agent over lines until that fails, which is then told; hands out the other side first.
pub(super) async fn connect(
    outgoing: impl Sink<String, Error = io::Error> + Send + 'static,
    incoming: impl Stream<Item = io::Result<String>> + Send + 'static,
    mut listener: impl Listener + 'static,
    connected: oneshot::Sender<Peer>,
) -> String {
    let handler = async move |message: Dispatch, _: ConnectionTo<Agent>| hear(&mut listener, message);
    let ended: Result<Infallible, Error> = Client
        .v1()
        .on_receive_dispatch(handler, on_receive_dispatch!())
        .connect_with(Lines::new(outgoing, incoming), async move |connection| {
            let _ = connected.send(Peer { connection });
            std::future::pending().await
        })
        .await;
    match ended {
        Ok(never) => match never {},
        Err(error) => describe(&error),
    }
}

/// The agent, as what it is asked.
pub(super) struct Peer {
    connection: ConnectionTo<Agent>,
}

impl Peer {
    async fn ask<R: JsonRpcRequest>(&self, request: R) -> Result<R::Response, Fault> {
        self.connection.send_request(request).block_task().await.map_err(|error| match error.code {
            _ if is_incoming_transport_closed(&error) => Fault::Closed,
            ErrorCode::AUTH_REQUIRED => Fault::Unauthenticated(describe(&error)),
            _ => Fault::Answered(describe(&error)),
        })
    }

    /// Greets the agent, and says what this side can do; an agent that speaks another version is an error of the crate.
    pub(super) async fn initialize(&self) -> Result<Greeting, Fault> {
        let files = FileSystemCapabilities::new().read_text_file(true).write_text_file(true);
        let request = InitializeRequest::new(ProtocolVersion::V1)
            .client_capabilities(ClientCapabilities::new().fs(files).terminal(false))
            .client_info(Implementation::new("yoi", env!("CARGO_PKG_VERSION")));
        let answer = self.ask(request).await?;
        let method = |method: &AuthMethod| {
            let (id, name, description) = match method {
                AuthMethod::Terminal(method) => (&method.id, &method.name, &method.description),
                AuthMethod::Agent(method) => (&method.id, &method.name, &method.description),
                _ => return None,
            };
            Some(Offered { id: id.0.to_string(), name: name.clone(), description: description.clone() })
        };
        Ok(Greeting {
            version: answer.protocol_version.as_u16(),
            loads: answer.agent_capabilities.load_session,
            closes: answer.agent_capabilities.session_capabilities.close.is_some(),
            auth_methods: answer.auth_methods.iter().filter_map(method).collect(),
            name: answer.agent_info.map(|info| format!("{} {}", info.name, info.version)),
        })
    }

    /// Has the agent authenticate itself.
    pub(super) async fn authenticate(&self, method: &str) -> Result<(), Fault> {
        self.ask(AuthenticateRequest::new(method.to_owned())).await.map(drop)
    }

    /// Makes a session in a directory, with the Pod's tools.
    pub(super) async fn new_session(&self, directory: &Path, tools: &ToolServer) -> Result<Session, Fault> {
        let request = NewSessionRequest::new(directory).mcp_servers(vec![server(tools)]);
        let answer = self.ask(request).await?;
        Ok(session(&answer.session_id.0, answer.modes))
    }

    /// Takes up an earlier session; what it replays has been told before this answers.
    pub(super) async fn load_session(&self, id: &str, directory: &Path, tools: &ToolServer) -> Result<Session, Fault> {
        let request = LoadSessionRequest::new(id.to_owned(), directory).mcp_servers(vec![server(tools)]);
        let answer = self.ask(request).await?;
        Ok(session(id, answer.modes))
    }

    /// Puts a session into a mode.
    pub(super) async fn set_mode(&self, session: &str, mode: &str) -> Result<(), Fault> {
        self.ask(SetSessionModeRequest::new(session.to_owned(), mode.to_owned())).await.map(drop)
    }

    /// Gives the agent work, and waits until it has ended its turn.
    pub(super) async fn prompt(&self, session: &str, text: String) -> Result<Stop, Fault> {
        let answer = self.ask(PromptRequest::new(session.to_owned(), vec![ContentBlock::from(text)])).await?;
        Ok(match answer.stop_reason {
            StopReason::EndTurn => Stop::EndTurn,
            StopReason::MaxTokens => Stop::MaxTokens,
            StopReason::MaxTurnRequests => Stop::MaxTurnRequests,
            StopReason::Refusal => Stop::Refusal,
            StopReason::Cancelled => Stop::Cancelled,
            other => Stop::Other(word(&other)),
        })
    }

    /// Tells the agent to end its turn.
    pub(super) fn cancel(&self, session: &str) {
        // One that cannot be told is about to be noticed as dead.
        let _ = self.connection.send_notification(CancelNotification::new(session.to_owned()));
    }

    /// Waits until the agent's standard output is closed, and all that it said was heard.
    pub(super) async fn silent(&self) {
        self.connection.incoming_closed().await;
    }

    /// Tells the agent that a session is over.
    pub(super) async fn close(&self, session: &str) -> Result<(), Fault> {
        self.ask(CloseSessionRequest::new(session.to_owned())).await.map(drop)
    }
}

fn server(tools: &ToolServer) -> McpServer {
    let variables = tools.variables.iter().map(|(name, value)| EnvVariable::new(name, value)).collect();
    McpServer::Stdio(McpServerStdio::new("yoi", &tools.program).args(tools.arguments.clone()).env(variables))
}

fn session(id: &str, modes: Option<SessionModeState>) -> Session {
    let mode = modes.as_ref().map(|modes| modes.current_mode_id.0.to_string());
    let offered = modes.into_iter().flat_map(|modes| modes.available_modes);
    let modes =
        offered.map(|mode| Offered { id: mode.id.0.to_string(), name: mode.name, description: mode.description });
    Session { id: id.to_owned(), modes: modes.collect(), mode }
}

/// The agent's error, with such details as a person can read.
fn describe(error: &Error) -> String {
    let details = match &error.data {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(data) => data.to_string(),
    };
    let details = &details[..details.floor_char_boundary(MAX_DETAILS)];
    let message = error.message.trim();
    match details.trim() {
        details if details.is_empty() || message.contains(details) => message.to_owned(),
        details => format!("{message}: {details}"),
    }
}

/// The word by which the protocol knows a value.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

/// Handles one message of the agent.
fn hear(listener: &mut impl Listener, message: Dispatch) -> Result<(), Error> {
    match message {
        Dispatch::Response(result, router) => router.route_with_result(result),
        Dispatch::Notification(notification) => {
            if notification.method() == "session/update" {
                hear_update(listener, notification.into_parts().1);
            }
            Ok(())
        }
        Dispatch::Request(request, responder) => answer(listener, request, responder),
    }
}

fn hear_update(listener: &mut impl Listener, mut params: Value) {
    let update = params.get_mut("update").map(Value::take).unwrap_or_default();
    let Some(session) = params.get("sessionId").and_then(Value::as_str) else { return };
    let update = serde_json::from_value(update).map_or(Update::Other, update_of);
    listener.update(session, update);
}

fn answer(listener: &mut impl Listener, request: UntypedMessage, responder: Responder) -> Result<(), Error> {
    let (method, params) = request.into_parts();
    match method.as_str() {
        "session/request_permission" => match asked_of(params) {
            Ok((session, asked)) => {
                let answer: Answer = Box::new(move |option| {
                    let outcome = option.map_or(RequestPermissionOutcome::Cancelled, |id| {
                        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(id))
                    });
                    // The agent may be gone.
                    let _ = responder.cast().respond(RequestPermissionResponse::new(outcome));
                });
                listener.ask(&session, asked, answer);
                Ok(())
            }
            Err(error) => responder.respond_with_error(error),
        },
        "fs/read_text_file" => responder.cast().respond_with_result(parse(params).and_then(|read| {
            let ReadTextFileRequest { path, line, limit, .. } = read;
            listener.read(path, line, limit).map(ReadTextFileResponse::new).map_err(refused)
        })),
        "fs/write_text_file" => responder.cast().respond_with_result(parse(params).and_then(|write| {
            let WriteTextFileRequest { path, content, .. } = write;
            listener.write(path, content).map(|()| WriteTextFileResponse::new()).map_err(refused)
        })),
        _ => responder.respond_with_error(Error::method_not_found().data(Value::String(method))),
    }
}

fn parse<T: DeserializeOwned>(params: Value) -> Result<T, Error> {
    serde_json::from_value(params).map_err(|error| Error::invalid_params().data(Value::String(error.to_string())))
}

/// An error whose text is for a model: many agents show it nothing but the message.
fn refused(why: String) -> Error {
    Error::new(ErrorCode::INVALID_PARAMS.value(), why)
}

fn update_of(update: SessionUpdate) -> Update {
    match update {
        SessionUpdate::AgentMessageChunk(chunk) => Update::Text(text_of(chunk.content)),
        SessionUpdate::AgentThoughtChunk(chunk) => Update::Thought(text_of(chunk.content)),
        SessionUpdate::ToolCall(call) => Update::Call(Call {
            key: call.tool_call_id.0.to_string(),
            title: Some(call.title),
            kind: Some(kind_of(call.kind)),
            arguments: call.raw_input,
            progress: Some(progress_of(call.status)),
            content: (!call.content.is_empty()).then(|| shown(call.content)),
            output: call.raw_output,
        }),
        SessionUpdate::ToolCallUpdate(update) => Update::Call(call_of(update)),
        _ => Update::Other,
    }
}

fn call_of(update: ToolCallUpdate) -> Call {
    let fields = update.fields;
    Call {
        key: update.tool_call_id.0.to_string(),
        title: fields.title,
        kind: fields.kind.map(kind_of),
        arguments: fields.raw_input,
        progress: fields.status.map(progress_of),
        content: fields.content.filter(|content| !content.is_empty()).map(shown),
        output: fields.raw_output,
    }
}

fn kind_of(kind: WireKind) -> ToolKind {
    word(&kind).parse().unwrap_or(ToolKind::Other)
}

fn progress_of(status: ToolCallStatus) -> Progress {
    match status {
        ToolCallStatus::InProgress => Progress::Running,
        ToolCallStatus::Completed => Progress::Done,
        ToolCallStatus::Failed => Progress::Failed,
        _ => Progress::Waiting,
    }
}

/// What a tool call shows, as one text.
fn shown(content: Vec<ToolCallContent>) -> String {
    let show = |content| match content {
        ToolCallContent::Content(content) => text_of(content.content),
        ToolCallContent::Diff(change) => {
            diff::render(&change.path.display().to_string(), change.old_text.as_deref(), &change.new_text)
        }
        ToolCallContent::Terminal(terminal) => format!("[terminal {}]", terminal.terminal_id.0),
        _ => "[content of an unknown kind]".to_owned(),
    };
    content.into_iter().map(show).collect::<Vec<_>>().join("\n")
}

/// The text of a content; a mark stands for what is no text.
fn text_of(content: ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => format!("[image {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[audio {}]", audio.mime_type),
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        ContentBlock::Resource(resource) => match resource.resource {
            EmbeddedResourceResource::TextResourceContents(text) => text.text,
            EmbeddedResourceResource::BlobResourceContents(blob) => format!("[data {}]", blob.uri),
            _ => "[content of an unknown kind]".to_owned(),
        },
        _ => "[content of an unknown kind]".to_owned(),
    }
}

/// Reads a request for permission; options of an unknown kind cannot be chosen, so they are left out.
fn asked_of(mut params: Value) -> Result<(String, Asked), Error> {
    let missing = |what: &str| Error::invalid_params().data(Value::String(format!("{what} is missing")));
    let session = params.get("sessionId").and_then(Value::as_str).ok_or_else(|| missing("sessionId"))?.to_owned();
    let options = params.get_mut("options").map(Value::take).unwrap_or_default();
    let options = options.as_array().ok_or_else(|| missing("options"))?;
    let known = options.iter().filter_map(|option| serde_json::from_value(option.clone()).ok());
    let call = params.get_mut("toolCall").map(Value::take).ok_or_else(|| missing("toolCall"))?;
    Ok((session, Asked { call: call_of(parse(call)?), options: known.filter_map(option_of).collect() }))
}

fn option_of(option: WireOption) -> Option<PermissionOption> {
    let kind = match option.kind {
        PermissionOptionKind::AllowOnce => OptionKind::AllowOnce,
        PermissionOptionKind::AllowAlways => OptionKind::AllowAlways,
        PermissionOptionKind::RejectOnce => OptionKind::RejectOnce,
        PermissionOptionKind::RejectAlways => OptionKind::RejectAlways,
        _ => return None,
    };
    Some(PermissionOption { id: option.option_id.0.to_string(), name: option.name, kind })
}
