#!/usr/bin/env python3
"""Runs Bazel on a workspace with a remote_checkpoint() and a server on the loopback.

    bazel test //tools:remote_checkpoint_test

Manual, since it starts a second Bazel.
"""

import base64
import hashlib
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = b"a model\n" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
SECRET = "secret-of-the-test"


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        body = self.server.body
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


def find_bazel():
    for name in (os.environ.get("BAZEL"), "/usr/bin/bazel-4", "bazelisk", "bazel"):
        if name and shutil.which(name):
            return shutil.which(name)
    raise unittest.SkipTest("no Bazel here")


class RemoteCheckpointTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bazel = find_bazel()
        cls.top = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        cls.server.seen = []
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = "http://127.0.0.1:%d/a/b.model" % cls.server.server_address[1]
        cls.workspace = os.path.join(cls.top, "workspace")
        os.makedirs(os.path.join(cls.workspace, "tools"))
        shutil.copy(os.path.join(HERE, "remote_checkpoint.bzl"), cls.workspace + "/tools")
        cls.write("tools/BUILD", "")
        cls.write(
            "BUILD",
            'filegroup(name = "model", srcs = ["@m//:file.model"], tags = ["manual"])\n'
            'genrule(name = "use", srcs = ["@m//:files"], outs = ["used"],\n'
            '    cmd = "cat $(SRCS) > $@", tags = ["manual"])\n'
            'genrule(name = "other", outs = ["o"], cmd = "echo > $@")\n',
        )
        cls.write("../token", SECRET + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.run_bazel("shutdown")
        cls.server.shutdown()
        subprocess.run(["chmod", "-R", "u+w", cls.top], check=True)
        shutil.rmtree(cls.top)

    @classmethod
    def write(cls, name, text):
        with open(os.path.join(cls.workspace, name), "w") as f:
            f.write(text)

    @classmethod
    def run_bazel(cls, *arguments, **more):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        for name in ("NETRC", "TOKEN_OF_TEST", "RUNFILES_DIR"):
            env.pop(name, None)
        env["HOME"] = cls.top
        env.update(more)
        command = [
            cls.bazel,
            "--output_user_root=" + cls.top + "/root",
            "--nohome_rc",
        ]
        return subprocess.run(
            command + list(arguments),
            cwd=cls.workspace,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )

    def setUp(self):
        self.server.body = DATA
        self.server.seen.clear()

    def declare(self, sha256=SHA256, size=len(DATA), url=None):
        # Another name for every call: nothing of earlier ones is taken.
        self.write(
            "WORKSPACE",
            """
workspace(name = "w")
load("//tools:remote_checkpoint.bzl", "remote_checkpoint", "remote_file")
remote_checkpoint(
    name = "m",
    files = {"file.model": remote_file(url = "%s", sha256 = "%s", size = %d)},
    access = "ask the owner %d",
    token_file_env = "TOKEN_OF_TEST",
    without = "give --checkpoint_dir",
)
"""
            % (url or self.url, sha256, size, id(self)),
        )

    def build(self, *flags, target="//:use", **env):
        shutil.rmtree(self.top + "/cache", ignore_errors=True)
        return self.run_bazel("build", "--repository_cache=" + self.top + "/cache", target, *flags, **env)

    def fails(self, *texts, **env):
        result = self.build(**env)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        for text in texts + (
            "file.model of @m",
            self.url,
            "ask the owner",
            "$TOKEN_OF_TEST",
            "--distdir=FOLDER",
            "give --checkpoint_dir",
        ):
            self.assertIn(text, result.stdout)

    def test_all_targets_touch_nothing(self):
        self.declare(url="http://127.0.0.1:1/x")
        result = self.run_bazel("build", "//...")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(self.server.seen, [])

    def test_fetches_what_is_built(self):
        self.declare()
        result = self.build()
        self.assertEqual(result.returncode, 0, result.stdout)
        with open(self.workspace + "/bazel-bin/used", "rb") as f:
            self.assertEqual(f.read(), DATA)
        self.assertEqual(self.server.seen, [("/a/b.model", None)])

    def test_errors_say_what_to_do(self):
        self.declare()
        self.server.body = DATA[:-1] + b"x"
        self.fails("another file than expected")
        self.server.body = None
        self.fails("could not be fetched")
        self.server.body = DATA
        self.declare(size=3)
        self.fails("has 8000 bytes, not the 3")
        self.declare(sha256="12")
        result = self.build()
        self.assertIn("64 hexadecimal digits", result.stdout)
        self.assertNotEqual(result.returncode, 0)

    def test_token(self):
        self.declare()
        token = os.path.join(self.top, "token")
        result = self.build(TOKEN_OF_TEST=token)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(self.server.seen, [("/a/b.model", "Bearer " + SECRET)])
        self.server.body = None
        self.declare(size=4)
        self.fails("could not be fetched", TOKEN_OF_TEST=token)
        self.run_bazel("shutdown")
        found = subprocess.run(
            ["grep", "-rla", SECRET, self.top], stdout=subprocess.PIPE, universal_newlines=True
        )
        self.assertEqual(found.stdout.split(), [token])

    def test_netrc(self):
        netrc = os.path.join(self.top, "netrc")
        with open(netrc, "w") as f:
            f.write("machine 127.0.0.1 login me password %s\n" % SECRET)
        self.addCleanup(os.remove, netrc)
        self.declare()
        result = self.build(NETRC=netrc, TOKEN_OF_TEST=self.top + "/token")
        self.assertEqual(result.returncode, 0, result.stdout)
        basic = base64.b64encode(("me:" + SECRET).encode()).decode()
        self.assertEqual(self.server.seen, [("/a/b.model", "Basic " + basic)])

    def test_distdir(self):
        self.declare(url="http://127.0.0.1:1/a/b.model")
        os.makedirs(self.top + "/dist", exist_ok=True)
        with open(self.top + "/dist/b.model", "wb") as f:
            f.write(DATA)
        result = self.build("--distdir=" + self.top + "/dist")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(self.server.seen, [])


if __name__ == "__main__":
    unittest.main()
