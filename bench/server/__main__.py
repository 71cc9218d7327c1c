"""`python -m bench.server hello SIZE`, `... district FOLDER BATCH` or `... still FOLDER`.

Prints its port, then answers each line "cpu" or "rss" on standard input; ends with it. `district` is the product's server
over the demo's accounts, with BATCH operations a commit at most and no bound on reports from one address; `still` has no
background work, so that a file of bulk rows stays as it is.
"""

from __future__ import annotations

import resource
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn


def main() -> None:
    kind, *more = sys.argv[1:]
    if kind == "hello":
        serve(uvicorn.Config(hello(int(more[0])), log_level="warning", server_header=False, access_log=False))
        return
    # Imported here, so that the bare server stays bare.
    from civicloop.app import build
    from civicloop.cli.serve import configured, settle
    from civicloop.kernel.registry.district import Settings, open_district
    from civicloop.kernel.store import writer
    from civicloop.web.intake_rate import IntakeRate

    if kind == "district":
        writer.BATCH = int(more[1])
    defaults = IntakeRate.__init__.__kwdefaults__
    assert defaults is not None
    defaults["most"] = 1 << 40
    settings = Settings(Path(more[0]))
    district = open_district(settings)
    try:
        config = configured(build(district, background=kind == "district"), settings)
        settle()
        serve(config)
    finally:
        district.close()


def hello(size: int) -> Any:
    """The least that a server can do: reads the body and answers `size` bytes."""
    answer = b"x" * size
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(size).encode()),
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def serve(config: uvicorn.Config) -> None:
    """Serves until standard input ends."""
    server = uvicorn.Server(config)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    threading.Thread(target=listen, args=(server,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


def listen(server: uvicorn.Server) -> None:
    """Answers what is asked on standard input, until that ends."""
    for line in sys.stdin:
        print(time.process_time() if line.strip() == "cpu" else resident(), flush=True)
    server.should_exit = True


def resident() -> float:
    """RSS in MB; where /proc does not tell it, the most there ever was."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
