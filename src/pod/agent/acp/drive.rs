//! One run of the agent program, on a thread of its own, from its start to its end.
//!
//! The thread begins with the program and ends with it: what the program left behind is ended then, and the next turn
//! starts a new one. It sleeps in the kernel unless the program, the Pod or a deadline has something to say.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::opening::{self, Opening};
use super::program::{Born, Program};
use super::teller::Teller;
use super::terms::{Fault, Stop};
use super::wire::Peer;
use super::{lines, wire};
use crate::domain::AcpSpec;
use crate::pod::agent::{Cancel, Feed, News, ToolServer, TurnError};
use crate::pod::nursery::Nursery;

/// How much of a line that is no message is kept in the log, in bytes.
const MAX_STRAY: usize = 4 << 10;
/// How long an agent may take to close its session, and then to end by itself.
const LEAVE: Duration = Duration::from_millis(400);

/// What a run needs of its Pod.
pub(super) struct Run {
    pub(super) spec: AcpSpec,
    pub(super) directory: PathBuf,
    pub(super) tool_server: ToolServer,
    /// The session of an earlier run.
    pub(super) session: Option<String>,
    pub(super) feed: Feed,
    pub(super) nursery: Nursery,
    pub(super) teller: Teller,
    /// Told when the tool server has reported.
    pub(super) tools: oneshot::Receiver<()>,
}

/// How an agent has come up.
pub(super) struct Opened {
    /// Its session.
    pub(super) session: String,
    /// Whether that remembers nothing.
    pub(super) fresh: bool,
}

/// What a run is told.
enum Order {
    Prompt { text: String, reply: SyncSender<Turned> },
    Cancel,
    Close { reply: SyncSender<()> },
}

/// How a turn went.
pub(super) struct Turned {
    pub(super) result: Result<(), TurnError>,
    /// Whether the agent has taken the prompt.
    pub(super) taken: bool,
}

/// A run, as who uses it sees it.
pub(super) struct Running {
    orders: UnboundedSender<Order>,
}

impl Running {
    /// Starts the thread of a run for a program that was started, and waits until the agent is up.
    ///
    /// # Errors
    /// Why it did not come up; nothing of it is left then.
    pub(super) fn start(born: Born, run: Run, cancel: Option<&Cancel>) -> Result<(Self, Opened), TurnError> {
        let (orders, received) = unbounded_channel();
        let (tell, opened) = sync_channel(1);
        let nursery = run.nursery.clone();
        let thread = std::thread::Builder::new().name("acp".to_owned()).stack_size(1 << 20);
        let failed = |error: io::Error| {
            // Whatever was started goes with it.
            let _ = nursery.end_strays();
            TurnError::Failed(format!("cannot speak to the agent: {error}"))
        };
        let running = Self { orders };
        thread.spawn(move || run.live(born, &tell, received)).map_err(failed)?;
        running.cancel_on(cancel);
        match opened.recv() {
            Ok(opened) => Ok((running, opened?)),
            Err(_) => Err(TurnError::Failed("the Pod is ending".to_owned())),
        }
    }

    /// Whether the run has ended.
    pub(super) fn is_over(&self) -> bool {
        self.orders.is_closed()
    }

    /// Gives the agent work, and waits until the turn is over; `None` when the run had ended before it was given.
    pub(super) fn prompt(&self, text: String, cancel: &Cancel) -> Option<Turned> {
        let (reply, turned) = sync_channel(1);
        self.orders.send(Order::Prompt { text, reply }).ok()?;
        self.cancel_on(Some(cancel));
        turned.recv().ok()
    }

    /// Takes leave of the agent.
    pub(super) fn close(&self) {
        let (reply, closed): (_, Receiver<()>) = sync_channel(1);
        if self.orders.send(Order::Close { reply }).is_ok() {
            let _ = closed.recv();
        }
    }

    fn cancel_on(&self, cancel: Option<&Cancel>) {
        let orders = self.orders.clone();
        if let Some(cancel) = cancel {
            cancel.on_cancel(move || drop(orders.send(Order::Cancel)));
        }
    }
}

impl Run {
    fn live(self, born: Born, tell: &SyncSender<Result<Opened, TurnError>>, orders: UnboundedReceiver<Order>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                drop(born);
                let _ = self.nursery.end_strays();
                let _ = tell.send(Err(TurnError::Failed(format!("cannot speak to the agent: {error}"))));
                return;
            }
        };
        runtime.block_on(self.drive(born, tell, orders));
    }

    async fn drive(
        mut self,
        born: Born,
        tell: &SyncSender<Result<Opened, TurnError>>,
        mut orders: UnboundedReceiver<Order>,
    ) {
        let nursery = self.nursery.clone();
        let (mut talk, connected) = match Talk::begin(born, &self) {
            Ok(begun) => begun,
            Err(error) => {
                let _ = nursery.end_strays();
                let _ = tell.send(Err(TurnError::Failed(format!("cannot speak to the agent: {error}"))));
                return;
            }
        };
        let opened = self.open(&mut talk, connected, &mut orders).await;
        let up = match opened {
            Ok((up, opened)) => {
                let told = tell.send(Ok(opened));
                told.is_ok().then_some(up)
            }
            Err(error) => {
                talk.program.kill().await;
                let _ = nursery.end_strays();
                let _ = tell.send(Err(error));
                return;
            }
        };
        let Some(up) = up else { return };
        let closing = up.serve(&mut talk, &mut orders).await;
        if let Some(reply) = closing {
            // The Pod ends, and with it all that it started; an agent that ends by itself puts its things in order.
            talk.hang_up();
            let _ = timeout(LEAVE, talk.program.ended()).await;
            let _ = reply.send(());
            return;
        }
        // Who gives it work next must not find what it left.
        if let Err(error) = nursery.end_strays() {
            (self.feed)(News::Alert(format!("cannot look for what the agent left: {error}")));
        }
    }

    async fn open(
        &mut self,
        talk: &mut Talk,
        connected: oneshot::Receiver<Peer>,
        orders: &mut UnboundedReceiver<Order>,
    ) -> Result<(Up, Opened), TurnError> {
        let step = opening::Step::default();
        let opening = Opening {
            spec: &self.spec,
            directory: &self.directory,
            tool_server: &self.tool_server,
            session: self.session.as_deref(),
            feed: &self.feed,
            step: &step,
        };
        let come_up = opening.come_up(connected, &mut self.tools);
        let failure = tokio::select! {
            // The order counts: an agent that says why it ends is believed rather than its end.
            biased;
            result = come_up => match result {
                Ok(up) => {
                    self.teller.up(&up.session);
                    let opened = Opened { session: up.session.clone(), fresh: up.fresh };
                    let deadlines = self.spec.deadlines;
                    let up = Up {
                        peer: up.peer,
                        session: up.session,
                        closes: up.closes,
                        first_sign: deadlines.first_sign,
                        cancel: deadlines.cancel,
                        teller: self.teller.clone(),
                        feed: self.feed.clone(),
                    };
                    return Ok((up, opened));
                }
                Err(opening::Failure::Gone) => None,
                Err(opening::Failure::Said(why)) => Some(why),
            },
            why = talk.gone() => {
                let why = talk.program.autopsy(why).await;
                return Err(TurnError::Failed(format!("{why} (it was to answer {step})")));
            }
            _ = cancelled(orders) => return Err(TurnError::Cancelled),
        };
        Err(TurnError::Failed(match failure {
            Some(why) => talk.program.said(&format!("'{}' {why}", talk.program.name())),
            None => {
                let why = talk.program.autopsy(Some("closed its standard output".to_owned())).await;
                format!("{why} (it was to answer {step})")
            }
        }))
    }
}

/// Waits until the turn is to end; forever, when nobody is left who could say so.
async fn cancelled(orders: &mut UnboundedReceiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Cancel) => return,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// The program and the line to it.
struct Talk {
    program: Program,
    line: JoinHandle<()>,
    /// Why the line is broken, once it is.
    broken: oneshot::Receiver<String>,
}

impl Talk {
    fn begin(born: Born, run: &Run) -> io::Result<(Self, oneshot::Receiver<Peer>)> {
        let (program, input, output) = Program::take(born, run.feed.clone())?;
        let feed = run.feed.clone();
        let stray = move |line: &[u8]| {
            let shown = &line[..line.len().min(MAX_STRAY)];
            feed(News::Log([b"(on its standard output) ", shown, b"\n"].concat()));
        };
        let (outgoing, incoming) = lines::between(input, output, stray);
        let (hand_out, connected) = oneshot::channel();
        let (tell, broken) = oneshot::channel();
        let teller = run.teller.clone();
        let line = tokio::spawn(async move {
            let _ = tell.send(wire::connect(outgoing, incoming, teller, hand_out).await);
        });
        Ok((Self { program, line, broken }, connected))
    }

    /// Closes the program's standard input.
    fn hang_up(&self) {
        self.line.abort();
    }

    /// Waits until the program has ended, or cannot be spoken to any more, and gives why.
    async fn gone(&mut self) -> Option<String> {
        tokio::select! {
            biased;
            () = self.program.ended() => None,
            Ok(why) = &mut self.broken => Some(format!("cannot be spoken to any more: {why}")),
        }
    }
}

/// An agent that is up.
struct Up {
    peer: Peer,
    session: String,
    /// Whether it wants to hear that the session is over.
    closes: bool,
    first_sign: Duration,
    cancel: Duration,
    teller: Teller,
    feed: Feed,
}

impl Up {
    /// Serves orders until the run is over; gives whom to tell when it was asked to close.
    async fn serve(self, talk: &mut Talk, orders: &mut UnboundedReceiver<Order>) -> Option<SyncSender<()>> {
        loop {
            let order = tokio::select! {
                biased;
                why = talk.gone() => {
                    let why = talk.program.autopsy(why).await;
                    (self.feed)(News::Log(format!("the agent is gone: {why}; the next turn starts it anew\n").into()));
                    return None;
                }
                order = orders.recv() => order,
            };
            match order {
                Some(Order::Prompt { text, reply }) => {
                    let Turned { result, taken } = self.turn(text, talk, orders).await;
                    let over = talk.program.is_over();
                    if over {
                        // Before the next turn can be asked for.
                        orders.close();
                    }
                    let _ = reply.send(Turned { result, taken });
                    if over {
                        return None;
                    }
                }
                // Of a turn that is over.
                Some(Order::Cancel) => {}
                Some(Order::Close { reply }) => {
                    if self.closes {
                        let _ = timeout(LEAVE, self.peer.close(&self.session)).await;
                    }
                    return Some(reply);
                }
                None => return None,
            }
        }
    }

    async fn turn(&self, text: String, talk: &mut Talk, orders: &mut UnboundedReceiver<Order>) -> Turned {
        self.teller.begin();
        let result = self.work(text, talk, orders).await;
        let taken = self.teller.is_alive();
        let active = self.teller.end();
        let result = match result {
            Ok(Stop::EndTurn) if active => Ok(()),
            Ok(Stop::EndTurn) => Err("ended its turn without doing anything".to_owned()),
            Ok(Stop::MaxTokens) => Err("stopped: it has used up the tokens that its model allows".to_owned()),
            Ok(Stop::MaxTurnRequests) => {
                Err("stopped: it has made as many requests to its model as it allows in one turn".to_owned())
            }
            Ok(Stop::Refusal) => Err("refused to go on".to_owned()),
            Ok(Stop::Cancelled) => Err("ended its turn as cancelled, which nobody had asked for".to_owned()),
            Ok(Stop::Other(reason)) => Err(format!("stopped for a reason that is not known here: {reason}")),
            Err(Ending::Cancelled) => return Turned { result: Err(TurnError::Cancelled), taken },
            Err(Ending::Fault(why)) => Err(why),
            Err(Ending::Dead(why)) => return Turned { result: Err(TurnError::Failed(why)), taken },
        };
        let described = |why: String| TurnError::Failed(talk.program.said(&format!("'{}' {why}", talk.program.name())));
        Turned { result: result.map_err(described), taken }
    }

    /// Prompts the agent, and waits for the end of its turn, however that comes.
    async fn work(&self, text: String, talk: &mut Talk, orders: &mut UnboundedReceiver<Order>) -> Result<Stop, Ending> {
        let mut answer = std::pin::pin!(self.peer.prompt(&self.session, text));
        let mut silent_until = Some(Instant::now() + self.first_sign);
        let mut cancelling: Option<(Instant, Ending)> = None;
        loop {
            let answered = tokio::select! {
                biased;
                answered = &mut answer => answered,
                why = talk.gone() => return Err(self.dead(talk, why).await),
                Some(order) = orders.recv() => {
                    if matches!(order, Order::Cancel) && cancelling.is_none() {
                        cancelling = Some(self.ask_to_end(Ending::Cancelled));
                    }
                    continue;
                }
                () = sleep_until(silent_until.unwrap_or_else(Instant::now)), if silent_until.is_some() => {
                    silent_until = None;
                    if !self.teller.is_alive() && cancelling.is_none() {
                        let within = self.first_sign.as_secs_f64();
                        let why = format!(
                            "gave no sign of life within {within} s of the prompt (deadline first_sign of its profile)"
                        );
                        cancelling = Some(self.ask_to_end(Ending::Fault(why)));
                    }
                    continue;
                }
                () = sleep_until(cancelling.as_ref().map_or_else(Instant::now, |(at, _)| *at)), if cancelling.is_some() => {
                    talk.program.kill().await;
                    return Err(cancelling.map_or(Ending::Cancelled, |(_, why)| why));
                }
            };
            return match (answered, cancelling) {
                (Err(Fault::Closed), cancelling) => {
                    let dead = self.dead(talk, Some("closed its standard output".to_owned())).await;
                    Err(cancelling.map_or(dead, |(_, why)| why))
                }
                // However it ends: it was told to.
                (_, Some((_, why))) => Err(why),
                (Ok(stop), None) => Ok(stop),
                (Err(Fault::Answered(why) | Fault::Unauthenticated(why)), None) => {
                    Err(Ending::Fault(format!("answered with an error: {why}")))
                }
            };
        }
    }

    fn ask_to_end(&self, why: Ending) -> (Instant, Ending) {
        self.teller.cancelling();
        self.peer.cancel(&self.session);
        (Instant::now() + self.cancel, why)
    }

    async fn dead(&self, talk: &mut Talk, why: Option<String>) -> Ending {
        // What it said before it ended is told first.
        let _ = timeout(LEAVE, self.peer.silent()).await;
        Ending::Dead(talk.program.autopsy(why).await)
    }
}

/// Why a turn ended otherwise than by the agent's own decision.
enum Ending {
    /// It was cancelled.
    Cancelled,
    /// The agent did not do as it should; it runs.
    Fault(String),
    /// The agent is gone.
    Dead(String),
}
