//! An address that answers no connection attempt: packets arrive and nothing comes back, as behind a firewall that drops.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A listening socket whose queue is full, so that the kernel drops every further SYN (on Linux).
pub struct BlackHole {
    listener: TcpListener,
    queued: Vec<TcpStream>,
}

impl BlackHole {
    pub fn start() -> io::Result<BlackHole> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // A second listen() changes the length of the queue; the standard library asks for 128 or more.
        rustix::net::listen(&listener, 0)?;
        let mut hole = BlackHole {
            listener,
            queued: Vec::new(),
        };
        let address = hole.address();
        while let Ok(queued) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            hole.queued.push(queued);
        }
        Ok(hole)
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound socket")
    }
}
