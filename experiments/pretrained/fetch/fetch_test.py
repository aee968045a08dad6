#!/usr/bin/env python3
"""Runs the fetch program against a store on the loopback that misbehaves.

Whatever the store does, a file under its final name is exact, or there is none
and one error says why.
"""

import hashlib
import os
import pty
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import store_server  # noqa: E402
from store_server import Fault  # noqa: E402

PROGRAM = os.path.join(HERE, "fetch")
LOCK = "fetch.lock.textproto"
PREFIXES = {
    "softmax": "experiments/gala-7B-hybridnorm-alibi-sprp-2024-12-02-1445"
    "/checkpoints/step_00250000/",
    "sigmoid": "experiments/gala-7B-sigmoid-hybridnorm-alibi-sprp-2024-12-03-1002"
    "/checkpoints/step_00250000/",
}
PREFIX = PREFIXES["softmax"]
BIG = "gda/model/decoder/emb/token_emb/weight/0.0"


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    kept.pop("BUILD_WORKING_DIRECTORY", None)
    kept.pop("POLARIZE_STORE_TOKEN_FILE", None)
    kept.update(more)
    return kept


def files_of(seed=1):
    """A checkpoint in small."""
    draw = random.Random(seed)
    array = "gda/model/decoder/transformer/repeat/layer/"
    return {
        "index": b'[["step", 250000]]',
        BIG: draw.getrandbits(8 * 300000).to_bytes(300000, "little"),
        "gda/model/decoder/emb/token_emb/weight/.zarray": b'{"zarr_format":2}',
        array + "feed_forward/linear2/weight/0.0.0": draw.getrandbits(8 * 70001).to_bytes(
            70001, "little"
        ),
        array + "feed_forward/linear2/weight/0.0.1": b"",
        array + "self_attention/attention/scale_key/norm/scale/0.0": b"\x00\x01" * 128,
    }


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.top)
        self.folder = os.path.join(self.top, "checkpoint")
        self.store = store_server.Store().__enter__()
        self.addCleanup(self.store.__exit__)
        self.files = files_of()
        for path, data in self.files.items():
            self.store.put(PREFIX + path, data)
        # What must never be touched.
        self.store.put(PREFIX + "gda/learner/moment/0", b"not needed")
        self.store.put(PREFIX + "gda/prng_key/0", b"not needed")
        self.store.put(PREFIX + "index_of_something", b"not needed")

    def command(self, *flags, model="softmax"):
        return [
            PROGRAM,
            "--model=" + model,
            "--checkpoint_dir=" + self.folder,
            "--base_url=" + self.store.url,
            "--first_wait=2ms",
            "--stall_timeout=1s",
        ] + list(flags)

    def start(self, *flags, env=None, stderr=subprocess.PIPE):
        """A fetch beside the test; it does not outlive it."""
        process = subprocess.Popen(
            self.command(*flags),
            env=env or environment(),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            universal_newlines=True,
        )

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def run_fetch(self, *flags, model="softmax", env=None, limit=None):
        def prepare():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            self.command(*flags, model=model),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=env or environment(),
            preexec_fn=prepare,
            timeout=240,
        )

    def succeed(self, *flags, **kwargs):
        result = self.run_fetch(*flags, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")  # quiet: not a terminal
        return result.stdout

    def fail_with(self, *texts, flags=(), **kwargs):
        result = self.run_fetch(*flags, **kwargs)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertTrue(result.stderr.startswith("ERROR: "), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)
        return result.stderr

    def here(self):
        """What is in the folder, by path; without our own files."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                short = os.path.relpath(path, self.folder)
                if short in (LOCK, "fetch.busy"):
                    continue
                try:
                    with open(path, "rb") as f:
                        found[short] = f.read()
                except FileNotFoundError:
                    pass  # a fetch that goes on has just renamed it
        return found

    def whole(self):
        """Files under their final names."""
        return {p: d for p, d in self.here().items() if not p.endswith((".partial", ".tmp"))}

    def partial(self):
        return {p: d for p, d in self.here().items() if p.endswith(".partial")}

    def assert_whole(self, files=None):
        self.assertEqual(self.here(), files or self.files)
        with open(os.path.join(self.folder, LOCK)) as f:
            lock = f.read()
        self.assertIn("complete: true", lock)
        for path, data in (files or self.files).items():
            self.assertIn('path: "%s"' % path, lock)
            self.assertIn('sha256: "%s"' % hashlib.sha256(data).hexdigest(), lock)
            self.assertIn('crc32c: "%s"' % store_server.crc32c(data), lock)

    def assert_nothing_wrong(self):
        """Files under their final names are exact."""
        for path, data in self.whole().items():
            self.assertEqual(data, self.files[path], path)

    # What goes well.

    def test_fetches_all_and_only_what_is_needed(self):
        out = self.succeed()
        self.assertIn("fetched   6 files, 370 kB", out)
        self.assert_whole()
        asked = [p for p, _ in self.store.requests if "/o?" not in p]
        self.assertEqual(len(asked), len(self.files))
        self.assertFalse([p for p in asked if "learner" in p or "prng" in p])

    def test_a_second_fetch_checks_and_fetches_nothing(self):
        self.succeed()
        before = len(self.store.requests)
        self.assertIn("checked   6 files", self.succeed())
        self.assertIn("trusted   6 files", self.succeed("--quick"))
        self.assertFalse([p for p, _ in self.store.requests[before:] if "/o?" not in p])

    def test_other_model(self):
        self.fail_with("holds no", model="sigmoid")
        for path, data in files_of(2).items():
            self.store.put(PREFIXES["sigmoid"] + path, data)
        self.succeed(model="sigmoid")
        self.assert_whole(files_of(2))
        self.fail_with("is of another checkpoint", model="softmax")

    def test_lists_in_pages(self):
        self.store.page = 2
        self.succeed("--jobs=1")
        self.assert_whole()
        self.assertGreaterEqual(len([p for p, _ in self.store.requests if "pageToken" in p]), 2)

    def test_a_copy_that_is_here_is_checked(self):
        for path, data in self.files.items():
            target = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as f:
                f.write(data)
        self.assertIn("checked   6 files", self.succeed())
        self.assert_whole()

    def test_dry_run_changes_nothing(self):
        out = self.succeed("--dry_run")
        self.assertIn("to fetch  6 files, 370 kB", out)
        self.assertFalse(os.path.exists(self.folder))

    def test_names_with_odd_but_harmless_characters(self):
        odd = "gda/model/a b%2F?#&+=é/0"
        self.store.put(PREFIX + odd, b"odd")
        self.succeed()
        self.assert_whole({**self.files, odd: b"odd"})

    def test_folder_marks_are_left_out(self):
        self.store.put(PREFIX + "gda/model/", b"")
        self.succeed()
        self.assert_whole()

    def test_the_users_directory_is_where_the_default_folder_is(self):
        subprocess.run(
            [a for a in self.command() if "checkpoint_dir" not in a],
            env=environment(BUILD_WORKING_DIRECTORY=self.top),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.folder = os.path.join(self.top, "checkpoints", "softmax")
        self.assert_whole()

    # What the network does.

    def test_cut_connections_are_gone_on_with(self):
        name = PREFIX + BIG
        for after in (1, 100000, 50000):
            self.store.fail(name, Fault("cut", after=after))
        self.succeed()
        self.assert_whole()
        ranges = [h.get("Range") for _, h in self.store.requests_of(name)]
        self.assertEqual(ranges[0], None)
        self.assertEqual(len(ranges), 4)
        self.assertTrue(all(r.startswith("bytes=") for r in ranges[1:]), ranges)
        self.assertEqual(ranges[1:], sorted(ranges[1:], key=lambda r: int(r[6:-1])))

    def test_many_cuts_do_not_use_up_the_attempts(self):
        self.store.fail(PREFIX + BIG, Fault("cut", times=30, after=5000))
        self.succeed("--attempts=2")
        self.assert_whole()

    def test_a_connection_that_stalls(self):
        self.store.fail(PREFIX + BIG, Fault("stall", after=1000))
        self.succeed()
        self.assert_whole()

    def test_busy_store(self):
        self.store.fail("list", Fault("status", times=2, status=429))
        self.store.fail("list", Fault("cut", after=20))
        for status in (503, 500, 502, 504, 408):
            self.store.fail(PREFIX + BIG, Fault("status", status=status))
        self.succeed()
        self.assert_whole()

    def test_retry_after_is_waited_for(self):
        self.store.fail(PREFIX + BIG, Fault("status", headers=[("Retry-After", "2")]))
        start = store_server.time.monotonic()
        self.succeed()
        self.assertGreaterEqual(store_server.time.monotonic() - start, 2)
        self.assert_whole()

    def test_a_store_that_stays_busy(self):
        self.store.fail(PREFIX + BIG, Fault("status", times=-1))
        self.fail_with("503", "the last of 3 attempts", flags=["--attempts=3"])
        self.assert_nothing_wrong()
        self.assertEqual(len(self.store.requests_of(PREFIX + BIG)), 3)

    def test_a_store_that_wants_to_be_left_alone(self):
        fault = Fault("status", times=-1, headers=[("Retry-After", "86400")])
        self.store.fail("list", fault)
        self.fail_with("left alone for 1d")

    def test_no_store(self):
        self.store.__exit__()
        self.fail_with("the last of 2 attempts", flags=["--attempts=2"])

    def test_refused(self):
        self.store.fail("list", Fault("status", times=-1, status=403))
        self.fail_with("403", "POLARIZE_STORE_TOKEN_FILE", "--checkpoint_dir", "--offline")

    def test_redirects_are_not_followed(self):
        where = self.store.url + "/axlearn-public/" + PREFIX + "index"
        fault = Fault("status", times=-1, status=302, headers=[("Location", where)])
        self.store.fail(PREFIX + BIG, fault)
        self.fail_with("redirect")
        self.assert_nothing_wrong()

    # What the store sends.

    def test_a_store_without_ranges(self):
        self.store.no_ranges = True
        self.store.fail(PREFIX + BIG, Fault("cut", after=100000))
        self.succeed()
        self.assert_whole()

    def test_a_store_without_ranges_that_always_cuts(self):
        self.store.no_ranges = True
        self.store.fail(PREFIX + BIG, Fault("cut", times=-1, after=100000))
        self.fail_with("attempts in a row", flags=["--attempts=3"])
        self.assert_nothing_wrong()

    def test_another_range_than_asked_for(self):
        self.store.fail(PREFIX + BIG, Fault("cut", after=1000))
        self.store.fail(PREFIX + BIG, Fault("wrong_range"))
        self.succeed()
        self.assert_whole()
        ranges = [h.get("Range") for _, h in self.store.requests_of(PREFIX + BIG)]
        self.assertEqual(ranges, [None, "bytes=1000-", None])

    def test_short_and_long_bodies(self):
        name = PREFIX + BIG
        self.store.fail(name, Fault("short"))
        self.store.fail(name, Fault("long"))
        self.store.fail(name, Fault("long", after=1))
        self.succeed()
        self.assert_whole()

    def test_bodies_that_stay_too_long(self):
        self.store.fail(PREFIX + BIG, Fault("long", times=-1, after=1))
        self.fail_with(BIG, "more than the 300000 bytes", flags=["--attempts=3"])
        self.assert_nothing_wrong()

    def test_a_size_that_was_listed_wrong(self):
        for wrong in ("299999", "300001"):
            self.store.objects[PREFIX + BIG].listed_size = wrong
            self.fail_with(BIG, "but listed " + wrong, flags=["--attempts=2"])
            self.assert_nothing_wrong()

    def test_corrupt_bytes_are_fetched_again(self):
        self.store.fail(PREFIX + BIG, Fault("corrupt", times=2))
        self.succeed()
        self.assert_whole()

    def test_bytes_that_stay_corrupt(self):
        self.store.fail(PREFIX + BIG, Fault("corrupt", times=-1))
        self.fail_with(BIG, "bytes that arrived are wrong: crc32c", "fetched 3 times")
        self.assert_nothing_wrong()
        self.assertNotIn(BIG, self.whole())

    def test_a_corrupt_partial_file(self):
        path = os.path.join(self.folder, BIG + ".1000.partial")
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as f:
            f.write(b"x" * 1000)
        self.succeed()
        self.assert_whole()

    def test_a_partial_file_that_is_too_long_or_whole(self):
        for data in (b"x" * 300001, self.files[BIG]):
            path = os.path.join(self.folder, BIG + ".1000.partial")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
            self.succeed()
            self.assert_whole()
            shutil.rmtree(self.folder)

    def test_an_object_that_changes_between_requests(self):
        for knows in (True, False):  # the server refuses, or only tells
            self.store.knows_generations = knows
            self.store.fail(PREFIX + BIG, Fault("cut", times=-1, after=1000))
            with self.subTest(knows=knows):
                process = self.start("--attempts=20", "--first_wait=300ms")
                self.assertTrue(
                    store_server.wait_until(
                        lambda: len(self.store.requests_of(PREFIX + BIG)) >= 2
                    )
                )
                self.files[BIG] = files_of(3 + knows)[BIG]
                self.store.put(PREFIX + BIG, self.files[BIG])
                _, err = process.communicate(timeout=120)
                self.assertEqual(process.returncode, 1, err)
                self.assertIn(BIG + " has changed in the store", err)
                self.assert_nothing_wrong()
                self.store._faults.clear()
                self.store.requests.clear()
        self.succeed()  # and starts this file anew
        self.assert_whole()

    # What the list says.

    def test_unsafe_names(self):
        for name in ("../x", "gda/model/../../../x", "gda/model//x", "gda/model/a\nb",
                     "gda/model/./x", "gda/model/a\\b", "gda/model/fetch.busy",
                     "gda/model/x.partial", "gda/model/" + "y" * 300,
                     "gda/model/" + "y/" * 600 + "y"):
            with self.subTest(name=name):
                # Also where the server says that the prefix was another one.
                self.store.list_text = store_server.json.dumps(
                    {"items": [{"name": PREFIX + "index", "size": "1", "generation": "1",
                                "crc32c": "AAAAAA=="},
                               {"name": PREFIX + name, "size": "1", "generation": "1",
                                "crc32c": "AAAAAA=="}]}).encode()
                self.fail_with("unsafe name")
                self.assertEqual(self.here(), {})
        self.assertEqual(os.listdir(self.top), ["checkpoint"])

    def test_absolute_names(self):
        for name in ("/etc/passwd", "other/index", PREFIX + "/etc/passwd"):
            self.store.list_text = store_server.json.dumps(
                {"items": [{"name": name, "size": "1", "generation": "1",
                            "crc32c": "AAAAAA=="}]}).encode()
            self.fail_with("passwd" if "passwd" in name else "does not begin with")
            self.assertEqual(self.here(), {})

    def test_lists_that_are_no_lists(self):
        good = {"name": PREFIX + "index", "size": "1", "generation": "1", "crc32c": "AAAAAA=="}
        for text, error in (
            (b"", "not a JSON object"),
            (b"<html>", "not a JSON object"),
            (b"[1]", "not a JSON object"),
            (b"[" * 100000, "brackets deeper than 30"),
            (b'{"items": 1}', "items is not a list"),
            (b'{"items": [1]}', "not an object"),
            (b'{"items": [{}]}', "no name"),
            (b"{}", "holds no"),
            (b"x" * (17 << 20), "more than"),
        ):
            self.store.list_text = text
            self.fail_with(error)
        for field, value, error in (
            ("size", "-1", "size is missing or not"),
            ("size", 12, "size is missing or not"),
            ("size", "1" * 30, "size is missing or not"),
            ("generation", "x", "generation is missing or not"),
            ("crc32c", "AAA", "crc32c: "),
            ("crc32c", None, "crc32c is missing"),
        ):
            self.store.list_text = store_server.json.dumps(
                {"items": [{**good, field: value}]}).encode()
            self.fail_with(error)
        self.store.list_text = store_server.json.dumps({"items": [good, good]}).encode()
        self.fail_with("index is there twice")
        folder = {**good, "name": PREFIX + "gda/model/a"}
        below = {**good, "name": PREFIX + "gda/model/a/b"}
        self.store.list_text = None
        self.store.put(folder["name"], b"1")
        self.store.put(below["name"], b"1")
        self.fail_with("is a file and the folder of")

    def test_a_list_without_end(self):
        self.store.endless = True
        self.fail_with("a page names itself")

    def test_no_index(self):
        del self.store.objects[PREFIX + "index"]
        self.fail_with("not a whole checkpoint")

    def test_no_weights(self):
        for path in self.files:
            if path != "index":
                del self.store.objects[PREFIX + path]
        self.fail_with("holds nothing below")

    # The lock.

    def test_a_changed_object_is_an_error(self):
        self.succeed()
        changed = {**self.files, BIG: files_of(9)[BIG]}
        self.store.put(PREFIX + BIG, changed[BIG])
        self.fail_with(BIG + " has changed in the store", LOCK, "crc32c")
        self.store.put(PREFIX + BIG, b"shorter")
        self.fail_with(BIG + " has changed in the store", "7 bytes in place of 300000")
        self.assert_whole()
        self.succeed("--offline")

    def test_a_new_and_a_lost_object_are_errors(self):
        self.succeed()
        self.store.put(PREFIX + "gda/model/new", b"1")
        self.fail_with("gda/model/new has changed", "not there then")
        del self.store.objects[PREFIX + "gda/model/new"]
        del self.store.objects[PREFIX + BIG]
        self.fail_with(BIG + " has changed", "it is gone")

    def test_the_same_bytes_written_again_are_no_error(self):
        self.succeed()
        self.store.put(PREFIX + BIG, self.files[BIG])
        self.succeed()
        os.remove(os.path.join(self.folder, BIG))
        self.succeed()
        self.assert_whole()

    def test_another_sha256_than_the_locks(self):
        self.succeed()
        lock = os.path.join(self.folder, LOCK)
        with open(lock) as f:
            text = f.read()
        other = text.replace(hashlib.sha256(self.files[BIG]).hexdigest(), "0" * 64)
        with open(lock, "w") as f:
            f.write(other)
        self.fail_with(BIG, "sha256", "Remove the file")
        os.remove(os.path.join(self.folder, BIG))
        self.fail_with(BIG, "sha256", "the lock's")
        self.assertNotIn(BIG, self.whole())

    def test_broken_locks(self):
        self.succeed()
        lock = os.path.join(self.folder, LOCK)
        with open(lock) as f:
            text = f.read()
        for old, new, error in (
            ("complete: true", "complete: perhaps", LOCK + ":"),
            ('path: "index"', 'path: "../index"', "unsafe name"),
            ('path: "index"', 'path: "%s"' % BIG, "is there twice"),
            ('sha256: "', 'sha256: "x', "64 hexadecimal digits"),
            ('crc32c: "', 'crc32c: "x', "crc32c"),
        ):
            self.assertIn(old, text)
            with open(lock, "w") as f:
                f.write(text.replace(old, new, 1))
            self.fail_with(LOCK, error)
            self.fail_with(LOCK, error, flags=["--offline"])

    # A copy.

    def test_offline(self):
        self.fail_with("complete " + LOCK, flags=["--offline"])
        self.succeed()
        self.store.__exit__()
        self.assertIn("checked   6 files", self.succeed("--offline"))
        path = os.path.join(self.folder, BIG)
        with open(path, "r+b") as f:
            f.seek(12345)
            f.write(b"\x00\x01\x02")
        self.fail_with(path, "is not what it should be", flags=["--offline"])
        self.succeed("--offline", "--quick")  # as promised: sizes alone
        os.truncate(path, 1)
        self.fail_with(path, "has 1 bytes", flags=["--offline", "--quick"])
        os.remove(path)
        self.fail_with(path, "is missing", flags=["--offline"])

    def test_a_copy_that_differs_stays_as_it_is(self):
        path = os.path.join(self.folder, BIG)
        os.makedirs(os.path.dirname(path))
        for data, error in ((b"mine", "has 4 bytes"), (b"m" * 300000, "crc32c")):
            with open(path, "wb") as f:
                f.write(data)
            self.fail_with(path, error)
            with open(path, "rb") as f:
                self.assertEqual(f.read(), data)
        os.remove(path)
        os.makedirs(path)
        self.fail_with(path, "not a regular file")

    # The machine.

    def test_killed_and_gone_on_with(self):
        name = PREFIX + BIG
        self.store.fail(name, Fault("slow", after=3000))
        process = self.start("--jobs=2")
        grown = store_server.wait_until(
            lambda: any(
                p.startswith(BIG) and len(d) > 30000 for p, d in self.partial().items()
            )
        )
        process.kill()
        process.wait()
        self.assertTrue(grown)
        self.assertNotIn(BIG, self.whole())
        self.assert_nothing_wrong()
        (left,) = [d for p, d in self.partial().items() if p.startswith(BIG)]
        self.assertTrue(self.files[BIG].startswith(left))
        self.succeed()
        self.assert_whole()
        self.assertEqual(
            self.store.requests_of(name)[-1][1].get("Range"), "bytes=%d-" % len(left)
        )

    def test_killed_often(self):
        for path in self.files:
            self.store.fail(PREFIX + path, Fault("slow", times=-1, after=20000))
        draw = random.Random(5)
        for _ in range(6):
            process = self.start("--jobs=3")
            try:
                process.wait(timeout=draw.uniform(0.02, 0.3))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.assert_nothing_wrong()
        self.succeed("--jobs=3")
        self.assert_whole()

    def test_ctrl_c(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.store.fail(PREFIX + BIG, Fault("slow", times=1, after=1000))
            before = len(self.store.requests_of(PREFIX + BIG))
            process = self.start()
            started = store_server.wait_until(
                lambda: len(self.store.requests_of(PREFIX + BIG)) > before
            )
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
            self.assertTrue(started)
            self.assertEqual(process.returncode, code, err)
            self.assertIn("goes on from here", err)
            self.assert_nothing_wrong()
        self.succeed()
        self.assert_whole()

    def test_ctrl_c_while_waiting(self):
        self.store.fail(PREFIX + BIG, Fault("status", times=-1, headers=[("Retry-After", "60")]))
        process = self.start()
        store_server.wait_until(lambda: self.store.requests_of(PREFIX + BIG))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)

    def test_one_fetch_at_a_time(self):
        self.store.fail(PREFIX + BIG, Fault("slow", after=300))
        process = self.start()
        self.assertTrue(store_server.wait_until(self.partial))
        self.fail_with("another process is fetching into")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        self.succeed()
        self.assert_whole()

    def test_full_disk(self):
        self.fail_with(BIG, "Make room and start again", limit=100000)
        self.assert_nothing_wrong()
        self.assertNotIn(BIG, self.whole())
        self.succeed()
        self.assert_whole()

    def test_a_disk_that_is_too_small(self):
        self.store.objects[PREFIX + BIG].listed_size = str(10**17)
        self.fail_with("the disk is too small", "100 PB", "--checkpoint_dir")
        self.fail_with("the disk is too small", flags=["--dry_run"])
        self.assertEqual(self.here(), {})
        self.store.objects[PREFIX + BIG].listed_size = str(2**64 - 1)
        self.fail_with("no disk has its size")

    def test_a_folder_that_cannot_be(self):
        with open(self.folder, "w") as f:
            f.write("a file")
        self.fail_with(self.folder)

    def test_progress_on_a_terminal(self):
        self.store.fail(PREFIX + BIG, Fault("slow", after=3000))
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = self.start(env=environment(TERM="xterm"), stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while True:
                piece = os.read(ours, 65536)
                if not piece:
                    break
                shown += piece
        except OSError:  # how a pseudo-terminal ends
            pass
        self.assertEqual(process.wait(timeout=60), 0)
        lines = shown.decode().split("\r")
        line = re.compile(
            r"^\d.* k?B of 370 kB  [0-6] of 6 files  \d.* k?B/s  (\d+s|n/a) left\x1b\[K$"
        )
        self.assertGreater(len([x for x in lines if line.match(x)]), 2, lines)

    # The command line.

    def test_flags(self):
        for flag, error in (
            ("--model=relu", "must be softmax or sigmoid"),
            ("--jobs=0", "--jobs: must be"),
            ("--attempts=0", "--attempts: must be"),
            ("--first_wait=2h", "--first_wait: must be"),
            ("--stall_timeout=0", "--stall_timeout: must be"),
            ("--base_url=ftp://x", "--base_url: must begin"),
            ("stray", "stray: not a flag"),
        ):
            self.fail_with(error, flags=[flag])
        result = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, check=True)
        self.assertIn(b"--checkpoint_dir", result.stdout)

    @unittest.skipUnless(shutil.which("openssl"), "no openssl here to make a certificate with")
    def test_https(self):
        secret = "secret-of-the-test"
        token, key, certificate = (os.path.join(self.top, n) for n in ("t", "k.pem", "c.pem"))
        with open(token, "w") as f:
            f.write(secret + "\n")
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-keyout", key, "-out", certificate, "-subj",
             "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        objects = self.store.objects
        with store_server.Store(certificate=certificate, key=key) as self.store:
            self.store.objects = objects
            self.assertTrue(self.store.url.startswith("https:"))
            # Nobody vouches for this certificate.
            self.fail_with("certificate", "--ca_bundle", flags=["--attempts=1"])
            self.fail_with("--ca_bundle", flags=["--attempts=1", "--ca_bundle=/dev/null"])
            self.assertEqual(self.store.requests, [])
            trust = "--ca_bundle=" + certificate
            # It is another host's.
            address = self.store.url
            self.store.url = address.replace("127.0.0.1", "localhost")
            self.fail_with("certificate", flags=["--attempts=1", trust])
            self.assertEqual(self.store.requests, [])
            self.store.url = address
            self.store.fail(PREFIX + BIG, Fault("cut", after=100000))
            out = self.succeed(trust, env=environment(POLARIZE_STORE_TOKEN_FILE=token))
            self.assertNotIn(secret, out)
            self.assert_whole()
            self.assertGreater(len(self.store.requests), len(self.files))
            for _, headers in self.store.requests:
                self.assertEqual(headers.get("Authorization"), "Bearer " + secret)

    def test_token(self):
        path = os.path.join(self.top, "token")
        secret = "secret-of-the-test"
        env = environment(POLARIZE_STORE_TOKEN_FILE=path)
        self.fail_with(path, env=env)
        for content, error in (
            (secret, "not sent in the clear"),
            (secret + " " + secret, "holds no token"),
            (secret + "\nX-Other: header", "holds no token"),
            ("\n", "holds no token"),
        ):
            with open(path, "w") as f:
                f.write(content)
            self.assertNotIn(secret, self.fail_with(error, env=env))
        self.assertEqual(self.store.requests, [])


if __name__ == "__main__":
    unittest.main()
