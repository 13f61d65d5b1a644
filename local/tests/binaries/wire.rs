//! The network between the processes and a server: it passes bytes on, until a test wants it to fail.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use tokio::{
    io::{copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Runs until it is dropped.
pub struct Wire {
    state: Arc<State>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What becomes of new connections.
#[derive(Clone, Copy)]
pub enum Weather {
    /// They work.
    Fine,
    /// They are closed at once.
    Refusing,
    /// Nothing ever comes back.
    Silent,
    /// What is sent arrives, and nothing ever comes back.
    OneWay,
}

/// How connections end.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    /// They are closed.
    Closed,
    /// Nothing comes back any more, and nobody is told.
    Silence,
}

struct State {
    upstream: OnceLock<SocketAddr>,
    weather: watch::Sender<Weather>,
    ends: watch::Sender<End>,
    /// Number of connections that work.
    working: watch::Sender<usize>,
}

impl Wire {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: OnceLock::new(),
            weather: watch::Sender::new(Weather::Fine),
            ends: watch::Sender::new(End::Closed),
            working: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            state,
            address,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn lead_to(&self, upstream: SocketAddr) {
        self.state.upstream.set(upstream).unwrap();
    }

    pub fn weather(&self, weather: Weather) {
        self.state.weather.send_replace(weather);
    }

    /// Ends every connection there is, and waits until that is done.
    pub async fn end_all(&self, end: End) {
        self.state.ends.send_replace(end);
        let mut working = self.state.working.subscribe();
        working.wait_for(|number| *number == 0).await.unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(carry(stream, Arc::clone(&state)));
    }
}

async fn carry(mut near: TcpStream, state: Arc<State>) {
    let weather = *state.weather.borrow();
    match weather {
        Weather::Fine => {}
        Weather::Refusing => return,
        Weather::Silent => return pending().await,
        Weather::OneWay => return one_way(near, &state).await,
    }
    let mut ends = state.ends.subscribe();
    state.working.send_modify(|number| *number += 1);
    let upstream = *state.upstream.get().unwrap();
    let ended = tokio::select! {
        _ = async {
            let mut far = TcpStream::connect(upstream).await?;
            copy_bidirectional(&mut near, &mut far).await
        } => End::Closed,
        _ = ends.changed() => *ends.borrow(),
    };
    // Dropping it closes it.
    let silent = (ended == End::Silence).then_some(near);
    state.working.send_modify(|number| *number -= 1);
    if silent.is_some() {
        pending::<()>().await;
    }
}

async fn one_way(mut near: TcpStream, state: &State) {
    let mut far = TcpStream::connect(*state.upstream.get().unwrap())
        .await
        .unwrap();
    // It ends when the near side is gone, as it does on purpose.
    let _ = copy(&mut near, &mut far).await;
}
