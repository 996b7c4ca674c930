"""The real torchvision, through our own door, against a server on the loopback address."""

import gzip
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from compare.data import datasets
from compare.errors import UserError

pytestmark = pytest.mark.skipif(
    find_spec("torchvision") is None, reason="torchvision is not installed"
)


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Yield an address where `answer` serves every GET."""
    handler = type(
        "Handler", (BaseHTTPRequestHandler,), {"do_GET": answer, "log_message": lambda *_: None}
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


@contextmanager
def refusal() -> Iterator[str]:
    """Yield an address where nobody listens, although the port is taken."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}"


@contextmanager
def silence() -> Iterator[str]:
    """Yield an address that takes connections and never answers; check that there was one."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.setblocking(False)
        listening.accept()[0].close()


def send(request: BaseHTTPRequestHandler, content: bytes, *, announced: int | None = None) -> None:
    """Answer a request with these bytes, of which another number may be announced."""
    request.send_response(200)
    request.send_header("Content-Length", str(announced or len(content)))
    request.end_headers()
    request.wfile.write(content)


def redirect(request: BaseHTTPRequestHandler) -> None:
    """Send every request on to a web page, as a hotel's network does."""
    if request.path.endswith("/login"):
        send(request, b"<!DOCTYPE html><title>Log in</title>")
    else:
        request.send_response(302)
        request.send_header("Location", "http://hotel.invalid/login")
        request.end_headers()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "deadline", "reason"),
    [
        pytest.param(refusal(), 120.0, "Connection refused", id="refusal"),
        pytest.param(silence(), 20.0, "not finished after 20 s", id="silence"),
        pytest.param(server(lambda r: r.send_error(503)), 120.0, "HTTP Error 503", id="503"),
        pytest.param(server(lambda r: send(r, b"?")), 120.0, "corrupted", id="junk"),
        pytest.param(server(redirect), 120.0, "corrupted", id="a web page"),
        pytest.param(
            server(lambda r: send(r, b"\x1f\x8b", announced=1000)), 120.0, "corrupted", id="cut off"
        ),
    ],
)
def test_what_the_network_does_wrong_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxy: AbstractContextManager[str],
    deadline: float,
    reason: str,
) -> None:
    with proxy as address:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, address)
        with pytest.raises(
            UserError,
            match=rf"^cannot download FashionMNIST \(.*{reason}.*\); put .* --data digits$",
        ):
            datasets.load("fashion-mnist", tmp_path, download_deadline=deadline)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(
    "AE_DATA_ROOT" not in os.environ, reason="AE_DATA_ROOT does not say where MNIST lies"
)
def test_mnist_comes_from_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.environ["AE_DATA_ROOT"])
    packed = {
        f"{file}.gz": gzip.compress((root / "MNIST" / "raw" / file).read_bytes(), 1)
        for file in datasets.FILES
    }
    checksums = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    with server(lambda request: send(request, packed[request.path.strip("/")])) as address:
        (tmp_path / "sitecustomize.py").write_text(  # Python imports it as it starts
            "import torchvision.datasets as d\n"
            f"d.MNIST.mirrors, d.MNIST.resources = ['{address}/'], {checksums}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        downloaded = datasets.load("mnist", tmp_path / "data", download_deadline=120)
    assert sorted(path.name for path in (tmp_path / "data" / "MNIST" / "raw").iterdir()) == sorted(
        datasets.FILES
    )
    np.testing.assert_array_equal(downloaded.test_images, datasets.load("mnist", root).test_images)
