#!/usr/bin/env python3
"""awsidentity.py DIR: a stand-in for what gives credentials at AWS, on 127.0.0.1.
awsidentity.py jwt DIR PORT SECONDS: write DIR/jwt, a token of the issuer http://127.0.0.1:PORT
that holds for so long, signed with DIR/oidc.key.

Prints its port, then serves until it is killed.  Shapes are those of the documentation:

  POST /                    STS: AssumeRole (the signature is checked) and
                            AssumeRoleWithWebIdentity (the token must be DIR/jwt's text)
  GET /container            the agent of ECS or Pod Identity: Authorization must be DIR/pod's text
  PUT /latest/api/token, GET /latest/meta-data/iam/security-credentials/[ROLE]
                            the metadata service, version 2: without its token 401
  GET /.well-known/openid-configuration, /certs
                            the issuer of such tokens, by DIR/oidc.crt, for a real STS
  PUT, HEAD /BUCKET/KEY     a little S3: the signature is checked with what was given out

Credentials are a new pair each time.  They live as many seconds as DIR/life says (3600).
DIR/mode holds a word that spoils answers (see below).  DIR/log gets a line a request: METHOD
PATH WHAT STATUS.
"""
import base64, datetime, hashlib, hmac, json, ssl, subprocess, sys, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, check=True).stdout


def write_jwt(to, port, seconds):
    now = int(time.time())
    claims = {"iss": f"http://127.0.0.1:{port}", "sub": "system:serviceaccount:logs:s3put", "aud": "sts.amazonaws.com",
              "client_id": "sts.amazonaws.com", "iat": now - 60, "nbf": now - 60, "exp": now + seconds}
    signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT", "kid": "k"}, claims))
    signature = openssl("dgst", "-sha256", "-sign", f"{to}/oidc.key", data=signed.encode())
    with open(f"{to}/jwt", "w") as f:
        f.write(f"{signed}.{b64(signature)}\n")


if sys.argv[1] == "jwt":
    write_jwt(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    sys.exit()

where = sys.argv[1]
given = {}  # access key: (secret, session token, end)
base = {"AKIDSOURCESOURCE": "source-secret-0123456789"}  # long-lived
expired = set()
roles = {"arn:aws:iam::123456789012:role/logs"}
state = {"n": 0, "refused": 0}


def text(name, default=""):
    try:
        with open(f"{where}/{name}") as f:
            return f.read().strip()
    except FileNotFoundError:
        return default


def issue():
    state["n"] += 1
    life = int(text("life", "3600"))
    end = time.time() + life
    access = f"ASIAGIVENOUT{state['n']:04d}"
    secret = f"given-secret-{state['n']:04d}-0123456789"
    token = f"session/token+{state['n']:04d}=="
    given[access] = (secret, token, end)
    when = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
    return access, secret, token, when.strftime("%Y-%m-%dT%H:%M:%SZ")


def mac(key, msg):
    return hmac.new(key, msg.encode(), hashlib.sha256).digest()


class Identity(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body="", kind="text/plain", head={}):
        with open(f"{where}/log", "a") as f:
            f.write(f"{self.command} {self.path} {self.what or '-'} {status}\n")
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for k, v in head.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def spoil(self, mode):
        """Answers that any of the services may give."""
        if mode == "hang":
            time.sleep(8)
            self.close_connection = True
        elif mode == "500":
            self.answer(500)
        elif mode == "rubbish":
            self.answer(200, "<html>captive portal</html>")
        elif mode == "huge":
            self.answer(200, "{" + " " * 1000000 + "}")
        elif mode == "empty":
            self.answer(200)
        else:
            return False
        return True

    # ---- signatures ----

    def signed_by(self, body, service):
        """Access key whose signature this is, or None."""
        auth = self.headers.get("Authorization", "")
        if not auth.startswith("AWS4-HMAC-SHA256 "):
            return None
        part = dict(p.strip().split("=", 1) for p in auth[17:].split(","))
        access, day, region, svc, _ = part["Credential"].split("/")
        secret = base.get(access) or given.get(access, (None,))[0]
        if secret is None or svc != service:
            return None
        names = part["SignedHeaders"].split(";")
        if "host" not in names or "x-amz-date" not in names:
            return None
        path, _, query = self.path.partition("?")
        payload = self.headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
            return None
        heads = "".join(f"{n}:{' '.join(self.headers[n].split())}\n" for n in names)
        canonical = "\n".join([self.command, path, query, heads, ";".join(names), payload])
        scope = f"{day}/{region}/{svc}/aws4_request"
        string = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope,
                            hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + secret).encode()
        for msg in (day, region, svc, "aws4_request"):
            key = mac(key, msg)
        if mac(key, string).hex() != part["Signature"]:
            return None
        token = given.get(access, (None, None))[1]
        if token is not None and self.headers.get("x-amz-security-token") != token:
            return None
        return access

    # ---- STS ----

    def sts_error(self, status, code, message):
        self.answer(status, '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
                    f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                    "<RequestId>STSREQ7</RequestId></ErrorResponse>", "text/xml")

    def sts(self, body):
        q = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
        self.what = action = q.get("Action", "?")
        mode = text("mode")
        if self.spoil(mode):
            return None
        if mode.startswith("fail-once") and state["refused"] == 0:
            state["refused"] = 1
            return self.answer(503)
        if not q.get("RoleSessionName") or q.get("Version") != "2011-06-15":
            return self.sts_error(400, "ValidationError", "session")
        if action == "AssumeRoleWithWebIdentity":
            if mode == "skewed":
                return self.sts_error(403, "SignatureDoesNotMatch", "Signature expired: 20261122T130000Z is now earlier than 20261122T140000Z")
            if mode == "expired-web":
                return self.sts_error(400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
            if q.get("WebIdentityToken") != text("jwt"):
                return self.sts_error(400, "InvalidIdentityToken", "Couldn&apos;t retrieve verification key")
        elif action == "AssumeRole":
            by = self.signed_by(body, "sts")
            if by is None:
                return self.sts_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
            self.what += ":" + by
            if q.get("ExternalId", "") != text("external"):
                return self.sts_error(403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole")
        if mode == "denied" or q.get("RoleArn") not in roles:
            return self.sts_error(403, "AccessDenied", f"User is not authorized to perform: sts:{action}")
        self.what += f":{q['RoleSessionName']}:{q.get('DurationSeconds', '-')}"
        a, s, t, e = issue()
        return self.answer(200, f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
                           f"<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/logs/x</Arn></AssumedRoleUser><Credentials>"
                           f"<AccessKeyId>{a}</AccessKeyId><SecretAccessKey>{s}</SecretAccessKey><SessionToken>{t}</SessionToken>"
                           f"<Expiration>{e}</Expiration></Credentials></{action}Result></{action}Response>", "text/xml")

    # ---- JSON ----

    def keys(self, **more):
        a, s, t, e = issue()
        return self.answer(200, json.dumps(dict(AccessKeyId=a, SecretAccessKey=s, Token=t, Expiration=e, **more)),
                           "application/json")

    def container(self):
        self.what = "container"
        if self.spoil(text("mode")):
            return None
        if self.headers.get("Authorization", "") != text("pod"):
            return self.answer(401, '{"code":"InvalidToken","message":"no"}', "application/json")
        return self.keys()

    def metadata(self):
        roles_at = "/latest/meta-data/iam/security-credentials/"
        self.what = "imds"
        mode = text("mode")
        if mode == "hang":
            self.close_connection = True
            time.sleep(8)
            return None
        if self.command == "PUT":
            if mode in ("403", "405", "500"):
                return self.answer(int(mode))
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            if self.path != "/latest/api/token" or not ttl.isdigit() or self.headers.get("Content-Length") != "0":
                return self.answer(400)
            return self.answer(200, "IMDSTOKEN==", head={"X-aws-ec2-metadata-token-ttl-seconds": ttl})
        if self.headers.get("X-aws-ec2-metadata-token") != "IMDSTOKEN==":
            return self.answer(401)
        if self.path == roles_at:
            return self.answer(404) if mode == "no-role" else self.answer(200, "log-role")
        if self.path != roles_at + "log-role":
            return self.answer(404)
        if mode == "failed":
            return self.answer(200, '{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role log-role"}')
        return self.keys(Code="Success", Type="AWS-HMAC", LastUpdated="2026-01-01T00:00:00Z")

    # ---- OpenID ----

    def openid(self):
        self.what = "openid"
        me = f"http://127.0.0.1:{server.server_port}"
        if self.path == "/.well-known/openid-configuration":
            return self.answer(200, json.dumps({"issuer": me, "jwks_uri": me + "/certs"}), "application/json")
        der = ssl.PEM_cert_to_DER_cert(text("oidc.crt"))
        modulus = openssl("x509", "-in", f"{where}/oidc.crt", "-noout", "-modulus").decode().strip().split("=")[1]
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "e": "AQAB", "n": b64(bytes.fromhex(modulus)),
               "x5c": [base64.b64encode(der).decode()]}
        return self.answer(200, json.dumps({"keys": [key]}), "application/json")

    # ---- S3 ----

    def s3(self, body):
        by = self.signed_by(body, "s3")
        self.what = by or "unsigned"
        error = "<Error><Code>{}</Code><Message>m</Message><RequestId>S3REQ9</RequestId></Error>"
        if by is None:
            return self.answer(403, error.format("SignatureDoesNotMatch"))
        mode = text("mode")
        if mode == "all-expired" or by in expired or given.get(by, (0, 0, 1e12))[2] < time.time():
            return self.answer(400, error.format("ExpiredToken"))
        if mode == "expire-first" and not expired:
            expired.add(by)
            return self.answer(400, error.format("ExpiredToken"))
        if mode == "stall":
            with open(f"{where}/stalled", "w"):
                time.sleep(60)
        return self.answer(404 if self.command == "HEAD" else 200, head={"ETag": '"e"'})

    def any(self):
        self.what = ""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/latest/"):
            return self.metadata()
        if self.command == "POST":
            return self.sts(body)
        if self.path in ("/.well-known/openid-configuration", "/certs"):
            return self.openid()
        if self.path == "/container":
            return self.container()
        return self.s3(body)

    do_GET = do_PUT = do_POST = do_HEAD = any


server = ThreadingHTTPServer(("127.0.0.1", 0), Identity)
print(server.server_port, flush=True)
server.serve_forever()
