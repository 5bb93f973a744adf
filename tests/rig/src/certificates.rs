//! An authority of one cluster's own, and the certificates that it signs.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::RigError;
use crate::error::doing;

/// Where the servers are.
const NAMES: [&str; 4] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "localhost"];

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A key and its certificate, each as PEM.
pub(crate) struct Signed {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

impl Authority {
    pub(crate) fn make() -> Result<Self, RigError> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "rig");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { issuer: Issuer::new(authority, key), certificate })
    }

    /// Its own certificate, as PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for servers of this machine.
    pub(crate) fn server(&self) -> Result<Signed, RigError> {
        self.sign(CertificateParams::new(NAMES.map(str::to_owned)).map_err(failed)?)
    }

    /// A certificate for a client of this name.
    pub(crate) fn client(&self, name: &str) -> Result<Signed, RigError> {
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, name);
        self.sign(client)
    }

    fn sign(&self, params: CertificateParams) -> Result<Signed, RigError> {
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Signed { key: key.serialize_pem(), certificate })
    }
}

fn failed(error: rcgen::Error) -> RigError {
    doing("a certificate")(std::io::Error::other(error))
}
