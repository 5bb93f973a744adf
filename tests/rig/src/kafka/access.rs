//! Who may talk to a secured cluster: a user made for it, and the authority of its certificate.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::RigError;
use crate::error::{at, doing};

const SETTINGS: &str = include_str!("secured.properties");

/// The only user.
const USER: &str = "rig";

/// What the certificate is for.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Letters of a password, which has 5.9 bits each.
const PASSWORD_CHARS: usize = 24;

/// What a client of a secured cluster needs beside its addresses.
#[derive(Clone, Debug)]
pub struct KafkaAccess {
    /// The certificate of the authority, a PEM file. Gone with the cluster.
    pub ca: PathBuf,
    /// The user's name.
    pub user: String,
    /// The user's password, letters and digits.
    pub password: String,
    /// The brokers' certificate with its key, a PEM file.
    keystore: PathBuf,
}

impl KafkaAccess {
    /// Makes an authority, a certificate and a user; the files go into this folder.
    pub(super) fn make(folder: &Path) -> Result<Self, RigError> {
        let (ca, keystore) = (folder.join("ca.pem"), folder.join("broker.pem"));
        let (authority, broker) =
            certificates().map_err(|error| doing("a certificate")(std::io::Error::other(error)))?;
        fs::write(&ca, authority).map_err(at(&ca))?;
        fs::write(&keystore, broker).map_err(at(&keystore))?;
        Ok(Self { ca, user: USER.into(), password: random_letters(PASSWORD_CHARS), keystore })
    }

    /// The user as the storage tool takes it.
    pub(super) fn scram(&self) -> String {
        format!("SCRAM-SHA-512=[name={},password={}]", self.user, self.password)
    }

    /// The settings of a broker that asks for this.
    pub(super) fn settings(&self) -> String {
        SETTINGS
            .replace("@KEYSTORE@", &self.keystore.display().to_string())
            .replace("@USER@", &self.user)
            .replace("@PASSWORD@", &self.password)
    }
}

/// The authority's certificate, and the brokers' key and certificate, each as PEM.
fn certificates() -> Result<(String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "rig");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = authority.self_signed(&key)?.pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate()?;
    let broker = CertificateParams::new(NAMES.map(str::to_owned))?.signed_by(&key, &issuer)?;
    Ok((certificate, key.serialize_pem() + &broker.pem()))
}

/// Random letters and digits.
pub(super) fn random_letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = vec![0; count];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    random.iter().map(letter).collect()
}
