"""A receiver of Bulkpost's webhooks: verifies each message, drops repeats, and prints what happened, a line each.

    pip install standardwebhooks
    WEBHOOK_SECRET=whsec_... python webhook_receiver.py 8090

The secret is what `bulkpost webhooks add` printed. A real application keeps the ids of what it has done in its
database, in the transaction that does it: a message comes at least once, sometimes twice.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

LONGEST_BODY = 2**20
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has taken, 400 to what nobody may have sent."""

    def do_POST(self) -> None:
        """Take one message. The signature is over the bytes as they came: verify first, parse then."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST_BODY))
        try:
            message = Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):
            self.answer(400)
            return
        message_id = self.headers["webhook-id"]
        if message_id not in seen:
            print(json.dumps({"id": message_id, **message}, ensure_ascii=False), flush=True)  # noqa: T201
            seen.add(message_id)
        self.answer(204)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing per request."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    sys.stderr.write(f"listening on {server.server_port}\n")
    server.serve_forever()
