#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of whole passes under Callgrind and compares them with those on record.

    count_instructions.py PROGRAM TORCH_RELEASE [--update]

PROGRAM is counted_pass. Callgrind shows every program the same processor, so the counts do not depend on the machine; they
do on LibTorch's release and compiler. More than a twentieth above the record is a failure, less than half of it a record out of
date. Without a record for the release the test is skipped (exit code 77); --update writes one."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NINE = ("grad_batch variance sum_grad_squared batch_l2 diag_ggn_exact diag_ggn_mc diag_h kfac kflr").split()
ROWS = {
    "mnist_logreg gradient": ["mnist_logreg", "16"],
    "mnist_logreg nine": ["mnist_logreg", "16", *NINE],
    "mnist_mlp gradient": ["mnist_mlp", "4"],
    "mnist_2c2d batch_l2": ["mnist_2c2d", "1", "batch_l2"],
}
RECORDS = pathlib.Path(__file__).with_name("instructions.json")
SKIPPED = 77


def instructions(program, arguments):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"}
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", program, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
        return int(re.search(r"^totals: (\d+)", out.read_text(), re.MULTILINE)[1])


def main():
    program, release = sys.argv[1:3]
    records = json.loads(RECORDS.read_text()) if RECORDS.exists() else {}
    update = "--update" in sys.argv
    if release not in records and not update:
        print(f"no record for LibTorch {release} in {RECORDS}; {sys.argv[0]} {program} {release} --update writes one")
        sys.exit(SKIPPED)
    failures = 0
    found = {}
    for name, arguments in ROWS.items():
        found[name] = instructions(program, arguments)
        record = records.get(release, {}).get(name, found[name])
        ratio = found[name] / record
        verdict = "more than a twentieth above the record" if ratio > 1.05 else "record out of date" if ratio < 0.5 else "ok"
        failures += verdict != "ok"
        print(f"{name:24} {found[name]:>13,} instructions, {ratio:.3f} of the record: {verdict}")
    if update:
        records[release] = found
        RECORDS.write_text(json.dumps(dict(sorted(records.items())), indent=2) + "\n")
    elif failures:
        sys.exit(1)


main()
