"""A store of objects on the loopback, as ill-behaved as a test wants it.

It answers like the JSON and XML interfaces of Google Cloud Storage, as far as
the fetch program uses them: listing with a prefix in pages, objects with
ranges and generations.
"""

import base64
import functools
import http.server
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse

_CRC_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82F63B78 if _n & 1 else 0)
    _CRC_TABLE.append(_n)


@functools.lru_cache(maxsize=None)
def crc32c(data):
    """The store's checksum of some bytes, as it writes it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 255]
    return base64.b64encode(struct.pack(">I", crc ^ 0xFFFFFFFF)).decode()


class Stored:
    """An object, and what the listing says of it."""

    def __init__(self, data, generation):
        self.data = data
        self.generation = generation
        self.crc32c = crc32c(data)
        self.listed_size = str(len(data))


class Fault:
    """What goes wrong with the next requests for an object.

    kind: "cut" (the connection ends after `after` bytes of the body), "stall"
    (it brings nothing more after that), "status", "short" (Content-Length and
    body end early), "long" (`extra` bytes more), "corrupt" (one byte is
    another), "no_range" (200 for a range), "wrong_range", "slow" (`after`
    bytes at a time).
    times: how many requests; negative: all.
    """

    def __init__(self, kind, times=1, after=0, status=503, headers=(), extra=10):
        self.kind = kind
        self.times = times
        self.after = after
        self.status = status
        self.headers = headers
        self.extra = extra


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        store = self.server.store
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with store.mutex:
            store.requests.append((self.path, dict(self.headers.items())))
        if url.path == "/storage/v1/b/%s/o" % store.bucket:
            self._list(query)
        elif url.path.startswith("/%s/" % store.bucket):
            self._get(urllib.parse.unquote(url.path[len(store.bucket) + 2 :]), query)
        else:
            self._simple(404)

    def _simple(self, status, headers=(), body=b"no\n"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _list(self, query):
        store = self.server.store
        fault = store.take_fault("list")
        if fault and fault.kind == "status":
            return self._simple(fault.status, fault.headers)
        if store.list_text is not None:
            return self._simple(200, body=store.list_text)
        with store.mutex:
            items = [
                dict(
                    name=name,
                    size=o.listed_size,
                    generation=str(o.generation),
                    **({"crc32c": o.crc32c} if o.crc32c else {})
                )
                for name, o in sorted(store.objects.items())
                if name.startswith(query["prefix"])
            ]
        first = int(query.get("pageToken", "0"))
        answer = {"items": items[first : first + store.page]} if items else {}
        if first + store.page < len(items) or store.endless:
            answer["nextPageToken"] = str(first + (0 if store.endless else store.page))
        body = json.dumps(answer).encode()
        if fault and fault.kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: fault.after])
            return self._cut()
        return self._simple(200, body=body)

    def _cut(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _get(self, name, query):
        store = self.server.store
        fault = store.take_fault(name)
        with store.mutex:
            stored = store.objects.get(name)
        if fault and fault.kind == "status":
            return self._simple(fault.status, fault.headers)
        if stored is None:
            return self._simple(404)
        if store.knows_generations and int(query["generation"]) != stored.generation:
            return self._simple(404)
        kind = fault.kind if fault else ""
        data, first = stored.data, 0
        wanted = self.headers.get("Range")
        if wanted and not store.no_ranges and kind != "no_range":
            first = int(wanted[len("bytes=") :].split("-")[0])
            if first >= len(data):
                return self._simple(416)
        total = len(data)
        if kind == "wrong_range":
            first += 1
        body = data[first:]
        if kind == "short":
            body = body[: max(0, len(body) - fault.extra)]
        if kind == "long":
            body = body + b"x" * fault.extra
        if kind == "corrupt":
            at = len(body) // 2
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        self.send_response(206 if first or kind == "wrong_range" else 200)
        self.send_header("x-goog-generation", str(stored.generation))
        if first or kind == "wrong_range":
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, total - 1, total))
        if kind == "long" and fault.after:  # no length: the end is the connection's
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body, fault)

    def _send(self, body, fault):
        store = self.server.store
        kind = fault.kind if fault else ""
        if kind in ("cut", "stall"):
            self.wfile.write(body[: fault.after])
            self.wfile.flush()
            if kind == "stall":
                store.stop.wait(30)
            return self._cut()
        if kind == "slow":
            for at in range(0, len(body), fault.after):
                if store.stop.wait(0.01):
                    break
                self.wfile.write(body[at : at + fault.after])
                self.wfile.flush()
            return None
        self.wfile.write(body)
        return None


class Store:
    """with Store() as store: store.put(...); store.url

    With files of a certificate and its key it speaks https.
    """

    def __init__(self, bucket="axlearn-public", certificate=None, key=None):
        self.bucket = bucket
        self.objects = {}
        self.page = 1000
        self.endless = False
        self.list_text = None
        self.no_ranges = False
        self.knows_generations = True
        self.requests = []
        self.mutex = threading.Lock()
        self.stop = threading.Event()
        self._faults = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *args: None  # clients that have left
        self._server.store = self
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # The handshake is the connection's thread's, not the listening one's.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = self.url.replace("http:", "https:")

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()

    def put(self, name, data):
        with self.mutex:
            old = self.objects.get(name)
            self.objects[name] = Stored(data, old.generation + 1 if old else 1000)

    def fail(self, name, fault):
        """`name`: an object, or "list"."""
        with self.mutex:
            self._faults.setdefault(name, []).append(fault)

    def take_fault(self, name):
        with self.mutex:
            faults = self._faults.get(name, [])
            if not faults:
                return None
            if faults[0].times < 0:
                return faults[0]
            faults[0].times -= 1
            return faults[0] if faults[0].times else faults.pop(0)

    def requests_of(self, name):
        """The requests for an object: a list of (path, headers)."""
        end = urllib.parse.quote(name)
        with self.mutex:
            return [r for r in self.requests if urllib.parse.urlsplit(r[0]).path.endswith(end)]


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False
