"""Stands in for the decision service behind reeflex-connector, which is on no registry."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Core(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_denied = b"delete_everything" in body
        reply = {"decision": "deny" if is_denied else "allow", "reason": "a rule of the house", "rule": "r1"}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Core).serve_forever()
