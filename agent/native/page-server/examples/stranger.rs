//! A client that presents a certificate which it has seen, with a key that is not the certificate's: for
//! `npm run outsiders`. usage: stranger HOST PORT CERT.der KEY.der. Prints `refused` when the page server ends the
//! connection, `let in` when it is still there after three seconds.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

const PATIENCE: Duration = Duration::from_secs(3);

/// Whoever answers is the one to attack.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ED25519,
        ]
    }
}

#[derive(Debug)]
struct Seen(Arc<CertifiedKey>);

impl ResolvesClientCert for Seen {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
    fn has_certs(&self) -> bool {
        true
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, cert, key] = args.as_slice() else {
        return Err("usage: stranger HOST PORT CERT.der KEY.der".into());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(std::fs::read(key)?));
    let signing = provider.key_provider.load_private_key(key)?;
    let forged = CertifiedKey::new(vec![CertificateDer::from(std::fs::read(cert)?)], signing);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_cert_resolver(Arc::new(Seen(Arc::new(forged))));
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from("shoal")?)?;
    let mut tcp = TcpStream::connect((host.as_str(), port.parse::<u16>()?))?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
    // A client of TLS 1.3 is done before its own certificate was looked at: the answer is in what comes after.
    let said = stream
        .write_all(&[0; 64])
        .and_then(|()| stream.read(&mut [0; 1]));
    let held = matches!(&said, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    println!("{}", if held { "let in" } else { "refused" });
    Ok(())
}
