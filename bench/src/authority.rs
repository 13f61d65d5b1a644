//! A certificate authority of one run, for measurements over TLS: every contestant trusts it by the variable that its TLS
//! library reads.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{Result, setup::Paths};

/// The authority, and a server's certificate for `localhost` that it signed.
pub struct Authority {
    certificate: PathBuf,
    server: Arc<ServerConfig>,
}

impl Authority {
    /// Creates the keys, and writes the authority's certificate to a file.
    pub fn create(paths: &Paths) -> Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // With the name of the certificates that it signs, OpenSSL would take those for self-signed ones.
        let name = &mut parameters.distinguished_name;
        name.push(DnType::CommonName, "Latchkey's benchmark");
        let certificate = parameters.self_signed(&authority_key)?;
        let folder = crate::setup::folder(&paths.root);
        fs::create_dir_all(&folder)?;
        let file = folder.join("authority.pem");
        fs::write(&file, certificate.pem())?;
        let issuer = Issuer::new(parameters, authority_key);
        let key = KeyPair::generate()?;
        let own = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key)?;
        Ok(Self {
            certificate: file,
            server: Arc::new(server),
        })
    }

    /// What a server needs to answer over TLS.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// The variables by which Latchkey, boto3 and Node trust the authority.
    pub fn variables(&self) -> [(String, String); 4] {
        let file = self.certificate.to_string_lossy();
        [
            ("TRUST_STORE", "machine"),
            ("SSL_CERT_FILE", &file),
            ("AWS_CA_BUNDLE", &file),
            ("NODE_EXTRA_CA_CERTS", &file),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }
}
