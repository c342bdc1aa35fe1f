# SPDX-License-Identifier: MIT
"""Options that scripts share which time problems beside something else."""
import argparse
import os


def parser_for(description, problems):
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--program", default=os.path.join(root, "build", "bin", "backobs"))
    parser.add_argument("--problems", default=",".join(problems), help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE")
    return parser


def parse(parser, problems):
    options = parser.parse_args()
    unknown = set(options.problems.split(",")) - set(problems)
    if unknown:
        parser.error(f"--problems: found {', '.join(sorted(unknown))}, wanted some of {', '.join(problems)}")
    return options
