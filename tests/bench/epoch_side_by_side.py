#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times an epoch of training with its three evaluations in backobs and in a PyTorch loop that follows DeepOBS.

    tests/bench/epoch_side_by_side.py --problems fmnist_logreg,fmnist_mlp,cifar10_3c3d --data-dir DIR [--json FILE]

The loop reads the same files, makes a PIL image of every sample, transforms it with torchvision, gathers batches in one
process, counts what is classified rightly in every step and adds the penalty to the loss, as DeepOBS does by default. Its
time is that of one epoch and the evaluations before it. Of `backobs train` it is the time of a run of E + 1 epochs less that
of one epoch, over E: what start-up and loading take is in both. The sides take turns, `--rounds` times, and the table has medians.
Exit code 1: something is missing.
"""
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from options import parse, parser_for

try:
    import numpy
    import PIL.Image
    import torch
    import torchvision.transforms as transforms
    from networks import NETWORKS
except ImportError as error:
    sys.exit(f"needs numpy, Pillow, torch and torchvision: {error}")

EPOCHS = {"fmnist_logreg": 10, "fmnist_mlp": 2, "cifar10_3c3d": 1}
PENALTY = {"cifar10_3c3d": 0.002}        # of weights, not of biases
HELD_OUT = 10000
CIFAR_MEAN, CIFAR_STD = (0.49139968, 0.48215841, 0.44653091), (0.24703223, 0.24348513, 0.26158784)


def idx(folder, name, header):
    for path, opened in ((os.path.join(folder, name), open), (os.path.join(folder, name + ".gz"), gzip.open)):
        if os.path.exists(path):
            with opened(path, "rb") as file:
                return numpy.frombuffer(file.read(), numpy.uint8, offset=header)
    sys.exit(f"{folder}: found no {name}, wanted it plain or as .gz")


def fashion(folder):
    return [(idx(folder, f"{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28), idx(folder, f"{part}-labels-idx1-ubyte", 8))
            for part in ("train", "t10k")]


def cifar(folder):
    def read(name):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            sys.exit(f"{folder}: found no {name}")
        return numpy.fromfile(path, numpy.uint8).reshape(-1, 3073)

    sets = [numpy.concatenate([read(f"data_batch_{i}.bin") for i in range(1, 6)]), read("test_batch.bin")]
    return [(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), rows[:, 0]) for rows in sets]


class Images(torch.utils.data.Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(PIL.Image.fromarray(self.images[index])), int(self.labels[index])


def transforms_of(problem):
    """For training and for tests."""
    if not problem.startswith("cifar10"):
        return transforms.ToTensor(), transforms.ToTensor()
    plain = [transforms.ToTensor(), transforms.Normalize(CIFAR_MEAN, CIFAR_STD)]
    changed = [transforms.Pad(2), transforms.RandomCrop(32), transforms.RandomHorizontalFlip(),
               transforms.ColorJitter(brightness=63 / 255, contrast=(0.2, 1.8), saturation=(0.5, 1.5))]
    return transforms.Compose(changed + plain), transforms.Compose(plain)


class Loop:
    """An epoch as DeepOBS has it: evaluations on three sets, then every batch of the training set once."""

    def __init__(self, problem, folder, batch_size):
        (images, labels), test = (cifar if problem.startswith("cifar10") else fashion)(folder)
        changed, plain = transforms_of(problem)
        order = torch.randperm(len(images))
        training, whole = Images(images, labels, changed), Images(images, labels, plain)
        self.sets = {"train": (training, order[HELD_OUT:]), "valid": (whole, order[:HELD_OUT]),
                     "train_eval": (training, torch.randperm(len(images))[:HELD_OUT]), "test": (Images(*test, plain), None)}
        self.batch_size, self.penalty = batch_size, PENALTY.get(problem, 0)
        self.model, self.loss = torch.nn.Sequential(*NETWORKS[problem]()), torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def batches(self, name):
        images, order = self.sets[name]
        sampler = None if order is None else torch.utils.data.SubsetRandomSampler(order)
        return torch.utils.data.DataLoader(images, self.batch_size, sampler=sampler, drop_last=True)

    def loss_and_accuracy(self, inputs, targets):
        outputs = self.model(inputs)
        correct = (outputs.argmax(1) == targets).sum().item()
        loss = self.loss(outputs, targets)
        if self.penalty:
            loss = loss + self.penalty / 2 * sum(p.pow(2).sum() for p in self.model.parameters() if p.dim() > 1)
        return loss, correct / len(targets)

    def evaluate(self, name):
        self.model.eval()
        with torch.no_grad():
            return statistics.mean(self.loss_and_accuracy(*batch)[0].item() for batch in self.batches(name))

    def epoch(self):
        start = time.perf_counter()
        for name in ("train_eval", "valid", "test"):
            self.evaluate(name)
        self.model.train()
        for batch in self.batches("train"):
            self.optimizer.zero_grad()
            loss, _ = self.loss_and_accuracy(*batch)
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - start


def training(problem, epochs, options):
    with tempfile.TemporaryDirectory() as folder:
        command = [options.program, "train", problem, "--lr", "0.01", "--epochs", str(epochs), "--data-dir", options.data_dir,
                   "--output", os.path.join(folder, "run")] + (["--threads", str(options.threads)] if options.threads else [])
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
        return time.perf_counter() - start


def measure(problem, options):
    folder = "cifar10/cifar-10-batches-bin" if problem.startswith("cifar10") else "fmnist"
    loop = Loop(problem, os.path.join(options.data_dir, folder), 128)
    more = EPOCHS[problem]
    ours, theirs = [], []
    for _ in range(options.rounds):
        once = training(problem, 1, options)
        ours.append((training(problem, 1 + more, options) - once) / more)
        theirs.append(loop.epoch())
    return {"problem": problem, "backobs_s": statistics.median(ours), "pytorch_s": statistics.median(theirs),
            "ratio": statistics.median(theirs) / statistics.median(ours), "ratios": [b / a for a, b in zip(ours, theirs)]}


def read_options():
    parser = parser_for(__doc__, EPOCHS)
    parser.add_argument("--data-dir", required=True, help="holds fmnist/ and cifar10/, as `backobs data fetch` puts them there")
    parser.add_argument("--threads", type=int, default=0, help="default: all cores")
    parser.add_argument("--rounds", type=int, default=1)
    return parse(parser, EPOCHS)


def main():
    options = read_options()
    torch.set_num_threads(options.threads or os.cpu_count())
    print(f"torch {torch.__version__}, threads {options.threads or os.cpu_count()}, seconds per epoch with three evaluations")
    print(f"{'problem':16} {'backobs':>10} {'PyTorch':>10} {'ratio':>7}")
    rows = []
    for problem in options.problems.split(","):
        row = measure(problem, options)
        rows.append(row)
        print(f"{problem:16} {row['backobs_s']:10.3f} {row['pytorch_s']:10.3f} {row['ratio']:7.2f}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"torch": torch.__version__, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
