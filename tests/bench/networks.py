# SPDX-License-Identifier: MIT
"""Networks of the problems in torch, for scripts that compare: the same layers in the same order."""
import torch


def dense(*widths):
    layers = [torch.nn.Flatten()]
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers += ([torch.nn.ReLU()] if i else []) + [torch.nn.Linear(inputs, outputs)]
    return layers


def conv(inputs, outputs, kernel, padding, pool):
    return [torch.nn.Conv2d(inputs, outputs, kernel, padding=padding), torch.nn.ReLU(),
            torch.nn.MaxPool2d(pool, 2, ceil_mode=True)]


def all_cnn():
    def block(inputs, outputs, kernel, pads, stride=1):
        return ([torch.nn.ZeroPad2d(pads)] if any(pads) else []) + [torch.nn.Conv2d(inputs, outputs, kernel, stride), torch.nn.ReLU()]

    same, halves = (1, 1, 1, 1), (0, 1, 0, 1)   # TensorFlow pads an even number of pixels behind alone
    return ([torch.nn.Dropout(0.2)] + block(3, 96, 3, same) + block(96, 96, 3, same) + block(96, 96, 3, halves, 2)
            + [torch.nn.Dropout(0.5)] + block(96, 192, 3, same) + block(192, 192, 3, same) + block(192, 192, 3, halves, 2)
            + [torch.nn.Dropout(0.5)] + block(192, 192, 3, (0,) * 4) + block(192, 192, 1, (0,) * 4) + block(192, 100, 1, (0,) * 4)
            + [torch.nn.AvgPool2d(6), torch.nn.Flatten()])


NETWORKS = {
    "mnist_logreg": lambda: dense(784, 10),
    "mnist_mlp": lambda: dense(784, 1000, 500, 100, 10),
    "mnist_2c2d": lambda: conv(1, 32, 5, 2, 2) + conv(32, 64, 5, 2, 2) + dense(3136, 1024, 10),
    "cifar10_3c3d": lambda: conv(3, 64, 5, 0, 3) + conv(64, 96, 3, 0, 3) + conv(96, 128, 3, 1, 3) + dense(1152, 512, 256, 10),
    "cifar100_allcnnc": all_cnn,
}
NETWORKS["fmnist_logreg"], NETWORKS["fmnist_mlp"] = NETWORKS["mnist_logreg"], NETWORKS["mnist_mlp"]
