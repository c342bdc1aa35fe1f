#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times quantities of one mini-batch in backobs and in BackPACK, on the same parameters, batch, LibTorch and threads.

    PYTHONPATH=… tests/bench/backpack_side_by_side.py --problems mnist_logreg,mnist_mlp --threads 1 [--json FILE]

`backobs extend --dump` exports parameters and batch; the same network is built from them in torch. Values that do not
depend on draws are compared first, and a difference ends the program. Then the sides take turns, `--rounds` times: the
program `bench` in a process of its own, then BackPACK here. A round starts with a pass to warm up and times
`--repeats` passes, results held until the clock stops; the table has the median over the rounds of their medians. With
`--memory` each side also passes once in a fresh process, and the table has how far resident memory rises above what it was
with network and batch in place. All-CNN-C drops out, so that its values are not compared; its rows are those where one
quantity alone is of interest.
Exit code 1: something is missing or values differ.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from options import parse, parser_for

try:
    import torch
    import backpack
    from backpack import extensions as bp
    from networks import NETWORKS
except ImportError as error:
    sys.exit(f"needs torch and BackPACK, on PYTHONPATH or installed: {error}")

PROBLEMS = ["mnist_logreg", "mnist_mlp", "mnist_2c2d", "cifar10_3c3d", "cifar100_allcnnc"]
NINE = ["grad_batch", "variance", "sum_grad_squared", "batch_l2", "diag_ggn_exact", "diag_ggn_mc", "diag_h", "kfac", "kflr"]
CLASSES = {"grad_batch": bp.BatchGrad, "variance": bp.Variance, "sum_grad_squared": bp.SumGradSquared,
           "batch_l2": bp.BatchL2Grad, "diag_ggn_exact": bp.DiagGGNExact, "diag_ggn_mc": bp.DiagGGNMC,
           "diag_h": bp.DiagHessian, "kfac": bp.KFAC, "kflr": bp.KFLR, "kfra": bp.KFRA}
DRAWN = {"diag_ggn_mc", "kfac"}
REGULARISED = {"cifar10_3c3d"}           # its weights' penalty is in our values; BackPACK has none
RANDOM = {"cifar100_allcnnc"}            # dropout
SAMPLES = {"diag_ggn_exact": 16, "kflr": 16}  # of All-CNN-C, whose 100 outputs are as many columns; else 256
WITHOUT_PENALTY = {"variance", "kflr"}
TOLERANCE = 1e-3                         # of the largest entry: float32, other orders of summation


def cells(problem, each):
    """The sets of quantities to time."""
    if problem == "cifar100_allcnnc":
        return [[name] for name in ("diag_ggn_exact", "kflr", "grad_batch", "batch_l2", "kfac", "diag_ggn_mc")]
    together = NINE + (["kfra"] if problem in ("mnist_logreg", "mnist_mlp") else [])
    return [together] + ([[name] for name in together] if each else [])


def samples(problem, quantities, options):
    return SAMPLES.get(quantities[0], 256) if problem == "cifar100_allcnnc" else options.batch_size


class Side:
    """The network of a dump, ready for BackPACK."""

    def __init__(self, problem, dump):
        self.values = torch.load(dump)
        names = [name for name in self.values if name.startswith("parameter/")]
        self.model = torch.nn.Sequential(*NETWORKS[problem]())
        self.names = [name[len("parameter/"):] for name in names]
        with torch.no_grad():
            for parameter, name in zip(self.model.parameters(), names, strict=True):
                if parameter.shape != self.values[name].shape:
                    sys.exit(f"{problem}: {name} has another shape in the dump")
                parameter.copy_(self.values[name])
        self.loss = backpack.extend(torch.nn.CrossEntropyLoss())
        self.model = backpack.extend(self.model)
        self.input, self.target = self.values["input"], self.values["target"]

    def run(self, quantities):
        """Seconds of forward, backward and quantities; the results are the parameters' attributes."""
        for parameter in self.model.parameters():
            parameter.grad = None
            for name in NINE + ["kfra"]:
                if hasattr(parameter, name):
                    delattr(parameter, name)
        start = time.perf_counter()
        loss = self.loss(self.model(self.input), self.target)
        with backpack.backpack(*[CLASSES[name]() for name in quantities]):
            loss.backward()
        return time.perf_counter() - start

    def plain(self):
        for parameter in self.model.parameters():
            parameter.grad = None
        start = time.perf_counter()
        with backpack.disable():
            torch.nn.functional.cross_entropy(self.model(self.input), self.target).backward()
        return time.perf_counter() - start

    def differences(self, quantities):
        """The largest relative difference of each parameter and quantity that is not within the tolerance."""
        found = []
        for parameter, name in zip(self.model.parameters(), self.names):
            for quantity in quantities:
                theirs = getattr(parameter, quantity)
                theirs = theirs if isinstance(theirs, (list, tuple)) else [theirs]
                keys = [f"{quantity}/{name}"] if f"{quantity}/{name}" in self.values else [f"{quantity}/{name}/{i}" for i in range(len(theirs))]
                for key, value in zip(keys, theirs):
                    ours = self.values[key]
                    error = (ours - value.reshape(ours.shape)).abs().max() / value.abs().max().clamp_min(1e-30)
                    if not error < TOLERANCE:
                        found.append(f"{key}: {error:.1e}")
        return found


def backobs(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def compare_values(side, problem, quantities):
    side.run(quantities)
    known = [q for q in quantities if q not in DRAWN and (problem not in REGULARISED or q in WITHOUT_PENALTY)]
    differences = side.differences(known)
    if differences:
        sys.exit(f"{problem}: values differ\n  " + "\n  ".join(differences))


def common_arguments(problem, quantities, options):
    return [problem, "--batch-size", str(samples(problem, quantities, options)), "--threads", str(options.threads),
            "--source", options.source]


def bench(problem, options, quantities):
    return json.loads(backobs(options.program, "bench", *common_arguments(problem, quantities, options), "--extensions",
                              ",".join(quantities), "--repeats", str(options.repeats), "--json"))


def take_turns(problem, side, options, quantities):
    rounds = []
    for _ in range(options.rounds):
        ours = bench(problem, options, quantities)
        side.run(quantities)
        theirs = statistics.median(side.run(quantities) for _ in range(options.repeats))
        side.plain()
        plain = statistics.median(side.plain() for _ in range(options.repeats))
        rounds.append((ours["median_ms"], 1e3 * theirs, ours["gradient_median_ms"], 1e3 * plain, ours["share_of_floor"], ours["peak_mib"]))
    ours, theirs, gradient, plain, floor, peak = (statistics.median(column) for column in zip(*rounds))
    return {"backobs_ms": ours, "backpack_ms": theirs, "ratio": theirs / ours, "ratios": [row[1] / row[0] for row in rounds],
            "gradient_ms": gradient, "torch_ms": plain, "gradient_ratio": plain / gradient, "share_of_floor": floor,
            "backobs_mib": peak}


def resident_mib(what):
    """VmRSS or VmHWM, the highest so far. Not getrusage's maximum, which a process has from the one that started it."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(what + ":")) / 1024


def print_peak(problem, dump, quantities, threads):
    """What a process of its own is for: the highest resident memory of one pass above that before it, in MiB."""
    torch.set_num_threads(threads)
    side = Side(problem, dump)
    before = resident_mib("VmRSS")
    side.run(quantities)
    print(max(0, resident_mib("VmHWM") - before))


def their_peak(problem, dump, quantities, options):
    done = subprocess.run([sys.executable, __file__, "--peak-of", problem, dump, ",".join(quantities), str(options.threads)],
                          capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else float("inf")   # killed for want of memory


def dump_of(problem, quantities, options, folder):
    path = os.path.join(folder, problem + ".pt")
    backobs(options.program, "extend", *common_arguments(problem, quantities, options), "--extensions", ",".join(quantities), "--dump", path)
    return path


def measure(problem, options, folder):
    for quantities in cells(problem, options.each):
        dump = dump_of(problem, quantities, options, folder)
        side = Side(problem, dump)
        if problem not in RANDOM:
            compare_values(side, problem, quantities)
        side.values = {}
        row = {"problem": problem, "samples": samples(problem, quantities, options), "quantities": quantities,
               **take_turns(problem, side, options, quantities)}
        del side
        if options.memory:
            row["backpack_mib"] = their_peak(problem, dump, quantities, options)
        os.remove(dump)
        print_row(row)
        yield row


def print_row(row):
    label = row["quantities"][0] if len(row["quantities"]) == 1 else f"{len(row['quantities'])} together"
    memory = f"{row['backobs_mib']:10.0f} {row['backpack_mib']:10.0f}" if "backpack_mib" in row else ""
    print(f"{row['problem']:16} {label:16} {row['backobs_ms']:10.3f} {row['backpack_ms']:10.3f} {row['ratio']:7.2f}"
          f" {row['gradient_ms']:10.3f} {row['torch_ms']:10.3f} {row['gradient_ratio']:7.2f} {row['share_of_floor']:7.2f} {memory}", flush=True)


def read_options():
    parser = parser_for(__doc__, PROBLEMS)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--source", default="synthetic", choices=["synthetic", "real"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--each", action="store_true", help="also each quantity alone")
    parser.add_argument("--memory", action="store_true", help="also the peak of both sides")
    parser.add_argument("--own-kernels", action="store_true", help="each side with the kernels it gets by itself")
    return parse(parser, PROBLEMS)


def share_kernels(options):
    """OpenBLAS chooses its kernels as it is loaded; backobs may choose better. Both sides get those of backobs, unless told not to."""
    if options.own_kernels:
        return "each side's own"
    kernels = json.loads(backobs(options.program, "doctor", "--json"))["blas"]["kernels"]
    if kernels and os.environ.get("OPENBLAS_CORETYPE") != kernels:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_CORETYPE": kernels})
    return kernels


def main():
    if sys.argv[1:2] == ["--peak-of"]:
        problem, dump, quantities, threads = sys.argv[2:]
        return print_peak(problem, dump, quantities.split(","), int(threads))
    options = read_options()
    kernels = share_kernels(options)
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, OpenBLAS kernels {kernels or 'unknown'}, threads {options.threads}, batch {options.batch_size}, milliseconds")
    memory = f"{'MiB':>10} {'MiB':>10}" if options.memory else ""
    print(f"{'problem':16} {'quantities':16} {'backobs':>10} {'BackPACK':>10} {'ratio':>7} {'gradient':>10} {'torch':>10} {'ratio':>7} {'floor':>7} {memory}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for problem in options.problems.split(","):
            rows += measure(problem, options, folder)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"torch": torch.__version__, "openblas_kernels": kernels, "threads": options.threads,
                       "batch_size": options.batch_size, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
