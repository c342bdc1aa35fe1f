#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How time and memory of a pass grow with the samples N of a mini-batch and with the columns V of a signal.

    tests/bench/growth.py [--program build/bin/backobs] [--threads 1] [--svg docs/images/growth.svg] [--json FILE]

Runs `backobs bench` on synthetic data over N (batch sizes, all nine quantities, held) and over V (draws of diag_ggn_mc, of
which each is a column), prints one line per point with time and peak over what linear growth from the point before would
give, and draws both as curves.
"""
import argparse
import json
import subprocess

NINE = "grad_batch,variance,sum_grad_squared,batch_l2,diag_ggn_exact,diag_ggn_mc,diag_h,kfac,kflr"
SERIES = [  # what grows, problem, quantities, the values, arguments of one value
    ("N", "mnist_2c2d", NINE, [16, 32, 64, 128, 256], lambda n: ["--batch-size", n]),
    ("N", "cifar10_3c3d", NINE, [16, 32, 64, 128, 256], lambda n: ["--batch-size", n]),
    ("V", "mnist_2c2d", "diag_ggn_mc", [8, 16, 32, 64, 128], lambda v: ["--batch-size", 32, "--set", f"diag_ggn_mc.mc_samples={v}"]),
    ("V", "cifar10_3c3d", "diag_ggn_mc", [8, 16, 32, 64, 128], lambda v: ["--batch-size", 32, "--set", f"diag_ggn_mc.mc_samples={v}"]),
]


def bench(options, problem, quantities, arguments):
    command = [options.program, "bench", problem, "--source", "synthetic", "--json", "--extensions", quantities, "--threads",
               options.threads, "--repeats", options.repeats, *arguments]
    return json.loads(subprocess.run([str(part) for part in command], capture_output=True, check=True, text=True).stdout)


def measure(options):
    series = []
    for letter, problem, quantities, values, arguments in SERIES:
        points = [dict(value=value, **bench(options, problem, quantities, arguments(value))) for value in values]
        what = "nine quantities" if quantities == NINE else quantities
        series.append({"grows": letter, "problem": problem, "quantities": what, "points": points})
    return series


def print_table(series):
    print(f"{'work':38}{'':>7}{'ms':>10}{'linear':>8}{'MiB':>8}{'linear':>8}")
    for one in series:
        before = None
        for point in one["points"]:
            step = [f"{point[key] / before[key] / (point['value'] / before['value']):8.2f}" if before else " " * 8
                    for key in ("median_ms", "peak_mib")]
            print(f"{one['problem'] + ', ' + one['quantities']:38}{one['grows'] + ' ' + str(point['value']):>7}"
                  f"{point['median_ms']:10.1f}{step[0]}{point['peak_mib']:8.0f}{step[1]}")
            before = point


def panel(series, left, key, title, width=300, height=220):
    """Curves relative to their first point over the value relative to the first: straight lines are linear growth."""
    lines = [f'<text x="{left + width / 2}" y="18" text-anchor="middle">{title}</text>',
             f'<path class="axis" d="M{left},30V{30 + height}H{left + width}"/>',
             f'<text x="{left + width / 2}" y="{52 + height}" text-anchor="middle">times as many samples or columns</text>']
    for tick in (1, 4, 8, 16):
        x, y = left + width * tick / 16, 30 + height * (1 - tick / 16)
        lines += [f'<text class="tick" x="{x}" y="{44 + height}" text-anchor="middle">{tick}</text>',
                  f'<text class="tick" x="{left - 5}" y="{y + 4}" text-anchor="end">{tick}</text>']
    lines.append(f'<path class="linear" d="M{left + width / 16},{30 + height * 15 / 16}L{left + width},30"/>')
    for number, one in enumerate(series):
        first = one["points"][0]
        at = [(left + width * p["value"] / first["value"] / 16, 30 + height * (1 - p[key] / first[key] / 16)) for p in one["points"]]
        lines.append(f'<polyline class="c{number}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}"/>')
        lines += [f'<circle class="c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at]
    return lines


def svg(series):
    style = ("text{font:12px sans-serif;fill:#555}.tick{font-size:10px}.axis{stroke:#888;fill:none}.linear{stroke:#aaa;"
             "stroke-dasharray:4 3}polyline{fill:none;stroke-width:1.5}")
    for number, colour in enumerate(("#1b6ca8", "#c0532b", "#3f8f4f", "#8a5aa8")):
        style += f"polyline.c{number}{{stroke:{colour}}}circle.c{number}{{fill:{colour}}}"
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 370">', f"<style>{style}</style>",
             "<title>Growth of time and memory with samples and columns</title>"]
    lines += panel(series, 40, "median_ms", "time") + panel(series, 400, "peak_mib", "peak memory")
    for number, one in enumerate(series):
        y = 310 + 15 * number
        lines += [f'<circle class="c{number}" cx="50" cy="{y - 4}" r="3"/>',
                  f'<text x="60" y="{y}">{one["grows"]}: {one["problem"]}, {one["quantities"]}, {one["grows"]} from '
                  f'{one["points"][0]["value"]} to {one["points"][-1]["value"]}</text>']
    lines.append('<text x="500" y="310">dashed: linear growth</text>')
    return "\n".join(lines + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="build/bin/backobs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--svg", metavar="FILE")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    series = measure(options)
    print_table(series)
    for path, text in ((options.svg, svg(series)), (options.json, json.dumps(series, indent=1))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    main()
