// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "files/labelled_images.h"

#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

/// The binary version of CIFAR: rows of `label_bytes` labels and 3,072 pixels (channel x row x column), no header. CIFAR-10
/// has one label byte; CIFAR-100 has two, coarse and fine, of which the last is the class.
/// Throws DataError naming `where` unless the size is that of `rows` rows and every class is below `classes`.
BACKOBS_API LabelledImages read_cifar_binary(const std::string& where, const std::vector<uint8_t>& bytes, uint64_t rows,
                                             uint64_t label_bytes, int classes);

}  // namespace backobs
