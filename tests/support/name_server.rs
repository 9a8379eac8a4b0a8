//! A name server on 127.0.0.1 that follows a script, for tests in a network of their own (see `namespace`).

use super::namespace::Etc;
use std::net::UdpSocket;

/// Answers each question as `script` says, until the test's process ends.
pub fn serve(etc: &Etc, script: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) {
    etc.write("resolv.conf", "nameserver 127.0.0.1\n");
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 in a network of our own");
    std::thread::spawn(move || {
        let mut buffer = [0; 600];
        loop {
            let (size, from) = socket.recv_from(&mut buffer).expect("a datagram");
            if let Some(answer) = script(&buffer[..size]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// The answer to a question: 127.0.0.1 for IPv4, nothing for IPv6.
pub fn loopback(question: &[u8]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    if question[question.len() - 3] == 1 {
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}
