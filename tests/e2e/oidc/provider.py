"""Starting the provider, and telling it who is in front of the browser."""

import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from romm_lite.kernel.locks import hold
from tests.conftest import absent

HERE = Path(__file__).resolve().parent
WAIT = 120.0
CLIENT = {"OIDC_CLIENT_ID": "romm", "OIDC_CLIENT_SECRET": "a secret with + and % in it"}


@dataclass(frozen=True)
class Tls:
    """A certificate for this machine and the authority that signed it, as files and PEM."""

    authority: Path
    key: str
    cert: str


@dataclass(frozen=True)
class RealProvider:
    """The provider, running; its users are whoever a test makes up."""

    issuer: str
    trust: ssl.SSLContext

    def expect(self, sub: str, **claims: Any) -> None:
        """Let this person be the next who logs in there."""
        person = {
            "sub": sub,
            "email": f"{sub}@example.com",
            "email_verified": True,
            "preferred_username": sub,
            **claims,
        }
        self._tell(person)

    def expect_refusal(self) -> None:
        """Let the next person cancel."""
        self._tell({"refuses": True})

    def _tell(self, person: dict[str, Any]) -> None:
        url = f"{self.issuer}/person"
        httpx.post(url, json=person, verify=self.trust, timeout=WAIT).raise_for_status()


def install(folder: Path = HERE) -> None:
    """Fetch what ``package-lock.json`` of a folder names, once in a checkout; who comes meanwhile
    waits."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            absent(f"{program} is not installed, so nothing from npm can be tried")
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with hold(folder / ".lock", {}) as is_ours:
            if is_ours:
                _install_alone(folder)
                return
        time.sleep(0.2)
    raise AssertionError("Another process did not get done with npm")


def _install_alone(folder: Path) -> None:
    mark = folder / "node_modules" / ".installed"
    wanted = (folder / "package-lock.json").read_bytes()
    if mark.is_file() and mark.read_bytes() == wanted:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        absent(f"npm could not fetch what {folder.name} needs: {done.stderr[-500:]}")
    mark.write_bytes(wanted)


@contextmanager
def running(
    folder: Path, tls: Tls | None = None, *, id_token_has_claims: bool = False
) -> Iterator[RealProvider]:
    """The provider; stopped in the end. It tells claims in the id token or by userinfo alone."""
    install()
    options: dict[str, Any] = {"idTokenHasClaims": id_token_has_claims}
    if tls:
        options["tls"] = {"key": tls.key, "cert": tls.cert}
    log = folder / "provider.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["node", "provider.mjs", json.dumps(options)],
            cwd=HERE,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            issuer = process.stdout.readline().strip()
            assert issuer, f"The provider did not come up:\n{log.read_text()}"
            cafile = tls.authority if tls else None
            yield RealProvider(issuer, ssl.create_default_context(cafile=cafile))
        finally:
            process.terminate()


def make_tls(folder: Path) -> Tls:
    """A certificate for localhost by an authority nobody knows."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of the tests")])
    authority = (
        _begin(name, name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    here = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        _begin(here, name, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .add_extension(_usage(signs_certificates=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    path = folder / "authority.pem"
    path.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return Tls(path, private.decode(), public.decode())


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=6))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
