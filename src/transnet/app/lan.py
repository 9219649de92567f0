"""The page for phones in the same network: a certificate, a token, an address as a QR code."""

from __future__ import annotations

import datetime
import io
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from transnet.app.serving.guard import Access
from transnet.app.serving.server import LOCAL
from transnet.errors import TransNetError

_VALID_DAYS = 365


@dataclass(frozen=True)
class Invitation:
    """How others in the network get to the page.

    Attributes:
        address: with the token in it.
        access: lets in who has the token.
        certificate: files of the certificate and its key.
        qr_text: the address as a QR code for a terminal.
        qr_svg: the same as a data address.
    """

    address: str
    access: Access
    certificate: tuple[Path, Path]
    qr_text: str
    qr_svg: str


def invite(folder: Path, port: int, host: str = "") -> Invitation:
    """Make a token and a certificate.

    Args:
        folder: where the certificate is kept, so that a phone has to accept it only once.
        port: of the server.
        host: address of this machine in its network; found out if not given.

    Raises:
        TransNetError: a package is missing, or this machine is in no network.
    """
    try:
        import segno
    except ImportError as error:
        raise _missing("segno") from error
    host = host or own_address()
    token = secrets.token_urlsafe(16)
    address = f"https://{host}:{port}/?token={token}"
    code = segno.make(address, error="m")
    text = io.StringIO()
    code.terminal(text, compact=True)
    access = Access(frozenset({*LOCAL, host}), key=token, token_page=True)
    certificate = make_certificate(folder, host)
    return Invitation(address, access, certificate, text.getvalue(), code.svg_data_uri(scale=4))


def own_address() -> str:
    """The address of this machine in its network.

    Raises:
        TransNetError: it is in none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; only the route is looked up
            host = str(probe.getsockname()[0])
        except OSError:
            host = "127.0.0.1"
    if ipaddress.ip_address(host).is_loopback:
        raise TransNetError("--lan: this machine is in no network; accepted: without --lan.")
    return host


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate signed by itself, and its key, for this machine only.

    Raises:
        TransNetError: a package is missing, or the files cannot be written.
    """
    certificate, key = folder / f".lan-{host}.pem", folder / f".lan-{host}.key"
    if certificate.is_file() and key.is_file():
        return certificate, key
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError as error:
        raise _missing("cryptography") from error
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "transnet app")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(names, critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise TransNetError(f"{certificate} cannot be written ({error}).") from error
    return certificate, key


def _missing(package: str) -> TransNetError:
    return TransNetError(
        f"transnet app --lan needs {package}, which is not installed: "
        "pip install 'transnet-har[app]'"
    )
