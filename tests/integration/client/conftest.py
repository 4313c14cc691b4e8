"""What the tests of the client share: hosts, a gateway, a certificate."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.loopback import Host, hosts_stopped, make_certificate
from worker.gateway.client import Gateway


@pytest.fixture
def start() -> Iterator[Callable[..., Host]]:
    with hosts_stopped() as start_host:
        yield start_host


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context
