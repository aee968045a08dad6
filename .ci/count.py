"""count.py EVENTS (NAME EXIT_CODE)...: adds test cases up for .ci/run.

EVENTS/NAME holds the events of one `bazel test`, as JSON lines; a NAME without
events is a single check, whose exit code 77 means that it did not take place.
Only results of these runs are counted: bazel-testlogs may hold older ones.
"""

import json
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ET


def read_events(path):
    """The test targets, and (target, run, shard) -> result."""
    targets, results = set(), {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            key = event["id"]
            if "testSize" in event.get("configured", {}):
                targets.add(key["targetConfigured"]["label"])
            if "testResult" in event:
                k = key["testResult"]  # events come in order: the last attempt stays
                results[k["label"], k.get("run"), k.get("shard")] = event["testResult"]
    return targets, results


def count_cases(label, result):
    """How many test cases of one result passed, and how many failed."""
    passed = failed = 0
    for output in result.get("testActionOutput", []):
        if output["name"] != "test.xml":
            continue
        path = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
        try:
            cases = list(ET.parse(path).iter("testcase"))
        except (OSError, ET.ParseError) as e:
            print("%s: %s: %s" % (label, path, e))
            continue
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.get("status") == "notrun" or case.get("result") in ("skipped", "suppressed"):
                pass  # disabled or skipped: neither
            else:
                passed += 1
    if result.get("status") != "PASSED" and not failed:
        print("%s: %s, with no failed case" % (label, result.get("status")))
        failed = 1
    return passed, failed


def count_run(name, path, rc):
    """The same for one `bazel test`; a run without a test case has failed."""
    passed = failed = 0
    targets, results = read_events(path)
    for key, result in sorted(results.items(), key=str):
        good, bad = count_cases(key[0], result)
        passed += good
        failed += bad
    for label in sorted(targets - {k[0] for k in results}):
        print("%s: did not run" % label)
        failed += 1
    if passed + failed == 0:
        print("%s: no test case ran (exit code %d)" % (name, rc))
        failed = 1
    elif rc and not failed:
        print("%s: Bazel failed with exit code %d: counted as one" % (name, rc))
        failed = 1
    print("%s: %d passed, %d failed" % (name, passed, failed))
    return passed, failed


def main(events, *runs):
    passed = failed = 0
    for name, rc in zip(runs[::2], map(int, runs[1::2])):
        path = os.path.join(events, name)
        if os.path.exists(path):
            good, bad = count_run(name, path, rc)
            passed += good
            failed += bad
        elif rc != 77:
            print("%s: %s" % (name, "exit code %d" % rc if rc else "good"))
            passed += rc == 0
            failed += rc != 0
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
