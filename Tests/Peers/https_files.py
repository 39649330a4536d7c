"""Serves a folder by https on loopback until its standard input ends.

    https_files.py FOLDER CERTIFICATE KEY

Prints the port. Paths beside the files: /to?URL sends on to URL, /loop to itself, /endless never stops sending.
"""

import http.server
import ssl
import sys
import threading
import urllib.parse


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=sys.argv[1])

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        if parts.path in ("/to", "/loop"):
            self.send_response(302)
            self.send_header("Location", urllib.parse.unquote(parts.query) if parts.path == "/to" else "/loop")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif parts.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"\0" * 65536)
            except OSError:
                pass
        else:
            super().do_GET()

    def log_message(self, *arguments):
        pass


def main() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
