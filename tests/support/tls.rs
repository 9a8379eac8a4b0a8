//! Certificates made on the fly and the server's side of TLS; nothing of it outlives the test.

use super::http::Cut;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    pub cert_pem: PathBuf,
    pub key_pem: PathBuf,
}

/// A certificate authority with a directory for its files, which goes when the authority goes.
pub struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub fn new() -> Arc<Authority> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "kuai-test-ca-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a temporary directory");

        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "libkuai test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let authority = Authority {
            directory,
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        };
        std::fs::write(authority.ca_pem(), certificate.pem()).expect("the authority's file");
        Arc::new(authority)
    }

    /// The file that a client trusts.
    pub fn ca_pem(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// A new certificate for these names and addresses, for a server or a client, as files.
    pub fn identity(&self, names: &[&str]) -> Identity {
        let (certificate, key) = self.issue(names, false);
        self.write(names.first().unwrap_or(&"none"), &certificate, &key)
    }

    fn write(&self, name: &str, certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
        let name = name.replace([':', '/', '*'], "_");
        let cert_pem = self.directory.join(format!("{name}.pem"));
        let key_pem = self.directory.join(format!("{name}.key"));
        std::fs::write(&cert_pem, certificate.pem()).expect("a certificate file");
        std::fs::write(&key_pem, key.serialize_pem()).expect("a key file");
        Identity { cert_pem, key_pem }
    }

    fn issue(&self, names: &[&str], expired: bool) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(if expired { 2021 } else { 2100 }, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The server's side of TLS; set what differs before the server starts.
pub struct Tls {
    authority: Option<Arc<Authority>>,
    config: Arc<ServerConfig>,
    close_notify: bool,
    first_cut: Option<(u64, Cut)>,
}

/// What `Tls::make` can be asked for.
#[derive(Default)]
pub struct TlsOptions<'a> {
    /// Names in the certificate; none: `localhost`, 127.0.0.1 and ::1.
    pub names: &'a [&'a str],
    pub expired: bool,
    /// A client must show a certificate of this authority.
    pub clients: Option<&'a Authority>,
    /// Only this version is spoken.
    pub version: Option<&'static SupportedProtocolVersion>,
}

impl Tls {
    pub fn new(authority: Arc<Authority>) -> Tls {
        Tls::make(authority, &TlsOptions::default())
    }

    pub fn make(authority: Arc<Authority>, options: &TlsOptions<'_>) -> Tls {
        let names = if options.names.is_empty() {
            &["localhost", "127.0.0.1", "::1"]
        } else {
            options.names
        };
        let (certificate, key) = authority.issue(names, options.expired);
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config(chain, key, options).expect("a certificate made a moment ago");
        Tls {
            authority: Some(authority),
            config,
            close_notify: true,
            first_cut: None,
        }
    }

    /// With a certificate (and chain) and a key from files.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Tls, Box<dyn std::error::Error>> {
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(key)?;
        let config = config(chain, key, &TlsOptions::default())?;
        Ok(Tls {
            authority: None,
            config,
            close_notify: true,
            first_cut: None,
        })
    }

    /// Connections that end in the normal course of things end without a close_notify, as many servers do it.
    pub fn without_close_notify(mut self) -> Tls {
        self.close_notify = false;
        self
    }

    /// Every connection is cut after this many bytes from the server, those of the handshake first; the count ends
    /// with the first answer.
    pub fn cut_after(mut self, count: u64, how: Cut) -> Tls {
        self.first_cut = Some((count, how));
        self
    }

    pub(super) fn accept(&self) -> ServerConnection {
        ServerConnection::new(self.config.clone()).expect("a valid configuration")
    }

    pub(super) fn authority(&self) -> Option<Arc<Authority>> {
        self.authority.clone()
    }

    pub(super) fn closes_in_order(&self) -> bool {
        self.close_notify
    }

    pub(super) fn first_cut(&self) -> Option<(u64, Cut)> {
        self.first_cut
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    options: &TlsOptions<'_>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    // Named, because a process may hold several providers and no default one.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let one_version = options.version.map(|version| [version]);
    let versions = one_version.as_ref().map_or(rustls::ALL_VERSIONS, |one| &one[..]);
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
    let builder = match options.clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.clone())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|fault| rustls::Error::General(fault.to_string()))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
