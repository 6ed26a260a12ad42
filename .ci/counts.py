"""Reads the JSON reports of a suite's two runs, the second of the files alone that had a failure in the first.

counts.py files RUN           prints the files that have a failure
counts.py counts RUN [AGAIN]  prints "passed failed" of both together, and to standard error what failed
"""

import json
import sys


def failures(path):
    """First lines of the failures of a run, by file and test; those of a file that could not be run have no test."""
    found = {}
    for result in json.load(open(path))["testResults"]:
        tests = [test for test in result["assertionResults"] if test["status"] == "failed"]
        file = result["name"].split("/test/")[-1]
        for test in tests:
            found[file, test["fullName"]] = (test["failureMessages"] or [""])[0]
        if result["status"] == "failed" and not tests:
            found[file, ""] = result.get("message", "")
    return {test: message.strip().split("\n")[0][:300] for test, message in found.items()}


what, run, *again = sys.argv[1:]
first = failures(run)
if what == "files":
    print("\n".join(sorted({file for file, _ in first})))
else:
    last = failures(again[0]) if again else first
    for (file, test), message in {**first, **last}.items():
        word = "FAILED" if (file, test) in last else "unsteady, passed alone"
        print(f"{word}: {file}: {test}: {message}", file=sys.stderr)
    mended = [test for test in first if test not in last and test[1]]
    print(json.load(open(run))["numPassedTests"] + len(mended), len(last))
