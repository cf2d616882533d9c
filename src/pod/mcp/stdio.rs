//! Standard input and output, as the agent's client speaks on them.

use std::io;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, GetMeta as _, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::{StdioReader, StdioWriter, stdio_pipes};

/// Standard input and output of this process.
pub(super) fn transport() -> Patient<AsyncRwTransport<RoleServer, StdioReader, StdioWriter>> {
    let (reader, writer) = stdio_pipes();
    Patient { inner: AsyncRwTransport::new(reader, writer), opened: false }
}

/// Skips what is no request before the session has begun: rmcp would end at it.
pub(super) struct Patient<T> {
    inner: T,
    opened: bool,
}

impl<T: Transport<RoleServer, Error = io::Error>> Transport<RoleServer> for Patient<T> {
    type Error = io::Error;

    fn send(&mut self, item: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let message = self.inner.receive().await?;
            match &message {
                ClientJsonRpcMessage::Request(asked) => {
                    self.opened |= begins(&asked.request);
                    return Some(message);
                }
                _ if self.opened => return Some(message),
                _ => {}
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        self.inner.close()
    }
}

/// Whether a request begins a session: the handshake, or in later revisions of MCP any request that says what its client
/// is, but for those that only look around.
fn begins(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => other.get_meta().protocol_version().is_some(),
    }
}
