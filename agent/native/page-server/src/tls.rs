//! TLS 1.3 between the two page servers, mutual, each side pinned to the other's certificate by its SHA-256, which
//! travelled in the handoff's messages (authenticated there). No names, no authorities, no resumption.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use ring::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

use crate::session::{Session, hex};

const KEY: &str = "key.der";
const CERT: &str = "cert.der";

/// Makes `dir` (0700) with a fresh key and certificate. Answers the certificate's SHA-256, hex.
pub fn init(dir: &Path) -> Result<String, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", dir.display());
    fs::DirBuilder::new().create(dir).map_err(fault)?;
    let permissions = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    fs::set_permissions(dir, permissions).map_err(fault)?;
    let made = rcgen::generate_simple_self_signed(vec!["shoal".to_owned()])
        .map_err(|error| error.to_string())?;
    write_private(&dir.join(KEY), &made.signing_key.serialize_der()).map_err(fault)?;
    write_private(&dir.join(CERT), made.cert.der()).map_err(fault)?;
    Ok(fingerprint(made.cert.der()))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn fingerprint(der: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, der).as_ref())
}

/// This side's certificate and key.
fn own(dir: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let read = |name: &str| {
        fs::read(dir.join(name)).map_err(|error| format!("{}: {error}", dir.join(name).display()))
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(read(KEY)?));
    Ok((vec![CertificateDer::from(read(CERT)?)], key))
}

fn of_key(session: &Session, error: &Error) -> String {
    format!("{}: {error}", session.dir.join(KEY).display())
}

pub fn client(session: &Session) -> Result<Arc<ClientConfig>, String> {
    let (certs, key) = own(&session.dir)?;
    let pin = Arc::new(Pin::new(session.peer_cert_sha256));
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&pin.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(pin)
        .with_client_auth_cert(certs, key)
        .map_err(|error| of_key(session, &error))?;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

pub fn server(session: &Session) -> Result<Arc<ServerConfig>, String> {
    let (certs, key) = own(&session.dir)?;
    let pin = Arc::new(Pin::new(session.peer_cert_sha256));
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&pin.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(pin)
        .with_single_cert(certs, key)
        .map_err(|error| of_key(session, &error))?;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Exactly one certificate is right, and its owner must prove to have the key: the signature of the handshake is
/// verified like anywhere else.
#[derive(Debug)]
struct Pin {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl Pin {
    fn new(sha256: [u8; 32]) -> Self {
        Self {
            sha256,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        }
    }

    fn check(&self, cert: &CertificateDer<'_>) -> Result<(), Error> {
        if digest::digest(&digest::SHA256, cert).as_ref() == self.sha256 {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Pin {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
