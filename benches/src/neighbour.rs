//! The server behind a gateway, which puts the load on the gateway as well.
//!
//! Both have to be on the core that is not measured. As two processes they would sleep while they have nothing to do, and
//! a subject has to wake who sleeps: on a virtual machine that takes it several microseconds, and the slower the subject
//! is, the more often the others sleep. So they are one process, which does not sleep while there is load.

use std::io::{self, BufRead as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::command_line::Load;
use crate::load::Sender;
use crate::machine::{Pipes, Server};
use crate::subject::serve;

/// The server, on its core. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) port: u16,
    process: Arc<Mutex<(Server, Pipes)>>,
}

impl Neighbour {
    /// Starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (server, pipes) = Server::start_beside(&["neighbour".to_owned()])?;
        let port = server.port;
        let process = Arc::new(Mutex::new((server, pipes)));
        Ok(Self { port, process })
    }

    /// Has the load sent, and returns what is printed about it: nothing, if it did not come to its end.
    pub(crate) fn carry_out(&self, load: &Load) -> anyhow::Result<String> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let Pipes { input, output } = &mut process.1;
        writeln!(input, "{}", serde_json::to_string(load)?)?;
        let mut seen = String::new();
        output.read_line(&mut seen)?;
        Ok(seen)
    }
}

/// Serves, and puts load on whom standard input names, until that ends.
pub(crate) async fn run(router: Router) -> anyhow::Result<()> {
    tokio::select! {
        ended = serve(router) => ended,
        ended = put_load_on_others() => ended,
    }
}

async fn put_load_on_others() -> anyhow::Result<()> {
    let mut orders = orders();
    while let Some(order) = orders.recv().await {
        let mut sender = Sender::new(&serde_json::from_str(&order)?)?;
        while sender.goes_on() {
            sender.turn()?;
            // The server's turn; with nothing to do for it, this one goes on at once.
            yield_now().await;
        }
        writeln!(io::stdout(), "{}", sender.seen()?)?;
    }
    Ok(())
}

/// The lines of standard input.
fn orders() -> mpsc::Receiver<String> {
    let (orders, received) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if orders.blocking_send(line).is_err() {
                return;
            }
        }
    });
    received
}
