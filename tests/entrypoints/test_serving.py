"""How the server begins and ends."""

import socket
import subprocess
import sys
from typing import Final

# A signal between the moment that we listen to signals and the moment that uvicorn does.
STRUCK: Final = """
import os, signal
import uvicorn
from ytmarket.entrypoints import serve
from ytmarket.entrypoints.settings import Settings

async def app(scope, receive, send):
    while True:
        told = await receive()
        await send({"type": told["type"] + ".complete"})
        if told["type"] == "lifespan.shutdown":
            return

run = uvicorn.Server.run

def struck(server, **options):
    os.kill(os.getpid(), signal.SIGTERM)
    run(server, **options)

serve.create_app = lambda *_, **__: app
uvicorn.Server.run = struck
serve.serve(Settings(), host="127.0.0.1", port=0, workers=False, demo=False)
print("ended")
"""


def test_a_signal_while_it_begins_ends_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STRUCK], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "ended\n"), ran.stderr


def test_a_taken_port_is_told_with_how_to_name_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "ytmarket.entrypoints", "serve", "--port", str(port)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = " ".join(ran.stderr.split())
    assert ran.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in told
    assert "try another --port (make run PORT=9000)" in told
