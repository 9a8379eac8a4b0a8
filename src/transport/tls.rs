//! TLS settings: which roots are trusted, and who we are.
#![forbid(unsafe_code)]

use crate::config::{Config, TlsRoots};
use crate::error::{Error, Result, Status};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The settings for every TLS connection of one client. They share the session cache, so later connections resume.
pub(crate) fn client_config(config: &Config) -> Result<Arc<ClientConfig>> {
    let roots = roots(config)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS versions: {error}")))?
        .with_root_certificates(roots);
    let client = match (&config.client_cert_file, &config.client_key_file) {
        (Some(cert_file), key_file) => {
            // A PEM file often holds both.
            let key_file = key_file.as_ref().unwrap_or(cert_file);
            let chain = certificates("client_cert_file", cert_file)?;
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| unusable("client_key_file", key_file, &pem_error(error)))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unusable("client_cert_file", cert_file, &error.to_string()))?
        }
        (None, Some(key_file)) => {
            return Err(unusable("client_key_file", key_file, "client_cert_file is missing"));
        }
        (None, None) => builder.with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

/// The same settings for the child of a fork, with a session cache of its own: another thread may have held the lock of the parent's.
pub(crate) fn for_child(settings: &ClientConfig) -> Arc<ClientConfig> {
    let mut settings = settings.clone();
    settings.resumption = Resumption::default();
    Arc::new(settings)
}

fn roots(config: &Config) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match config.tls_roots {
        TlsRoots::Bundled => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        TlsRoots::System => {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(Error::new(
                    Status::Config,
                    "tls_roots: \"system\": this system has no root certificates",
                ));
            }
        }
        TlsRoots::File if config.ca_file.is_none() => {
            return Err(Error::new(Status::Config, "tls_roots: \"file\": ca_file is missing"));
        }
        TlsRoots::File => {}
    }
    if let Some(ca_file) = &config.ca_file {
        // A system's bundle may hold a certificate that nobody can read any more; one that can be read is what was meant.
        let (added, _) = roots.add_parsable_certificates(certificates("ca_file", ca_file)?);
        if added == 0 {
            return Err(unusable("ca_file", ca_file, "none of its certificates can be read"));
        }
    }
    Ok(roots)
}

/// Every certificate of a PEM file; at least one.
fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<std::result::Result<Vec<_>, _>>());
    match found {
        Ok(certificates) if certificates.is_empty() => Err(unusable(key, path, "it holds no certificate in PEM form")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(key, path, &pem_error(error))),
    }
}

fn pem_error(error: rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => "it holds nothing of the kind in PEM form".to_owned(),
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn unusable(key: &str, path: &Path, why: &str) -> Error {
    Error::new(Status::Config, format!("{key}: {}: {why}", path.display()))
}
