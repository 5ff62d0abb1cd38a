"""Stands in for what issues keys of a role on Amazon: the container's agent, the machine's metadata
service, and STS. One server on loopback; keys are numbered as they are issued."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

CONTAINER, METADATA = "/v2/credentials/task", "/latest/meta-data/iam/security-credentials"
STS = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass
class RoleServer:
    """`life` is that of the next keys. `authorization` is what the container must send, `identity`
    the token of the web identity. While `away`, it answers 500."""

    url: str = ""
    life: timedelta = timedelta(hours=6)
    authorization: str | None = None
    identity: str = ""
    away: bool = False
    issued: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> tuple[int, str]:
        """Status and body."""
        if self.away:
            return 500, ""
        if path == "/latest/api/token" and method == "PUT":
            known = "x-aws-ec2-metadata-token-ttl-seconds" in headers
            return (200, "session-token") if known else (400, "")
        if path.startswith(METADATA):
            if headers.get("x-aws-ec2-metadata-token") != "session-token":
                return self._refuse(path)  # as a machine does that allows only IMDSv2
            name = path.removeprefix(METADATA).strip("/")
            return 200, json.dumps({"Code": "Success", **self._keys()}) if name else "instance"
        if path == CONTAINER:
            if headers.get("authorization") != self.authorization:
                return self._refuse(path)
            return 200, json.dumps(self._keys())
        return self._web_identity(parse_qs(body)) if method == "POST" else (404, "")

    def _refuse(self, path: str) -> tuple[int, str]:
        self.refused.append(path)
        return 401, "{}"

    def _keys(self) -> dict[str, str]:
        name = f"role-{len(self.issued) + 1}"
        self.issued.append(name)
        ends = (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "AccessKeyId": name,
            "SecretAccessKey": "s",
            "Token": f"token-of-{name}",
            "Expiration": ends,
        }

    def _web_identity(self, asked: Mapping[str, list[str]]) -> tuple[int, str]:
        if asked.get("Action") != ["AssumeRoleWithWebIdentity"]:
            return 404, ""
        if asked["WebIdentityToken"] != [self.identity]:
            self.refused.append("web identity")
            code = "<Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>"
            return 400, f"<ErrorResponse>{code}<Message>no</Message></Error></ErrorResponse>"
        keys = self._keys()
        keys["SessionToken"] = keys.pop("Token")
        each = "".join(f"<{name}>{value}</{name}>" for name, value in keys.items())
        result = f"<AssumeRoleWithWebIdentityResult><Credentials>{each}</Credentials>"
        end = "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        return 200, f'<AssumeRoleWithWebIdentityResponse xmlns="{STS}">{result}{end}'


@contextmanager
def role_server() -> Iterator[RoleServer]:
    """Listens until the block ends."""
    server = RoleServer()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = server.answer(self.command, self.path, headers, body)
            content = text.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest's output is for tests."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
