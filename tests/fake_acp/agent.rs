//! An agent that speaks the Agent Client Protocol and does what its prompt says, one directive a line.
//!
//! Directives begin with `@`; see [`script`]. What happens before a prompt is said by the arguments: `version=2`,
//! `auth=METHOD` (offered, and asked for), `no-load`, `load-fails`, `modes=A,B`, `close` (wants to be told),
//! `hang=METHOD`, `crash=METHOD`, `tools=none|hang|twice`, `prompted=FILE` (a shell script that is run at each prompt),
//! `plays=FILE` (what it does, whatever the prompt says), and `trace=FILE`, where each thing that is asked of it is noted.
#![allow(missing_docs)]
#![allow(clippy::zombie_processes, reason = "what it leaves behind is for its Pod to end")]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::disallowed_methods)]

mod script;
mod tools;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    AgentCapabilities, AuthMethod, AuthMethodAgent, AuthenticateRequest, AuthenticateResponse, CancelNotification,
    CloseSessionRequest, CloseSessionResponse, Implementation, InitializeRequest, InitializeResponse,
    LoadSessionRequest, LoadSessionResponse, McpServer, NewSessionRequest, NewSessionResponse, PromptRequest,
    SessionCapabilities, SessionCloseCapabilities, SessionMode, SessionModeState, SetSessionModeRequest,
    SetSessionModeResponse,
};
use agent_client_protocol::{Agent, Client, Error, Stdio};
use agent_client_protocol::{on_receive_notification, on_receive_request};
use tokio::sync::Notify;

use tools::Tools;

/// What the fake knows and was told.
pub struct Fake {
    options: BTreeMap<String, String>,
    trace: Option<Mutex<File>>,
    authenticated: Mutex<bool>,
    pub tools: Mutex<Option<Tools>>,
    pub cancelled: Notify,
}

impl Fake {
    fn new(arguments: impl Iterator<Item = String>) -> Self {
        let split = |argument: String| match argument.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (argument, String::new()),
        };
        let options: BTreeMap<_, _> = arguments.map(split).collect();
        let trace = options.get("trace").map(|path| File::options().create(true).append(true).open(path).unwrap());
        Self {
            options,
            trace: trace.map(Mutex::new),
            authenticated: Mutex::default(),
            tools: Mutex::default(),
            cancelled: Notify::new(),
        }
    }

    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// Notes something, in one write.
    pub fn note(&self, text: &str) {
        if let Some(trace) = &self.trace {
            trace.lock().unwrap().write_all(format!("{text}\n").as_bytes()).unwrap();
        }
    }

    /// A request begins: what the arguments say of it happens.
    async fn begin(&self, method: &str, detail: &str) {
        self.note(format!("{method} {detail}").trim_end());
        if self.option("crash") == Some(method) {
            eprintln!("I fall at {method}");
            std::process::exit(7);
        }
        if self.option("hang") == Some(method) {
            std::future::pending().await
        }
    }

    fn modes(&self) -> Option<SessionModeState> {
        let modes = self.option("modes")?.split(',').map(|id| SessionMode::new(id.to_owned(), format!("Mode {id}")));
        Some(SessionModeState::new("default", modes.collect()))
    }

    /// Starts the tool server that a session brings, as the arguments say.
    async fn start_tools(&self, servers: &[McpServer]) -> Result<(), Error> {
        if self.option("auth").is_some() && !*self.authenticated.lock().unwrap() {
            return Err(Error::auth_required());
        }
        let [McpServer::Stdio(server)] = servers else { return Err(Error::invalid_params()) };
        self.note(&format!("server {} {}", server.name, server.args.join(" ")));
        match self.option("tools") {
            Some("none") => {}
            Some("hang") => tools::hang(server),
            Some("twice") => {
                let first = Tools::start(server);
                *self.tools.lock().unwrap() = Some(Tools::start(server));
                first.forget();
            }
            _ => *self.tools.lock().unwrap() = Some(Tools::start(server)),
        }
        Ok(())
    }
}

fn initialized(fake: &Fake, asked: &InitializeRequest) -> InitializeResponse {
    fake.note(&format!("client {:?}", asked.client_info.as_ref().map(|info| &info.name)));
    let mut capabilities = AgentCapabilities::new().load_session(fake.option("no-load").is_none());
    if fake.option("close").is_some() {
        capabilities =
            capabilities.session_capabilities(SessionCapabilities::new().close(SessionCloseCapabilities::new()));
    }
    let offered = |id: &str| {
        AuthMethod::Agent(
            AuthMethodAgent::new(id.to_owned(), format!("Log in by {id}")).description("a fake way".to_owned()),
        )
    };
    InitializeResponse::new(ProtocolVersion::V1)
        .agent_capabilities(capabilities)
        .auth_methods(fake.option("auth").map(offered).into_iter().collect())
        .agent_info(Implementation::new("fake", "1.0"))
}

/// Greets as an agent of another version of the protocol, which the crate would not do, and waits to be ended.
fn speak_version(version: &str) {
    let mut lines = std::io::stdin().lines();
    let asked: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    println!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"protocolVersion\":{version}}}}}", asked["id"]);
    lines.for_each(drop);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let fake = Arc::new(Fake::new(std::env::args().skip(1)));
    if let Some(version) = fake.option("version") {
        speak_version(version);
        return Ok(());
    }
    macro_rules! with {
        (|$fake:ident, $request:ident: $type:ty| $body:expr) => {{
            let fake = Arc::clone(&fake);
            async move |$request: $type, responder, _: ConnectionTo<Client>| {
                let $fake = &fake;
                responder.respond_with_result($body)
            }
        }};
    }
    Agent
        .v1()
        .on_receive_request(
            with!(|fake, asked: InitializeRequest| {
                fake.begin("initialize", "").await;
                Ok(initialized(fake, &asked))
            }),
            on_receive_request!(),
        )
        .on_receive_request(
            with!(|fake, asked: AuthenticateRequest| {
                fake.begin("authenticate", &asked.method_id.0).await;
                *fake.authenticated.lock().unwrap() = true;
                Ok(AuthenticateResponse::new())
            }),
            on_receive_request!(),
        )
        .on_receive_request(
            with!(|fake, asked: NewSessionRequest| {
                fake.begin("session/new", &asked.cwd.display().to_string()).await;
                let session = format!("session-{}", std::process::id());
                let made = || NewSessionResponse::new(session).modes(fake.modes());
                fake.start_tools(&asked.mcp_servers).await.map(|()| made())
            }),
            on_receive_request!(),
        )
        .on_receive_request(
            {
                let fake = Arc::clone(&fake);
                async move |asked: LoadSessionRequest, responder, connection: ConnectionTo<Client>| {
                    fake.begin("session/load", &asked.session_id.0).await;
                    if fake.option("load-fails").is_some() {
                        return responder.respond_with_error(Error::new(-32603, "that session is lost"));
                    }
                    script::replay(&connection, &asked.session_id)?;
                    let made = || LoadSessionResponse::new().modes(fake.modes());
                    responder.respond_with_result(fake.start_tools(&asked.mcp_servers).await.map(|()| made()))
                }
            },
            on_receive_request!(),
        )
        .on_receive_request(
            with!(|fake, asked: SetSessionModeRequest| {
                fake.begin("session/set_mode", &asked.mode_id.0).await;
                Ok(SetSessionModeResponse::new())
            }),
            on_receive_request!(),
        )
        .on_receive_request(
            with!(|fake, asked: CloseSessionRequest| {
                fake.begin("session/close", &asked.session_id.0).await;
                Ok(CloseSessionResponse::new())
            }),
            on_receive_request!(),
        )
        .on_receive_notification(
            {
                let fake = Arc::clone(&fake);
                async move |_: CancelNotification, _: ConnectionTo<Client>| {
                    fake.note("session/cancel");
                    fake.cancelled.notify_one();
                    Ok(())
                }
            },
            on_receive_notification!(),
        )
        .on_receive_request(
            {
                let fake = Arc::clone(&fake);
                async move |asked: PromptRequest, responder, connection: ConnectionTo<Client>| {
                    let fake = Arc::clone(&fake);
                    // Beside the other messages: a cancel must be heard.
                    connection.clone().spawn(async move {
                        let answer = script::play(&fake, &connection, &asked).await;
                        responder.respond_with_result(answer)
                    })
                }
            },
            on_receive_request!(),
        )
        .connect_to(Stdio::new())
        .await
}
