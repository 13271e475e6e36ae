#!/usr/bin/env python3
"""fixedanswer.py DIR - a server on loopback that gives each request the same answer, fast.

The answer is the body DIR/answer (of a path /a/b DIR/answer_a_b, if there) with the status in DIR/status ("200 OK"); with none the
connection is closed without an answer.  HEAD is told that nothing is there.  With DIR/server.crt and server.key it speaks TLS.  It
writes DIR/port when it listens, and a line for each request to DIR/requests.
"""
import os, socket, ssl, sys, threading

root = sys.argv[1]


def read(name, default=b""):
    try:
        with open(os.path.join(root, name), "rb") as f:
            return f.read()
    except OSError:
        return default


def serve(sock):
    try:
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
        with sock, sock.makefile("rb") as f, open(os.path.join(root, "requests"), "ab", 0) as log:
            while line := f.readline():
                log.write(line)
                length, path = 0, line.split()[1].split(b"?")[0].replace(b"/", b"_").decode()
                while (header := f.readline()).strip():
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                f.read(length)
                if line.startswith(b"HEAD "):
                    sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                body = read("answer" + path) or read("answer")
                if not body:
                    return
                sock.sendall(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nETag: \"e\"\r\nContent-Length: %d"
                             b"\r\n\r\n%s" % (read("status", b"200 OK"), len(body), body))
    except OSError:
        pass  # clients go away


tls = None
if os.path.exists(f"{root}/server.crt"):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{root}/server.crt", f"{root}/server.key")
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
with open(f"{root}/port.new", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(f"{root}/port.new", f"{root}/port")
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
