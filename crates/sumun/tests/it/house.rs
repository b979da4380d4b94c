//! A house for tests: the real program, on a free port, with data that are gone afterwards.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http_client;

/// A running house. It ends with the test.
pub(crate) struct House {
    /// The public address, without a slash at the end.
    pub(crate) url: String,
    child: Child,
    data: Arc<TempDir>,
    out: Output,
    log: Output,
    _readers: JoinSet<()>,
}

/// What [`House::with_settings`] starts unless a test wants more: todos, and a client of each kind.
pub(crate) const SETTINGS: &str = include_str!("house.toml");

impl House {
    /// `sumun demo --port 0`, with data of its own.
    pub(crate) async fn demo() -> Self {
        Self::demo_with(&[]).await
    }

    /// The demo with data of its own and more options.
    pub(crate) async fn demo_with(options: &[&str]) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let mut command = demo_command(&data);
        command.args(options);
        Self::demo_by(command, &data).await
    }

    /// The demo with data that another house may have left, and more environment.
    pub(crate) async fn demo_in(data: &Arc<TempDir>, environment: &[(&str, &str)]) -> Self {
        let mut command = demo_command(data);
        command.envs(environment.iter().copied());
        Self::demo_by(command, data).await
    }

    async fn demo_by(command: Command, data: &Arc<TempDir>) -> Self {
        let house = Self::start(command, Arc::clone(data), String::new());
        let ready = "Sumun demo is ready at ";
        let line = house.out.line_with(ready).await;
        let url = line
            .unwrap_or_else(|log| panic!("the demo did not start: {log}\n{}", house.log.text()));
        Self {
            url: url.split(ready).nth(1).unwrap().trim().to_owned(),
            ..house
        }
    }

    /// `sumun serve` with these settings; `public_url`, `listen` and `data` are added.
    pub(crate) async fn with_settings(toml: &str) -> Self {
        Self::serve(
            toml,
            &Arc::new(tempfile::tempdir().unwrap()),
            free_port(),
            &[],
        )
        .await
    }

    /// The same with a port and data that another house may have left, and more environment.
    pub(crate) async fn serve(
        toml: &str,
        data: &Arc<TempDir>,
        port: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let url = format!("http://127.0.0.1:{port}");
        let mut command = serve_command(toml, data.path(), port);
        command.envs(environment.iter().copied());
        let house = Self::start(command, Arc::clone(data), url);
        let ready = house.log.line_with("is served on").await;
        ready.unwrap_or_else(|log| panic!("the house did not start: {log}"));
        house
    }

    fn start(mut command: Command, data: Arc<TempDir>, url: String) -> Self {
        let mut child = command.spawn().unwrap();
        let mut readers = JoinSet::new();
        let out = Output::of(child.stdout.take().unwrap(), &mut readers);
        let log = Output::of(child.stderr.take().unwrap(), &mut readers);
        Self {
            url,
            child,
            data,
            out,
            log,
            _readers: readers,
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the house is still running")
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The directory with `data` in it, for a house after this one.
    pub(crate) fn directory(&self) -> Arc<TempDir> {
        Arc::clone(&self.data)
    }

    /// What the demo prints, to its last line.
    pub(crate) async fn whole_screen(&self) -> String {
        self.out.line_with("Stop with Ctrl-C.").await.unwrap();
        self.out.text()
    }

    /// Everything in the log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// A token of the client `client_id`, which has the secret `secret`.
    pub(crate) async fn client_token(&self, client_id: &str, secret: &str, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={secret}&scope={scope}"
        );
        let answer = http_client::post_form(&format!("{}/oauth2/token", self.url), &form).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.log());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.id();
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status()
            .await;
        assert!(kill.unwrap().success());
    }

    /// Waits until the log says `sign`.
    pub(crate) async fn logged(&self, sign: &str) {
        let line = self.log.line_with(sign).await;
        line.unwrap_or_else(|log| panic!("the log ends without `{sign}`: {log}"));
    }

    /// Sends a signal (`INT`, `TERM`, `KILL`), waits for the end and returns how it was and the whole
    /// log.
    pub(crate) async fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal).await;
        let status = self.child.wait().await.unwrap();
        self.log.ended().await;
        (status, self.log.text())
    }
}

/// How a command ended that does not go on running.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `sumun serve` until it ends by itself, because something is wrong. The settings are in
/// `directory`, the data in `directory/data`.
pub(crate) async fn broken_serve(toml: &str, directory: &Path, port: u16) -> Ended {
    run(serve_command(toml, directory, port), "").await
}

/// Runs a command with this standard input until it ends.
pub(crate) async fn run(mut command: Command, input: &str) -> Ended {
    use tokio::io::AsyncWriteExt as _;
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not want its input may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ended = timeout(Duration::from_mins(1), child.wait_with_output()).await;
    let output = ended.expect("the command does not end by itself").unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The program, without anything from the environment of the test.
pub(crate) fn sumun() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sumun"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

fn demo_command(data: &TempDir) -> Command {
    let mut command = sumun();
    command.args(["demo", "--port", "0", "--data"]);
    command.arg(data.path().join("data"));
    command
}

pub(crate) fn serve_command(toml: &str, directory: &Path, port: u16) -> Command {
    let config = settings_file(toml, directory);
    let mut command = sumun();
    command.arg("serve").arg("--config").arg(config);
    command.env("SUMUN_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
    command.env("SUMUN_LISTEN", format!("127.0.0.1:{port}"));
    command.env("SUMUN_DATA", directory.join("data"));
    command
}

/// Writes `sumun.toml` into `directory`, readable for its owner alone.
pub(crate) fn settings_file(toml: &str, directory: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join("sumun.toml");
    std::fs::write(&path, toml).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// What a child writes, while it writes.
struct Output {
    text: Arc<Mutex<String>>,
    ended: watch::Receiver<bool>,
}

impl Output {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static, readers: &mut JoinSet<()>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (written, ended) = watch::channel(false);
        let collected = Arc::clone(&text);
        readers.spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                let mut text = collected.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                written.send_replace(false);
            }
            written.send_replace(true);
        });
        Self { text, ended }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Waits for a line with `sign` in it; the whole text if the child ends without one.
    async fn line_with(&self, sign: &str) -> Result<String, String> {
        let mut ended = self.ended.clone();
        loop {
            let is_end = *ended.borrow_and_update();
            let text = self.text();
            if let Some(line) = text.lines().find(|line| line.contains(sign)) {
                return Ok(line.to_owned());
            }
            if is_end || ended.changed().await.is_err() {
                return Err(text);
            }
        }
    }

    async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means that the reader is gone, which is an end as well.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}
