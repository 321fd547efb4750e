"""An HTTP/1.1 file server with the habits of good and bad ones, on a port of the kernel's choice, which it writes to stdout.

Folders in front of a file's path say how it is served, so that they also hold for what a playlist names relative to itself:

  /clip.mp4                 as a good server does: Range, Content-Length, Last-Modified, HEAD
  /slow=2.5/clip.mp4        nothing is said for 2.5 seconds
  /rate=200000/clip.mp4     200,000 bytes a second
  /norange/clip.mp4         Range is not known
  /nolength/clip.mp4        no Content-Length: the end of the connection is the end of the file
  /chunked/clip.mp4         Transfer-Encoding: chunked
  /status=404/clip.mp4      this status, and no file
  /failing=2/clip.mp4       503 for the first two requests of this path
  /redirect=302/clip.mp4    to the same path without this folder
  /to=302/http%3A%2F%2F...  to that URL
  /cut=100000/clip.mp4      the connection breaks after 100,000 bytes of the body
  /stall=100000/clip.mp4    after 100,000 bytes nothing more comes, and the connection stays
  /login=user:word/clip.mp4 401 without these credentials (Basic)
  /type=video%2Fmp2t/a.bin  this Content-Type

`/requests` is what was asked so far: a JSON list of {"method", "path", "range", "status"}, in the order of the answers.
"""

import argparse
import base64
import json
import mimetypes
import pathlib
import re
import threading
import time
import urllib.parse
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODES = {"slow", "rate", "norange", "nolength", "chunked", "status", "failing", "redirect", "to", "cut", "stall", "login", "type"}
TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".m4s": "video/iso.segment", ".mp4": "video/mp4", ".flv": "video/x-flv"}
PIECE = 65536


class Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        path = self.path.split("?", 1)[0]
        if path == "/requests":
            with self.server.lock:
                self.say(200, json.dumps(self.server.requests).encode(), "application/json")
            return
        modes, rest = split(path)
        time.sleep(float(modes.get("slow", 0)))
        if "login" in modes:
            wanted = "Basic " + base64.b64encode(modes["login"].encode()).decode()
            if self.headers.get("Authorization") != wanted:
                return self.refuse(401, {"WWW-Authenticate": 'Basic realm="files"'})
        if "status" in modes:
            return self.refuse(int(modes["status"]))
        if "failing" in modes and self.server.count(path) <= int(modes["failing"]):
            return self.refuse(503)
        if "redirect" in modes:
            return self.refuse(int(modes["redirect"]), {"Location": re.sub(r"/redirect=[^/]*", "", self.path, count=1)})
        if "to" in modes:
            return self.refuse(int(modes["to"]), {"Location": urllib.parse.unquote(rest.lstrip("/"))})
        file = self.file(rest)
        if file is None:
            return self.refuse(404)
        self.send_file(file, modes, with_body)

    def file(self, path):
        file = (self.server.root / urllib.parse.unquote(path).lstrip("/")).resolve()
        return file if file.is_file() and file.is_relative_to(self.server.root) else None

    def send_file(self, file, modes, with_body):
        size = file.stat().st_size
        first, last, status = 0, size - 1, 200
        header = self.headers.get("Range")
        if header and "norange" not in modes:
            found = span(header, size)
            if found is None:
                return self.refuse(416, {"Content-Range": f"bytes */{size}"})
            (first, last), status = found, 206
        is_chunked = "chunked" in modes
        has_length = not is_chunked and "nolength" not in modes
        self.note(status)
        self.send_response(status)
        kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.send_header("Content-Type", modes.get("type", kind))
        self.send_header("Last-Modified", formatdate(file.stat().st_mtime, usegmt=True))
        if "norange" not in modes:
            self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        if has_length:
            self.send_header("Content-Length", str(last - first + 1))
        elif is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if with_body:
            self.send_body(file, first, last, modes, is_chunked)

    def send_body(self, file, first, last, modes, is_chunked):
        begun = time.monotonic()
        sent, wanted = 0, last - first + 1
        end = min([wanted] + [int(modes[mode]) for mode in ("cut", "stall") if mode in modes])
        with file.open("rb") as film:
            film.seek(first)
            while sent < end:
                piece = film.read(min(PIECE if "rate" not in modes else 8192, end - sent))
                if not piece:
                    break
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                sent += len(piece)
                if "rate" in modes:
                    time.sleep(max(0, begun + sent / float(modes["rate"]) - time.monotonic()))
        self.wfile.flush()
        if sent < wanted and "stall" in modes:
            # Until the client goes.
            self.rfile.read(1)
        if sent < wanted:
            self.close_connection = True
        elif is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def refuse(self, status, headers={}):
        self.note(status)
        self.say(status, f"{status}\n".encode(), "text/plain", headers)

    def say(self, status, body, kind, headers={}):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self, status):
        with self.server.lock:
            self.server.requests.append({"method": self.command, "path": self.path, "range": self.headers.get("Range"), "status": status})

    def log_request(self, code="-", size="-"):
        self.log_message("%s %s %s", self.requestline, self.headers.get("Range", "-"), int(code))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, root):
        super().__init__(address, Files)
        self.root = root
        self.lock = threading.Lock()
        self.requests = []
        self.counts = {}

    def count(self, path):
        with self.lock:
            self.counts[path] = self.counts.get(path, 0) + 1
            return self.counts[path]

    def handle_error(self, request, client_address):
        """Players leave in the middle of a file; that is nothing to tell."""


def split(path):
    modes = {}
    parts = path.lstrip("/").split("/")
    while parts and parts[0].split("=", 1)[0] in MODES:
        name, _, value = parts.pop(0).partition("=")
        modes[name] = urllib.parse.unquote(value)
    return modes, "/" + "/".join(parts)


def span(header, size):
    """The first and last byte of a Range header of one range; None if there is no such part of the file."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        return (max(0, size - int(last)), size - 1) if int(last) > 0 and size > 0 else None
    return (int(first), min(int(last or size - 1), size - 1)) if int(first) < size and (last == "" or int(first) <= int(last)) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", default=0, type=int, help="0: the kernel's choice")
    options = parser.parse_args()
    server = Server((options.address, options.port), options.root.resolve())
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
