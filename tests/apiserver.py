#!/usr/bin/env python3
"""apiserver.py DIR - a Kubernetes API server (and kubelet) for the tests, over TLS, on loopback.

It answers as servers of version 1.34 were seen to answer: the same shapes, status codes and
headers.  DIR holds server.crt and server.key, ca.crt (of client certificates) and token (what
a client must send).  It writes DIR/port when it listens and a line for each request to
DIR/requests.  The tests write:

  DIR/pods.json        the items of the node's PodList, a JSON array (nodes.json, namespaces.json
                       the same); a Job that is POSTed is appended to DIR/jobs
  DIR/mode             what goes wrong, a word (and a number of requests it lasts):
                       401 403 404 410 429 500 504 half stall html hang drop empty, and cut-watch,
                       which ends watches (none: nothing is wrong)
  DIR/page             items a page; with none the limit is ignored, as for resourceVersion=0
  DIR/events           events of a watch, a line each, sent as they are appended
"""
import http.server, json, os, re, socketserver, ssl, sys, threading, time, urllib.parse

root = sys.argv[1]
stopping = threading.Event()


def text_of(name, default=None):
    try:
        with open(os.path.join(root, name)) as f:
            return f.read()
    except OSError:
        return default


def items_of(name):
    return json.loads(text_of(name, "[]") or "[]")


def status(code, reason, message, **more):
    return dict({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                 "message": message, "reason": reason}, **more, code=code)


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def mode(self):
        """The word of DIR/mode; one with a number counts down to none."""
        words = (text_of("mode") or "").split()
        if len(words) == 2:
            left = int(words[1]) - 1
            with open(os.path.join(root, "mode"), "w") as f:
                f.write(f"{words[0]} {left}" if left > 0 else "")
        return words[0] if words else ""

    def send(self, code, body, kind="application/json", **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(code)
        self.send_header("Audit-Id", "4f1c3e0a-6a0d-4b9f-8a53-0d7a3f8c8d10")
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Content-Type", kind)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_status(self, code, reason, message, kind="application/json", headers={}, **more):
        self.send(code, json.dumps(status(code, reason, message, **more),
                                   separators=(",", ":")) + "\n", kind, **headers)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def start_chunks(self):
        self.send_response(200)
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def wrong(self, mode, resource, verb):
        """Answer as DIR/mode says; False: nothing is wrong."""
        if mode == "401":
            self.send_status(401, "Unauthorized", "Unauthorized")
        elif mode == "403":
            self.send_status(403, "Forbidden", f'{resource} is forbidden: User '
                             f'"system:serviceaccount:logs:k8smeta" cannot {verb} resource '
                             f'"{resource}" in API group "" at the cluster scope',
                             details={"kind": resource})
        elif mode == "404":
            self.send(404, "404 page not found\n", "text/plain; charset=utf-8")
        elif mode == "410":
            self.send_status(410, "Expired", "The provided continue parameter is too old to "
                             "display a consistent list result.")
        elif mode == "429":
            self.send(429, "Too many requests, please try again later.\n",
                      "text/plain; charset=utf-8", Retry_After="1")
        elif mode == "500":
            self.send_status(500, "InternalError", "Internal error occurred")
        elif mode == "504":
            self.send_status(504, "Timeout", "Timeout: Too large resource version: 9, current: 1",
                             headers={"Retry_After": "1"})
        elif mode == "html":
            self.send(200, "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
                      "text/html; charset=utf-8")
        elif mode == "empty":
            self.send(200, "")
        elif mode == "hang":
            stopping.wait(60)
        elif mode == "stall":  # web-0, and then no more
            self.start_chunks()
            self.chunk(b'{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[')
            self.chunk(json.dumps([p for p in items_of("pods.json")
                                   if p["metadata"]["name"] == "web-0"][0]).encode() + b",")
            stopping.wait(60)
        elif mode == "drop":
            self.close_connection = True
            self.connection.close()
        else:
            return False
        return True

    def send_list(self, kind, items, query, half):
        page = int(text_of("page") or 0)
        at = int(query.get("continue", ["0"])[0].split(":")[-1])
        meta = {"resourceVersion": "1169"}
        if page and at + page < len(items):
            meta["continue"] = f"next/{kind}+:{at + page}"
            meta["remainingItemCount"] = len(items) - at - page
        if page:
            items = items[at:at + page]
        self.start_chunks()
        self.chunk(('{"kind":"%s","apiVersion":"v1","metadata":%s,"items":[' %
                    (kind, json.dumps(meta, separators=(",", ":")))).encode())
        for i, item in enumerate(items):
            if half and i == len(items) // 2:
                self.chunk(b',{"metadata":{"name":"cut')
                self.close_connection = True
                return
            self.chunk((("," if i else "") + json.dumps(item, separators=(",", ":"),
                                                        ensure_ascii=False)).encode())
        self.chunk(b"]}\n")
        self.chunk(b"")

    def watch(self, mode):
        self.start_chunks()
        if mode == "410":
            self.chunk(json.dumps({"type": "ERROR", "object": status(
                410, "Expired", "too old resource version: 1 (1200)")}).encode() + b"\n")
            self.chunk(b"")
            return
        sent = 0
        while not stopping.wait(0.05):
            lines = (text_of("events") or "").splitlines(True)
            for line in lines[sent:]:
                if line.endswith("\n"):
                    sent += 1
                    self.chunk(line.encode())
            if (text_of("mode") or "").startswith(("cut-watch", "403", "410")):
                break
        self.chunk(b"")

    def handle_one(self, body=None):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        with open(os.path.join(root, "requests"), "a") as f:
            f.write(f"{self.command} {self.path}\n")
        kubelet = url.path in ("/pods", "/pods/")
        token = (text_of("token") or "").strip()
        sent = self.headers.get("Authorization", "")
        cert = self.connection.getpeercert()
        watching = "watch" in query
        mode = self.mode()
        if kubelet and mode in ("401", "403"):
            self.send(int(mode), "Unauthorized" if mode == "401" else
                      "Forbidden (user=system:serviceaccount:logs:k8smeta, verb=get, "
                      "resource=nodes, subresource(s)=[pods proxy])\n",
                      "text/plain; charset=utf-8")
        elif sent and sent != "Bearer " + token:
            self.send_status(401, "Unauthorized", "Unauthorized")
        elif not sent and not cert:
            self.send_status(403, "Forbidden", 'pods is forbidden: User "system:anonymous" cannot '
                             'list resource "pods" in API group "" at the cluster scope',
                             details={"kind": "pods"})
        elif mode == "410" and not watching and "continue" not in query:
            self.route(url.path, query, "", body)
        elif (mode != "410" or not watching) and self.wrong(
                mode, url.path.split("/")[-1], "watch" if watching else "list"):
            pass
        else:
            self.route(url.path, query, mode, body)

    def route(self, path, query, mode, body):
        if path in ("/pods", "/pods/"):
            self.send_list("PodList", items_of("pods.json"), {}, mode == "half")
        elif self.command == "POST" and re.fullmatch(r"/apis/batch/v1/namespaces/[^/]+/jobs", path):
            self.post_job(json.loads(body))
        elif path.startswith("/apis/batch/v1/") and path.endswith("/jobs"):
            jobs = [json.loads(j) for j in (text_of("jobs") or "").splitlines()]
            self.send_list("JobList", jobs, query, mode == "half")
        elif path == "/api/v1/pods":
            if "watch" in query:
                return self.watch(mode)
            node = query.get("fieldSelector", [""])[0].removeprefix("spec.nodeName=")
            pods = [p for p in items_of("pods.json")
                    if not node or p["spec"].get("nodeName") == node]
            self.send_list("PodList", pods, query, mode == "half")
        elif re.fullmatch(r"/api/v1/namespaces/[^/]+/pods", path):
            name = query.get("fieldSelector", [""])[0].removeprefix("metadata.name=")
            self.send_list("PodList", [p for p in items_of("pods.json")
                                       if p["metadata"]["namespace"] == path.split("/")[4] and
                                       p["metadata"]["name"] == name], query, False)
        elif path == "/api/v1/namespaces":
            self.send_list("NamespaceList", items_of("namespaces.json"), query, mode == "half")
        elif path == "/api/v1/nodes":
            self.send_list("NodeList", items_of("nodes.json"), query, mode == "half")
        else:
            self.send_status(403, "Forbidden", f'forbidden: User "system:serviceaccount:logs:'
                             f'k8smeta" cannot get path "{path}"', details={})

    def post_job(self, job):
        name = job["metadata"]["name"]
        known = [json.loads(j)["metadata"]["name"] for j in (text_of("jobs") or "").splitlines()]
        if name in known:
            return self.send_status(409, "AlreadyExists", f'jobs.batch "{name}" already exists',
                                    details={"name": name, "group": "batch", "kind": "jobs"})
        with open(os.path.join(root, "jobs"), "a") as f:
            f.write(json.dumps(job) + "\n")
        self.send(201, json.dumps(job))

    def do_GET(self):
        self.handle_one()

    def do_POST(self):
        self.handle_one(self.rfile.read(int(self.headers.get("Content-Length", 0))))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients go away; that is what is tested


class Secure(Server):
    def get_request(self):
        sock, peer = self.socket.accept()
        sock.settimeout(70)
        return tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), peer


def main(answer):
    global tls
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{root}/server.crt", f"{root}/server.key")
    tls.load_verify_locations(f"{root}/ca.crt")
    tls.verify_mode = ssl.CERT_OPTIONAL
    server = Secure(("127.0.0.1", 0), answer)
    # an address that the certificate does not name
    other = Secure(("127.0.0.2", server.server_port), answer)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    with open(f"{root}/port.new", "w") as f:
        f.write(str(server.server_port))
    os.rename(f"{root}/port.new", f"{root}/port")
    server.serve_forever()


if __name__ == "__main__":
    main(Answer)
