//! What the agent's client asks, carried to the Pod, and the Pod's answers in words for a model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::link::{Link, Unanswered};
use crate::pod::protocol::{Code, Event, MAX_LINE, Message, Method};
use crate::pod::{ToolDescription, ToolOutcome};

/// What a model that calls tools on behalf of an earlier start is told.
const EARLIER_START: &str =
    "this Pod was restarted; this tool server belongs to an earlier start and can do nothing: stop calling it";

/// The server's side of the session with the agent's client.
pub(super) struct Bridge {
    link: Link,
    epoch: String,
    tools: Vec<Tool>,
    reported: AtomicBool,
}

impl Bridge {
    pub(super) fn new(link: Link, epoch: String, tools: &[ToolDescription]) -> Self {
        Self { link, epoch, tools: tools.iter().map(described).collect(), reported: AtomicBool::new(false) }
    }

    /// Tells the Pod, once, that the agent has its tools.
    async fn report(&self) {
        if !self.reported.swap(true, Ordering::AcqRel) {
            // Refused means that nobody waits for this report.
            let _ = self.link.ask(&Method::ToolsReady { epoch: self.epoch.clone() }).await;
        }
    }
}

impl ServerHandler for Bridge {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("yoi", env!("CARGO_PKG_VERSION")))
            .with_instructions("The tickets of this workspace, and what your role may do to them.")
    }

    async fn on_initialized(&self, _context: NotificationContext<RoleServer>) {
        self.report().await;
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.report().await;
        Ok(ListToolsResult::with_all_items(self.tools.clone()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.report().await;
        let tool = call.name.into_owned();
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let asked = Method::ToolCall { tool: tool.clone(), arguments, epoch: self.epoch.clone() };
        let ToolOutcome { text, is_error } = outcome(&tool, self.link.ask(&asked).await);
        let content = vec![ContentBlock::text(text)];
        Ok(if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) }.into())
    }

    /// Answers what rmcp does not know, and what it does not take for the request that it names.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(match request.method.as_str() {
            "tools/call" => {
                let shape = "the parameters of tools/call are {\"name\": TEXT, \"arguments\": OBJECT}";
                ErrorData::invalid_params(shape, None)
            }
            method => ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method.to_owned(), None),
        })
    }
}

fn described(tool: &ToolDescription) -> Tool {
    let schema = tool.schema.as_object().cloned();
    let schema = schema.unwrap_or_else(|| serde_json::Map::from_iter([("type".to_owned(), json!("object"))]));
    // Nothing that a tool of ours does is lost by doing it, or leaves the workspace: clients ask a person less then.
    let hints = ToolAnnotations::new().read_only(tool.read_only).destructive(false).open_world(false);
    Tool::new(tool.name.clone(), tool.description.clone(), Arc::new(schema)).with_annotations(hints)
}

/// What came of a call.
fn outcome(tool: &str, answer: Result<Message, Unanswered>) -> ToolOutcome {
    let failed = |text: String| ToolOutcome { text, is_error: true };
    let answer = match answer {
        Ok(answer) => answer,
        Err(Unanswered::TooLong(bytes)) => {
            return failed(format!(
                "{tool} was not called: with these arguments the call takes {bytes} bytes, and at most 1 MiB ({MAX_LINE} \
                 bytes) can be sent. Shorten them: put what is long into a file of your working directory and name that \
                 file, or make several calls"
            ));
        }
        Err(Unanswered::Gone) => {
            return failed(format!(
                "the Pod has ended, and {tool} has no answer: no tool can be called any more, end your turn"
            ));
        }
    };
    match answer.event() {
        Some(Event::ToolResult { outcome, .. }) => outcome,
        Some(Event::Error { code, message }) => failed(refusal(tool, &code, &message)),
        _ if answer.event == "tool_result" => failed(format!(
            "{tool} was called, but its answer does not fit into 1 MiB: look with TicketShow or TicketList at what it did"
        )),
        _ => failed(format!("{tool} was not called: the Pod answered {:?}", answer.event)),
    }
}

/// Why the Pod did not call a tool, and what a model should do then.
fn refusal(tool: &str, code: &str, message: &str) -> String {
    let advice = match code.parse() {
        Ok(Code::WrongEpoch) => return EARLIER_START.to_owned(),
        Ok(Code::OnProbation | Code::Starting) => "call it once you have been given work",
        Ok(Code::ShuttingDown) => "no tool can be called any more, end your turn",
        Ok(Code::Busy) => "call it again, one call at a time",
        _ => "go on without it, and say in your answer what you could not do",
    };
    format!("{tool} was not called: {message}. What to do: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_to_do() {
        for code in [Code::OnProbation, Code::Starting, Code::ShuttingDown, Code::Busy, Code::Failed] {
            let event = Event::Error { code: code.to_string(), message: code.text().to_owned() };
            let told = outcome("TicketShow", Ok(Message::new(&event, None)));
            assert!(told.is_error && told.text.starts_with("TicketShow was not called: "), "{told:?}");
            assert!(told.text.contains(code.text()) && told.text.contains("What to do: "), "{told:?}");
        }
        let event = Event::Error { code: "of_tomorrow".to_owned(), message: "not today".to_owned() };
        assert!(outcome("TicketShow", Ok(Message::new(&event, None))).text.contains("not today"));
    }

    #[test]
    fn a_call_of_an_earlier_start_is_told_to_stop() {
        let event = Event::Error { code: Code::WrongEpoch.to_string(), message: String::new() };
        let told = outcome("TicketShow", Ok(Message::new(&event, None)));
        assert_eq!(told, ToolOutcome { text: EARLIER_START.to_owned(), is_error: true });
    }

    #[test]
    fn an_answer_that_was_cut_away_whole_says_that_the_call_was_made() {
        let cut = Message { event: "tool_result".to_owned(), data: json!({ "cut": true }), id: None };
        let told = outcome("TicketShow", Ok(cut));
        assert!(told.is_error && told.text.starts_with("TicketShow was called, but "), "{told:?}");
    }

    #[test]
    fn a_call_that_is_too_long_names_the_bound() {
        let told = outcome("TicketComment", Err(Unanswered::TooLong(1_234_567)));
        assert!(told.is_error && told.text.contains("1234567") && told.text.contains("1048576"), "{told:?}");
    }

    #[test]
    fn a_schema_is_handed_on_as_it_is() {
        let schema = json!({ "type": "object", "properties": { "z": {}, "a": {} }, "additionalProperties": false });
        let tool =
            ToolDescription { name: "T".into(), description: "does".into(), schema: schema.clone(), read_only: true };
        let told = serde_json::to_value(described(&tool)).unwrap();
        assert_eq!(told["inputSchema"].to_string(), schema.to_string());
        assert_eq!(told["annotations"]["readOnlyHint"], true);
    }
}
