#!/usr/bin/env python3
"""A report in headless Chromium: it is shown, and nothing is asked of any network.

Without Chromium (Debian: chromium) the test says so and passes.
"""

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)
import synthetic  # noqa: E402

_PROGRAM = os.path.join(_HERE, "report")
_SECONDS = 60

_CHROMIUM = shutil.which("chromium", path="/usr/bin:/usr/local/bin:" + os.environ.get("PATH", ""))


class _Counter(http.server.BaseHTTPRequestHandler):
    """The proxy that every request would go to; remembers them."""

    asked = []

    def do_GET(self):
        _Counter.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    do_CONNECT = do_HEAD = do_POST = do_GET

    def log_message(self, *arguments):
        pass


def _is_chromiums_own(url):
    """Whether Chromium asks for it with any page: updates, accounts, the time.

    No page can hide behind these: well_formed_test allows it no address of theirs.
    """
    if "://" not in url:  # what CONNECT names
        url = "https://" + url
    host = urllib.parse.urlsplit(url).hostname or ""
    return url.startswith(("data:", "chrome:", "devtools:")) or host.endswith(
        (".google.com", ".googleapis.com", ".gstatic.com", ".gvt1.com")
    )


def _run_bounded(command, folder):
    """The stdout of a program that is killed with its children when its time is up."""
    with open(os.path.join(folder, "stderr"), "wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
            env={"HOME": folder, "PATH": "/usr/bin:/bin", "TMPDIR": folder},
        )  # fmt: skip
        try:
            return process.communicate(timeout=_SECONDS)[0].decode()
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def _requests(path):
    """The URLs that a net log says were asked for, without the page itself.

    A log that Chromium had no time to end is still a list of events, one a line.
    """
    urls = set()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            line = line.strip().rstrip(",")
            if not line.startswith('{"params"') and '"url"' not in line:
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue
            url = event.get("params", {}).get("url") if isinstance(event, dict) else None
            if isinstance(url, str):
                urls.add(url)
    return urls


@unittest.skipUnless(_CHROMIUM, "no chromium here: pages are not rendered")
class Render(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Counter)
        _Counter.asked = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def chromium(self, page, *arguments):
        """What Chromium prints, and the URLs that it asked for."""
        log = os.path.join(self.folder, "net.json")
        out = _run_bounded(
            [
                _CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-default-apps",
                "--user-data-dir=" + os.path.join(self.folder, "profile"),
                # Nothing goes to the network but through a proxy, which counts.
                "--proxy-server=127.0.0.1:%d" % self.server.server_address[1],
                "--proxy-bypass-list=<-loopback>",
                "--log-net-log=" + log, *arguments, "file://" + page,
            ],
            self.folder,
        )  # fmt: skip
        return out, _requests(log)

    def report(self, **options):
        synthetic.write(self.folder, **options)
        page = os.path.join(self.folder, "page.html")
        subprocess.run(
            [_PROGRAM, "--sweeps=" + self.folder, "--out=" + page],
            check=True, stdout=subprocess.DEVNULL, timeout=_SECONDS,
        )  # fmt: skip
        return page

    def expect_no_request(self, urls):
        asked = list(urls) + _Counter.asked
        self.assertEqual([url for url in asked if not _is_chromiums_own(url)], [])

    def test_a_report_is_shown_and_loads_nothing(self):
        dom, urls = self.chromium(self.report(), "--dump-dom")
        self.assertIn("<title>The paper's claims, and what our runs say</title>", dom)
        self.assertIn('name="polarize-claims" content="16"', dom)
        self.assertEqual(dom.count('<article class="claim '), 16)
        self.assertEqual(dom.count("</article>"), 16)
        # Nothing was moved out of its place by a parser that corrects.
        self.assertEqual(dom.count("<svg"), dom.count("</svg>"))
        self.expect_no_request(urls)

    def test_hostile_data_run_nothing(self):
        dom, urls = self.chromium(self.report(hostile=True), "--dump-dom")
        self.assertIn("<title>The paper's claims, and what our runs say</title>", dom)
        self.assertEqual(dom.count("<script"), 0)
        self.assertEqual(dom.count('<article class="claim '), 16)
        self.expect_no_request(urls)

    def test_it_is_drawn(self):
        page = self.report()
        for width in (1200, 400):
            picture = os.path.join(self.folder, "page-%d.png" % width)
            self.chromium(page, "--window-size=%d,1600" % width, "--screenshot=" + picture)
            with open(picture, "rb") as file:
                data = file.read()
            self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
            # An empty page compresses to far less.
            self.assertGreater(len(data), 50000)

    def test_the_check_sees_requests(self):
        page = os.path.join(self.folder, "page.html")
        with open(page, "w") as file:
            file.write('<img src="http://outside.invalid/x.png"/>')
        _, urls = self.chromium(page, "--dump-dom")
        for asked in (urls, _Counter.asked):
            self.assertIn("http://outside.invalid/x.png", asked)
        self.assertRaises(AssertionError, self.expect_no_request, urls)


if __name__ == "__main__":
    unittest.main(verbosity=2)
