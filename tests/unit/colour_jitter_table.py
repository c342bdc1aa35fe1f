#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints colour_jitter_table.h: what Pillow makes of one small image. Needs Debian's python3-pil.

    python3 tests/unit/colour_jitter_table.py > tests/unit/colour_jitter_table.h
"""
import itertools
import random

import PIL
from PIL import Image, ImageEnhance

SIDE = 4
KINDS = {"b": ImageEnhance.Brightness, "c": ImageEnhance.Contrast, "s": ImageEnhance.Color}
SINGLE = {"b": (0.76, 1.24), "c": (0.2, 0.9, 1.8), "s": (0.5, 1.5)}


def planes(image):
    """Channel x row x column, as a braced list."""
    return "{" + ", ".join(str(v) for band in image.split() for v in band.getdata()) + "}"


def wrapped(text):
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) > 110:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return "\n     ".join(lines + [line])


random.seed(42)
pixels = [tuple(random.randrange(256) for _ in range(3)) for _ in range(SIDE * SIDE - 2)] + [(0, 0, 0), (255, 255, 255)]
image = Image.new("RGB", (SIDE, SIDE))
image.putdata(pixels)

cases = [(kind, {kind: factor}) for kind, factors in SINGLE.items() for factor in factors]
for order in itertools.permutations("bcs"):
    cases.append(("".join(order), {kind: random.choice(SINGLE[kind]) for kind in order}))

print("// SPDX-License-Identifier: MIT")
print("// Made by colour_jitter_table.py with Pillow " + PIL.__version__ + ".")
print("#pragma once\n\n#include <cstdint>\n#include <string>\n#include <vector>\n")
print("namespace backobs::testing {\n")
print("/// 3 x 4 x 4 bytes after these factors, applied in this order: b(rightness), c(ontrast), s(aturation).")
print("struct JitteredImage {\n  std::string order;\n  double brightness, contrast, saturation;\n  std::vector<uint8_t> bytes;\n};\n")
print("inline const std::vector<uint8_t> kJitterInput =\n    " + wrapped(planes(image)) + ";\n")
print("inline const std::vector<JitteredImage> kJittered = {")
for order, factors in cases:
    result = image
    for kind in order:
        result = KINDS[kind](result).enhance(factors[kind])
    values = ", ".join(str(factors.get(kind, 1)) for kind in "bcs")
    print("    " + wrapped('{"%s", %s, %s},' % (order, values, planes(result))))
print("};\n\n}  // namespace backobs::testing")
