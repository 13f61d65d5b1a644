//! The network between the processes and a server: it forwards bytes until a test makes it fail.

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
pub struct Network {
    state: Arc<State>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// The condition of new connections.
#[derive(Clone, Copy)]
pub enum Condition {
    /// They work.
    Working,
    /// They are closed at once.
    Refusing,
    /// Nothing is forwarded, in either direction.
    Silent,
    /// Requests are forwarded, responses are not.
    OneWay,
}

/// The way in which open connections end.
#[derive(Clone, Copy, PartialEq)]
pub enum Disconnect {
    /// They are closed.
    Closed,
    /// They stay open, but nothing is forwarded any more.
    Silent,
}

struct State {
    upstream: OnceLock<SocketAddr>,
    condition: watch::Sender<Condition>,
    ends: watch::Sender<Disconnect>,
    /// The number of working connections.
    working: watch::Sender<usize>,
}

impl Network {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: OnceLock::new(),
            condition: watch::Sender::new(Condition::Working),
            ends: watch::Sender::new(Disconnect::Closed),
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

    pub fn forward_to(&self, upstream: SocketAddr) {
        self.state.upstream.set(upstream).unwrap();
    }

    pub fn set_condition(&self, condition: Condition) {
        self.state.condition.send_replace(condition);
    }

    /// Ends every open connection and waits until that is done.
    pub async fn disconnect_all(&self, end: Disconnect) {
        self.state.ends.send_replace(end);
        let mut working = self.state.working.subscribe();
        working.wait_for(|number| *number == 0).await.unwrap();
    }
}

impl Drop for Network {
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
    let condition = *state.condition.borrow();
    match condition {
        Condition::Working => {}
        Condition::Refusing => return,
        Condition::Silent => return pending().await,
        Condition::OneWay => return one_way(near, &state).await,
    }
    let mut ends = state.ends.subscribe();
    state.working.send_modify(|number| *number += 1);
    let upstream = *state.upstream.get().unwrap();
    let ended = tokio::select! {
        _ = async {
            let mut far = TcpStream::connect(upstream).await?;
            copy_bidirectional(&mut near, &mut far).await
        } => Disconnect::Closed,
        _ = ends.changed() => *ends.borrow(),
    };
    // Dropping the stream closes it.
    let silent = (ended == Disconnect::Silent).then_some(near);
    state.working.send_modify(|number| *number -= 1);
    if silent.is_some() {
        pending::<()>().await;
    }
}

async fn one_way(mut near: TcpStream, state: &State) {
    let mut far = TcpStream::connect(*state.upstream.get().unwrap())
        .await
        .unwrap();
    // Ends with an error when the client has gone, as intended.
    let _ = copy(&mut near, &mut far).await;
}
