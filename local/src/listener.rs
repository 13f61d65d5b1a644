//! A plain HTTP/1.1 server on the loopback interface, for the gateway and for the SES endpoint. No routing.

mod wire;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time,
};

use self::wire::Wire;

/// A whole answer, in memory.
pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// How long requests that are under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// More header lines than fit into the size that the gateway allows, so that it is the gateway that refuses them.
const MAX_HEADERS: usize = 4096;
/// Pause after could not accept a connection, which happens when the process has no file handle left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that runs until it is stopped or dropped.
pub(crate) struct Listener {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Takes `port` of 127.0.0.1; 0 is any free one.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

impl Listener {
    /// Has `handle` answer what comes in at `socket`.
    pub(crate) fn start<H, F>(socket: TcpListener, handle: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let address = socket.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(socket, handle, stopped));
        Ok(Self {
            address,
            stop: Some(stop),
            task,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets requests under way end, and closes every connection.
    pub(crate) async fn stop(&mut self) {
        self.stop.take();
        // The task ends by itself within GRACE; it fails only if the runtime is going down.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(socket: TcpListener, handle: H, mut stopped: oneshot::Receiver<()>)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    // Dropping this set, as the end of this task does, closes the connections in it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, handle.clone(), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(socket);
    if time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("open requests did not finish in time and were aborted");
    }
}

async fn serve<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    handle: H,
    watcher: hyper_util::server::graceful::Watcher,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F,
    F: Future<Output = Answer>,
{
    // Small answers are to leave at once; without it they only leave a little later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handle(request, peer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_headers(MAX_HEADERS)
        // A header that cannot be one is as good as none.
        .ignore_invalid_headers(true)
        // Who has said all there is to say may still listen.
        .half_close(true);
    // A client that went away, or that speaks no HTTP, is no failure of ours.
    let _ = watcher
        .watch(builder.serve_connection(TokioIo::new(Wire::new(stream)), service))
        .await;
}
