//! An HTTP/1.1 server on the loopback interface, without routing, and the responses that its users share.

pub(crate) mod guard;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time,
};

/// The body of a response: in memory, or a stream.
pub type Body = UnsyncBoxBody<Bytes, Cut>;

/// A response.
pub type Response = hyper::Response<Body>;

/// The error that makes the server close a connection without a response, or in the middle of one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is cut")]
pub struct Cut;

/// A body in memory.
pub(crate) fn body(content: impl Into<Bytes>) -> Body {
    Full::new(content.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A response without a body.
pub(crate) fn empty_response(status: StatusCode) -> Response {
    let mut response = Response::new(body(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A response with a JSON body.
pub(crate) fn json_response(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(body(json));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The time that open requests have to complete when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest number of header lines: more than fit into the head that the gateway accepts, which therefore decides.
const MAX_HEADERS: usize = 4096;
/// The pause after a failed `accept`, which happens when the process has no file handle left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A server that runs until it is stopped or dropped.
pub(crate) struct HttpServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Binds `port` of 127.0.0.1, or a free one if it is 0.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

impl HttpServer {
    /// Serves `handler` on `listener`.
    pub(crate) fn start<H, F>(listener: TcpListener, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, Cut>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, handler, stopped));
        Ok(Self {
            address,
            stop: Some(stop),
            task,
        })
    }

    /// Serves `handler` on `listener`, but refuses what a web page may have sent. For interfaces that check no
    /// credentials.
    pub(crate) fn start_guarded<H, F>(listener: TcpListener, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, Cut>> + Send + 'static,
    {
        Self::start(listener, move |request, peer| {
            let response = (!guard::is_foreign(request.headers())).then(|| handler(request, peer));
            async {
                match response {
                    Some(response) => response.await,
                    None => Ok(empty_response(StatusCode::FORBIDDEN)),
                }
            }
        })
    }

    /// The address that the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, lets open requests complete and closes every connection.
    pub(crate) async fn stop(&mut self) {
        self.stop.take();
        // The task ends within SHUTDOWN_TIMEOUT. It fails only if the runtime is shutting down.
        let _ = (&mut self.task).await;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handler: H, mut stopped: oneshot::Receiver<()>)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Cut>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    // Dropping the set at the end of this task closes its connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, handler.clone(), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    if time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("open requests did not finish in time and were aborted");
    }
}

async fn serve<H, F>(stream: TcpStream, peer: SocketAddr, handler: H, watcher: Watcher)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F,
    F: Future<Output = Result<Response, Cut>>,
{
    // Without this option small responses are only delayed.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| handler(request, peer));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_headers(MAX_HEADERS)
        .ignore_invalid_headers(true)
        // A client that closes its writing side still receives the response.
        .half_close(true);
    // A client that disconnects or does not speak HTTP is not an error of the server.
    let _ = watcher
        .watch(builder.serve_connection(TokioIo::new(stream), service))
        .await;
}
