//! Who may talk to a secured node: a user made for it, over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::RigError;
use crate::certificates::Authority;
use crate::error::{at, doing};
use crate::letters::random_letters;

const SETTINGS: &str = include_str!("secured.yaml");

/// The user for clients.
const USER: &str = "rig";

/// Letters of the password.
const PASSWORD_CHARS: usize = 24;

/// The user that every new cluster has, and its password.
pub(super) const FIRST_USER: &str = "cassandra";

/// What a client of a secured node needs beside its address.
#[derive(Clone, Debug)]
pub struct CassandraAccess {
    /// The certificate of the authority, a PEM file. Gone with the node.
    pub ca: PathBuf,
    /// The user's name.
    pub user: String,
    /// The user's password, letters and digits.
    pub password: String,
    /// The node's certificate with its key, a PEM file.
    keystore: PathBuf,
    /// How the probe comes in.
    pub(super) tls: Arc<ClientConfig>,
}

impl CassandraAccess {
    /// Makes an authority, a certificate and a user; the files go into this folder.
    pub(super) fn make(folder: &Path) -> Result<Self, RigError> {
        let authority = Authority::make()?;
        let node = authority.server()?;
        let (ca, keystore) = (folder.join("ca.pem"), folder.join("node.pem"));
        fs::write(&ca, authority.certificate()).map_err(at(&ca))?;
        fs::write(&keystore, node.key + &node.certificate).map_err(at(&keystore))?;
        let tls = trusting(authority.certificate());
        let tls = tls.map_err(|error| doing("a certificate")(std::io::Error::other(error)))?;
        let (user, password) = (USER.into(), random_letters(PASSWORD_CHARS));
        Ok(Self { ca, user, password, keystore, tls: Arc::new(tls) })
    }

    /// The settings of a node that asks for this.
    pub(super) fn settings(&self) -> String {
        SETTINGS
            .replace("@KEYSTORE@", &self.keystore.display().to_string())
            .replace("@CA@", &self.ca.display().to_string())
    }

    /// The statement that makes the user.
    pub(super) fn role(&self) -> String {
        let Self { user, password, .. } = self;
        format!(
            "CREATE ROLE IF NOT EXISTS {user} \
             WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true"
        )
    }
}

fn trusting(authority: &str) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes());
    roots.add(certificate.map_err(|error| rustls::Error::General(error.to_string()))?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
