"""The guest keeper's credentials, as Fargate gives them to a task: from an address in its environment.

So the keeper runs with its own role here too, and the emulator refuses what the template does not permit.
"""

import contextlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.stack.aws import Aws

_HOUR = 3600


class TaskCredentials:
    """Serves credentials of the role `role_name` on a free port of 127.0.0.1, until `stop()`."""

    def __init__(self, aws: Aws, role_name: str) -> None:
        self._aws = aws
        self._role_arn = aws.client("iam").get_role(RoleName=role_name)["Role"]["Arn"]
        self._token = secrets.token_urlsafe()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="task-credentials", daemon=True)
        self._thread.start()

    def environment(self) -> dict[str, str]:
        """Where an AWS SDK finds them."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_address[1]}/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def read(self) -> dict[str, str]:
        """Fresh ones, in the form in which Fargate gives them."""
        assumed = self._aws.client("sts").assume_role(
            RoleArn=self._role_arn, RoleSessionName="guest-keeper", DurationSeconds=_HOUR
        )["Credentials"]
        return {
            "AccessKeyId": assumed["AccessKeyId"],
            "SecretAccessKey": assumed["SecretAccessKey"],
            "Token": assumed["SessionToken"],
            "Expiration": assumed["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": self._role_arn,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        read, token = self.read, self._token

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # http.server names it
                if self.headers.get("Authorization") != token:
                    self.send_error(403)
                    return
                body = json.dumps(read()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the SDK gave up waiting, and asks again
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
