#!/usr/bin/env python3
"""Asks the server whatever its OpenAPI document allows, and what it does not, by Schemathesis.

    oracle_openapi.py BUILD_DIR [EXAMPLES [SEED]]

No answer may be a server's error; status, media type and body of each must be as the document says.
A wrong document (planted: a member asked for that no answer has) must be found. EXAMPLES questions
a path are drawn, 5 when not given, the same for the same SEED (1).
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_headers_conformance,response_schema_conformance")
DATE = "2026-11-23"


def make_lake(program, data):
    for command in (["generate", "--vehicles", "20", "--days", "2"], ["train", "--trees", "5"], ["run"]):
        subprocess.run([program, "--data", data, "--run-date", DATE, "--quiet", *command],
                       check=True, stdout=subprocess.DEVNULL)


def schemathesis(document, address, examples, seed, phases):
    """Exit status and what it said; deterministic, and with no file of its own left behind."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", document,
             "--url", address, "--checks", CHECKS, "--phases", phases, "--seed", str(seed),
             "--max-examples", str(examples),
             "--suppress-health-check", "all", "--request-timeout", "120", "--no-color",
             "--exclude-path", "/api/v1/events",  # never ends; serve_test listens to it
             "--generation-deterministic"],
            cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def plant(document):
    """A copy of the document in which the list of runs must have what it has not."""
    text = json.loads(json.dumps(document))
    runs = text["paths"]["/api/v1/runs"]["get"]["responses"]["200"]["content"]["application/json"]
    runs["schema"] = {"type": "object", "required": ["planted"]}
    text["paths"] = {"/api/v1/runs": text["paths"]["/api/v1/runs"]}
    return text


def main():
    build = sys.argv[1]
    examples = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    program = os.path.join(build, "autostream")
    with tempfile.TemporaryDirectory() as data:
        make_lake(program, data)
        server = subprocess.Popen([program, "--json", "--data", data, "serve", "--port", "0"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            address = json.loads(server.stdout.readline())["address"].rstrip("/")
            with urllib.request.urlopen(address + "/api/v1/openapi.json") as answer:
                document = json.load(answer)
            paths = [os.path.join(data, name) for name in ("openapi.json", "planted.json")]
            for path, text in zip(paths, (document, plant(document))):
                with open(path, "w", encoding="utf-8") as out:
                    json.dump(text, out)
            status, said = schemathesis(paths[0], address, examples, seed, "examples,coverage,fuzzing")
            found, words = schemathesis(paths[1], address, 1, seed, "fuzzing")
            lives = server.poll() is None
        finally:
            server.terminate()
            ended = server.wait()
    summary = re.findall(r"^ *Test cases:.*(?:\n .*)*|^ *\d+ (?:generated|test cases).*", said, re.M)
    if status != 0 or not lives or ended != 0:
        print(said, f"server: lives {lives}, exit status {ended}", sep="\n")
    print("\n".join(summary))
    sees = found == 1 and "planted" in words
    if not sees:
        print("the planted fault was not found:", words, sep="\n")
    good = (status == 0 and lives and ended == 0) + sees
    print(f"{good} passed, {2 - good} failed")
    return 0 if good == 2 else 1


if __name__ == "__main__":
    sys.exit(main())
