//! Clients that hold connections: each within its limits, and never in the way of the others.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet, yield_now};
use tokio::time::timeout;

use super::*;

/// Long enough for any test on any machine.
const LONG: Duration = Duration::from_mins(1);

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(100);

const PATIENT: Limits = Limits {
    connections: 100,
    head: LONG,
    body: LONG,
    stall: LONG,
    share: Share::ALL,
};

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

async fn served(router: Router, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = TaskTracker::new().spawn(serve(listener, router, limits, stop.clone()));
    Running {
        address,
        stop,
        server,
    }
}

/// Says who asks.
fn mirror() -> Router {
    let say = |ConnectInfo(address): ConnectInfo<SocketAddr>| async move { address.to_string() };
    Router::new().route("/", get(say))
}

impl Running {
    /// A connection on which this was sent.
    async fn connect(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// What comes until the server closes the connection.
async fn all_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = timeout(LONG / 2, stream.read_to_string(&mut text)).await;
    // A reset is an end, too.
    let _ = read.expect("the server never closes the connection");
    text
}

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const LAST_REQUEST: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn half_a_head_and_none_are_not_waited_for_forever() {
    let limits = Limits {
        head: SHORT,
        ..PATIENT
    };
    let house = served(mirror(), limits).await;
    for text in [
        "",
        "GET",
        "GET / HTTP/1.1\r\nhost: loc",
        "PRI * HTTP/2.0\r\n",
    ] {
        let answer = all_of(house.connect(text).await).await;
        assert!(!answer.contains("200"), "{text}: {answer}");
    }
}

#[tokio::test]
async fn g3_a_body_that_does_not_come_is_not_waited_for_forever() {
    let limits = Limits {
        body: SHORT,
        ..PATIENT
    };
    let length = |body: Bytes| async move { body.len().to_string() };
    let house = served(Router::new().route("/", post(length)), limits).await;
    for rest in [
        "content-length: 9\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\n";
        let answer = all_of(house.connect(&format!("{head}{rest}")).await).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{rest}: {answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_answer() {
    let limits = Limits {
        head: SHORT,
        ..PATIENT
    };
    let house = served(mirror(), limits).await;
    let stream = house.connect(REQUEST).await;
    let own = stream.local_addr().unwrap().to_string();
    let answer = all_of(stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(&own),
        "{answer}"
    );
}

#[tokio::test]
async fn more_idle_connections_than_places_do_not_keep_a_request_out() {
    let limits = Limits {
        connections: 2,
        head: SHORT,
        ..PATIENT
    };
    let house = served(mirror(), limits).await;
    let mut idle = Vec::new();
    for _ in 0..7 {
        idle.push(house.connect("GET / HT").await);
    }
    let answer = all_of(house.connect(LAST_REQUEST).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn g3_one_address_cannot_keep_all_the_others_out() {
    let proxies = ["127.0.0.3".parse().unwrap()];
    let limits = Limits {
        connections: 6,
        share: Share::of(6, Some(2), &proxies),
        ..PATIENT
    };
    let house = served(mirror(), limits).await;
    let from = async |address: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(format!("{address}:0").parse().unwrap())
            .unwrap();
        let mut stream = socket.connect(house.address).await.unwrap();
        // Whoever is refused may be gone already.
        let _ = stream.write_all(LAST_REQUEST.as_bytes()).await;
        stream
    };
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle.push(house.connect("GET / HT").await);
    }
    for _ in 0..20 {
        let refused = all_of(from("127.0.0.1").await).await;
        assert!(!refused.contains("200 OK"), "{refused}");
    }
    let answer = all_of(from("127.0.0.2").await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Everybody may come by a proxy.
    for _ in 0..3 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.3:0".parse().unwrap()).unwrap();
        let stream = socket.connect(house.address).await.unwrap();
        idle.push(stream);
    }
    let answer = all_of(from("127.0.0.3").await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // What is closed counts no more.
    idle.drain(..2);
    let again = async {
        while !all_of(from("127.0.0.1").await).await.contains("200 OK") {
            yield_now().await;
        }
    };
    timeout(LONG / 2, again).await.unwrap();
}

#[tokio::test]
async fn what_is_one_too_many_is_told_why() {
    let limits = Limits {
        share: Share::of(6, Some(1), &[]),
        ..PATIENT
    };
    let house = served(mirror(), limits).await;
    let _idle = house.connect("").await;
    let answer = all_of(TcpStream::connect(house.address).await.unwrap()).await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let length = format!("content-length: {}", text.len());
    assert!(
        head.contains(&length) && text.contains("your address"),
        "{answer}"
    );
}

#[tokio::test]
async fn no_more_connections_are_open_than_there_are_places() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&now), Arc::clone(&most));
    let count = move || {
        let (now, most) = counters.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Whoever could come in meanwhile does.
            for _ in 0..1000 {
                yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let limits = Limits {
        connections: 3,
        ..PATIENT
    };
    let house = served(Router::new().route("/", get(count)), limits).await;
    let mut answers = JoinSet::new();
    for _ in 0..10 {
        answers.spawn(all_of(house.connect(LAST_REQUEST).await));
    }
    for answer in answers.join_all().await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut_off() {
    let begun = Arc::new(Notify::new());
    let signal = Arc::clone(&begun);
    let pour = move || {
        signal.notify_one();
        // More than fits into the buffers of the system.
        async { vec![b'x'; 64 * 1024 * 1024] }
    };
    let limits = Limits {
        stall: SHORT,
        ..PATIENT
    };
    let house = served(Router::new().route("/", get(pour)), limits).await;
    let stream = house.connect(LAST_REQUEST).await;
    begun.notified().await;
    house.stop.cancel();
    let ended = timeout(LONG / 2, house.server).await;
    ended.expect("the answer is waited for forever").unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_request_that_has_begun_gets_its_answer_after_the_stop() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&begun), Arc::clone(&go));
    let wait = move || {
        let (begun, go) = signals.clone();
        async move {
            begun.notify_one();
            go.notified().await;
            "done"
        }
    };
    let house = served(Router::new().route("/", get(wait)), PATIENT).await;
    let idle = house.connect("").await;
    let stream = house.connect(REQUEST).await;
    begun.notified().await;
    house.stop.cancel();
    go.notify_one();
    assert!(all_of(stream).await.ends_with("done"));
    let ended = timeout(LONG / 2, house.server).await;
    ended.expect("the server waits for idle clients").unwrap();
    drop(idle);
}

#[test]
fn files_are_left_for_everything_else() {
    assert_eq!(most_connections(Some(1024)), 512);
    assert_eq!(most_connections(Some(1)), 1);
    assert_eq!(most_connections(Some(u64::MAX)), MOST);
    assert_eq!(most_connections(None), MOST);
}
