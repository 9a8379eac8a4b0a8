//! Three hosts in network namespaces of their own: the client, the service, and a router between them that does what it is told to packets.
//!
//! ```text
//! client  c0 ------- r0  router  r1 ------- s0  service
//! 192.0.2.1     .126                .254     192.0.2.129
//! 2001:db8:1::1   ::2               ::2      2001:db8:2::1
//! ```
//!
//! The namespaces have no names: the kernel takes them away when nothing of this process holds them any more, however it ends.

use crate::tools::{has, scratch, skipped};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

pub const SERVICE: &str = "192.0.2.129";
pub const SERVICE_V6: &str = "2001:db8:2::1";

/// A host: whatever runs on it sees its network and no other.
pub struct Host {
    namespace: File,
}

impl Host {
    fn new() -> io::Result<Host> {
        let made = std::thread::spawn(|| {
            // SAFETY: takes no memory; only this thread, which ends at once, gets another network.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                return Err(io::Error::last_os_error());
            }
            File::open("/proc/thread-self/ns/net")
        });
        let namespace = made.join().expect("a thread that does not panic")?;
        let host = Host { namespace };
        host.ip("link set lo up");
        Ok(host)
    }

    /// Runs `work` on this host. The threads and processes that it starts, and the sockets that it opens, stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // SAFETY: takes a descriptor that is open, and changes this thread alone.
                let entered = unsafe { libc::setns(self.namespace.as_raw_fd(), libc::CLONE_NEWNET) };
                assert_eq!(entered, 0, "{}", io::Error::last_os_error());
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The same where /etc/hosts holds `lines` and nothing else.
    pub fn run_with_hosts<T: Send>(&self, lines: &str, work: impl FnOnce() -> T + Send) -> T {
        let file = scratch().join(format!("hosts-{}", std::process::id()));
        std::fs::write(&file, lines).expect("the target directory can be written to");
        self.run(|| {
            // SAFETY: takes no memory; this thread alone, which ends with the work, gets a view of the file system of its own.
            let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
            assert_eq!(unshared, 0, "{}", io::Error::last_os_error());
            // What is mounted from here on stays in that view.
            crate::program::succeed(Command::new("mount").args(["--make-rprivate", "/"]));
            crate::program::succeed(Command::new("mount").arg("--bind").arg(&file).arg("/etc/hosts"));
            work()
        })
    }

    /// `ip` with these arguments.
    pub fn ip(&self, arguments: &str) {
        self.run(|| crate::program::succeed(Command::new("ip").args(arguments.split_whitespace())));
    }

    /// Writes one of the kernel's settings for this network.
    pub fn set(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/net/{name}");
        self.run(|| std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}")));
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.namespace.as_raw_fd())
    }
}

/// The kernel takes its time to find out that there is a cable. A host that refuses can be reached.
fn wait_for(address: &str) {
    let nobody = SocketAddr::new(address.parse().expect("an address"), 9);
    let start = Instant::now();
    while !TcpStream::connect_timeout(&nobody, Duration::from_millis(300))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        assert!(start.elapsed() < Duration::from_secs(30), "{address} can't be reached");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The three hosts.
pub struct Net {
    pub client: Host,
    pub router: Host,
    pub service: Host,
}

impl Net {
    /// `None`: not allowed here, or a tool is missing, and the test is skipped; with `CI=true` that is a failure.
    pub fn new() -> Option<Net> {
        if !has("ip", "iproute2") || !has("nft", "nftables") {
            return None;
        }
        let made = [(); 3].map(|()| Host::new());
        let [Ok(client), Ok(router), Ok(service)] = made else {
            let why = made.into_iter().find_map(Result::err).expect("one failed");
            skipped(&format!("network namespaces are for root: {why}"));
            return None;
        };
        router.set("ipv4/ip_forward", "1");
        router.set("ipv6/conf/all/forwarding", "1");
        // Else a refusal is told once a second.
        router.set("ipv4/icmp_ratelimit", "0");
        router.set("ipv6/icmp/ratelimit", "0");
        client.ip(&format!("link add c0 type veth peer name r0 netns {}", router.path()));
        service.ip(&format!("link add s0 type veth peer name r1 netns {}", router.path()));
        for (host, device, addresses) in [
            (&client, "c0", ["192.0.2.1/25", "2001:db8:1::1/64"]),
            (&router, "r0", ["192.0.2.126/25", "2001:db8:1::2/64"]),
            (&router, "r1", ["192.0.2.254/25", "2001:db8:2::2/64"]),
            (&service, "s0", ["192.0.2.129/25", "2001:db8:2::1/64"]),
        ] {
            // Else an address of IPv6 can be used after a second only, and goes with a pulled cable.
            host.set(&format!("ipv6/conf/{device}/accept_dad"), "0");
            host.set(&format!("ipv6/conf/{device}/keep_addr_on_down"), "1");
            for address in addresses {
                host.ip(&format!("address add {address} dev {device}"));
            }
            host.ip(&format!("link set {device} up"));
        }
        let net = Net {
            client,
            router,
            service,
        };
        net.add_routes();
        net.client.run(|| {
            wait_for(SERVICE);
            wait_for(SERVICE_V6);
        });
        Some(net)
    }

    /// Also after the cable of the client was pulled at its own end: the routes went with it.
    pub fn add_routes(&self) {
        self.client.ip("route replace default via 192.0.2.126");
        self.client.ip("-6 route replace default via 2001:db8:1::2");
        self.service.ip("route replace default via 192.0.2.254");
        self.service.ip("-6 route replace default via 2001:db8:2::2");
    }

    /// From now on the router does this to what it hands on, and nothing else: rules of nft, one a line.
    pub fn rules(&self, rules: &str) {
        self.nft(&format!(
            "table inet way {{\n chain forward {{\n type filter hook forward priority 0\n{rules}\n }}\n}}"
        ));
    }

    /// Packets go through again.
    pub fn no_rules(&self) {
        self.nft("");
    }

    /// Everything that the router's packet filter is to be.
    pub fn nft(&self, ruleset: &str) {
        let all = format!("flush ruleset\n{ruleset}\n");
        self.router
            .run(|| crate::program::succeed_with(Command::new("nft").args(["-f", "-"]), &all));
    }
}
