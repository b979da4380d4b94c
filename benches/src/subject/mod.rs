//! What is measured. Each subject says on standard output which port it has, or what it found.

pub(crate) mod authorization_server;
pub(crate) mod echo;
mod floor;
mod proxy;
pub(crate) mod relay;
pub(crate) mod road;
mod signer;
mod whoami;
mod writer;

use std::io::Write as _;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::command_line::SubjectCommand;
use crate::neighbour;

/// Runs the subject: a server until it is killed, signer and writer for as long as they were told.
pub(crate) fn run(command: SubjectCommand) -> anyhow::Result<()> {
    // The same runtime as `sumun`: on one core it has one thread for requests.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match command {
        SubjectCommand::Whoami { guard, keys } => {
            runtime.block_on(async { serve_alone(whoami::router(guard, &keys)?).await })
        }
        SubjectCommand::Echo => runtime.block_on(serve_alone(echo::router())),
        SubjectCommand::Neighbour => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(neighbour::run(echo::router())),
        SubjectCommand::Proxy {
            upstream,
            path,
            keys,
            issuer,
            audience,
        } => runtime.block_on(async {
            let trust = proxy::Trust {
                keys: &keys,
                issuer: &issuer,
                audience: &audience,
            };
            serve_alone(proxy::router(upstream, &path, &trust)?).await
        }),
        SubjectCommand::AuthorizationServer { algorithm, data } => runtime.block_on(async {
            serve_alone(authorization_server::router(algorithm, &data).await?).await
        }),
        SubjectCommand::Road { data, provider } => {
            runtime.block_on(async { serve_alone(road::router(&data, provider).await?).await })
        }
        SubjectCommand::Relay { caller, data } => {
            runtime.block_on(async { serve_alone(relay::router(caller, &data).await?).await })
        }
        SubjectCommand::Writer {
            data,
            writers,
            bytes,
            seconds,
        } => runtime.block_on(writer::run(&data, writers, bytes, seconds)),
        SubjectCommand::Floor { algorithm, message } => {
            runtime.block_on(async { serve_alone(floor::router(algorithm, message)?).await })
        }
        SubjectCommand::Signer {
            algorithm,
            message,
            seconds,
        } => signer::run(algorithm, &message, seconds),
    }
}

/// Ends this process when standard input ends, which it does with the process that started this one.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        // Nothing is ever written there, so there is an end or an error, and both mean the same.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
}

/// Serves until standard input ends.
async fn serve_alone(router: Router) -> anyhow::Result<()> {
    end_with_standard_input();
    serve(router).await
}

/// Serves on a free port, in the way of `sumun`.
pub(crate) async fn serve(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let listener = listener.tap_io(|stream| {
        // A connection that has ended already needs nothing.
        let _ = stream.set_nodelay(true);
    });
    writeln!(std::io::stdout(), "{port}")?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
