//! Who may talk to a secured cluster: a user made for it, or whoever has a certificate of its
//! authority.

use std::fs;
use std::path::{Path, PathBuf};

use super::KafkaSecurity;
use crate::RigError;
use crate::certificates::Authority;
use crate::error::at;
use crate::letters::random_letters;

const LOGIN: &str = include_str!("secured.properties");
const MUTUAL: &str = include_str!("mutual.properties");

/// The only user.
const USER: &str = "rig";

/// Letters of the password.
const PASSWORD_CHARS: usize = 24;

/// What a client of a secured cluster needs beside its addresses. The files are gone with the
/// cluster.
#[derive(Clone, Debug)]
pub struct KafkaAccess {
    /// The certificate of the authority, a PEM file.
    pub ca: PathBuf,
    /// The user's name.
    pub user: String,
    /// The user's password, letters and digits.
    pub password: String,
    /// A client's certificate, a PEM file.
    pub certificate: PathBuf,
    /// The key of the client's certificate, a PEM file.
    pub key: PathBuf,
    /// The brokers' certificate with its key, a PEM file.
    keystore: PathBuf,
}

impl KafkaAccess {
    /// Makes an authority, certificates and a user; the files go into this folder.
    pub(super) fn make(folder: &Path) -> Result<Self, RigError> {
        let authority = Authority::make()?;
        let (broker, client) = (authority.server()?, authority.client(USER)?);
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).map_err(at(&file))?;
            Ok(file)
        };
        Ok(Self {
            ca: write("ca.pem", authority.certificate())?,
            user: USER.into(),
            password: random_letters(PASSWORD_CHARS),
            certificate: write("client.pem", &client.certificate)?,
            key: write("client-key.pem", &client.key)?,
            keystore: write("broker.pem", &(broker.key + &broker.certificate))?,
        })
    }

    /// The user as the storage tool takes it.
    pub(super) fn scram(&self) -> String {
        format!("SCRAM-SHA-512=[name={},password={}]", self.user, self.password)
    }

    /// The settings of a broker that asks for this.
    pub(super) fn settings(&self, security: KafkaSecurity) -> String {
        let settings = match security {
            KafkaSecurity::Open => "",
            KafkaSecurity::SaslTls => LOGIN,
            KafkaSecurity::MutualTls => MUTUAL,
        };
        settings
            .replace("@KEYSTORE@", &self.keystore.display().to_string())
            .replace("@CA@", &self.ca.display().to_string())
            .replace("@USER@", &self.user)
            .replace("@PASSWORD@", &self.password)
    }
}
