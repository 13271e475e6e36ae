#!/usr/bin/env python3
"""faultproxy.py HOST:PORT: an HTTP proxy on loopback before a server, that fails on demand.

It prints its port, then a line for each request: METHOD PATH DEED STATUS.  PUT /__deeds sets
what to do, a JSON list; each entry is used for the first request that it fits, `times` times
(once), after passing over `skip` of them:

    {"do": D, "method": "PUT", "path": REGEX, "times": 1, "skip": 0, ...}

    answer  for the server, which sees nothing: "status", "code", "headers", "message"
    reset   after "after" bytes of the body have been read
    lose    the server's answer: it has done the work, the client hears a reset
    stall   for "seconds" after "after" bytes of the body, or until there is a file "until" (for
            a minute at most), then a reset
    drip    an answer without end, slowly; the server sees nothing
    cut     the server's answer after "after" bytes of its body
    edit    the server's answer: "headers", "body", "status"
"""
import http.client
import json
import os
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

upstream = sys.argv[1]
lock, deeds = threading.Lock(), []


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, deed, status):
        with lock:
            print(self.command, self.path, deed, status, flush=True)

    def deed(self):
        with lock:
            for d in deeds:
                if d.get("method", self.command) != self.command:
                    continue
                if not re.search(d.get("path", ""), self.path):
                    continue
                if d.get("skip", 0) > 0:
                    d["skip"] -= 1
                elif d.get("times", 1) > 0:
                    d["times"] = d.get("times", 1) - 1
                    return d
        return {"do": "pass"}

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def reply(self, status, headers, body, whole=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = [v for n, v in headers if n.lower() == "content-length"]
        if self.command == "HEAD" and length:
            self.send_header("Content-Length", length[0])
        elif status != 204:
            self.send_header("Content-Length", str(len(body) if whole is None else whole))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def ask(self, body):
        c = http.client.HTTPConnection(upstream, timeout=60)
        c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                c.putheader(name, value)
        c.endheaders(body)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.getheaders(), data

    def any(self):
        size = int(self.headers.get("Content-Length", 0))
        if self.path == "/__deeds":
            with lock:
                deeds[:] = json.loads(self.rfile.read(size))
            return self.reply(200, [], b"")
        d = self.deed()
        do = d["do"]
        if do in ("reset", "stall"):
            self.rfile.read(min(size, d.get("after", 0)))
            self.note(do, "-")
            time.sleep(d.get("seconds", 0))
            for _ in range(1200 if "until" in d else 0):
                if os.path.exists(d["until"]):
                    break
                time.sleep(0.05)
            return self.reset()
        body = self.rfile.read(size)
        if do == "drip":
            self.note(do, 200)
            self.reply(200, [], b"", 1 << 40)
            try:
                while True:
                    self.wfile.write(b" " * 200)
                    time.sleep(0.2)
            except OSError:
                return self.reset()
        if do == "answer":
            code = d.get("code", "InternalError")
            text = d.get("body", f"<Error><Code>{code}</Code><Message>{d.get('message', 'on demand')}"
                                 "</Message><RequestId>DEMAND</RequestId></Error>")
            self.note(do, d["status"])
            return self.reply(d["status"], list(d.get("headers", {}).items()), text.encode())
        status, headers, data = self.ask(body)
        self.note(do, status)
        if do == "lose":
            return self.reset()
        if do == "edit":
            status, data = d.get("status", status), d.get("body", data.decode()).encode()
            new = {n.lower(): v for n, v in d.get("headers", {}).items()}
            headers = [(n, v) for n, v in headers if n.lower() not in new] + list(new.items())
        if do == "cut":
            self.reply(status, headers, data[:d.get("after", 0)], len(data) + 10)
            time.sleep(0.1)
            return self.reset()
        return self.reply(status, headers, data)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = any


server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
