"""The page for phones: certificate, token, QR code; on 127.0.0.1 only here."""

from __future__ import annotations

import ssl
import stat

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("segno")
from transnet.app.lan import invite


def test_an_invitation_has_a_certificate_a_token_and_a_code(tmp_path):
    first = invite(tmp_path, 8443, "127.0.0.1")
    second = invite(tmp_path, 8443, "127.0.0.1")
    certificate, key = first.certificate
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert first.certificate == second.certificate
    assert first.access.key != second.access.key
    assert first.access.key in first.address
    assert first.access.token_page
    assert first.qr_svg.startswith("data:image/svg+xml")
