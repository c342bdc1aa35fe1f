// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "files/labelled_images.h"

#include <string>
#include <vector>

namespace backobs {

/// The Python version of CIFAR: one dictionary, pickled with protocol 2, whose `labels_key` ("labels" or "fine_labels")
/// is a list of `rows` integers below `classes`, and whose "data" is a numpy array of bytes [rows, 3072], channel x row x
/// column. Other keys are read and forgotten.
///
/// A pickle is a program for a stack machine that may name any Python function. This one knows the instructions that such
/// dictionaries consist of, and of functions only the three that make an array; nothing is ever called.
/// Throws DataError naming `where`: an unknown instruction or function by its name, and everything that is not of that
/// shape, truncated or out of range. Memory is bounded by the size of `bytes`.
BACKOBS_API LabelledImages read_cifar_pickle(const std::string& where, const std::vector<uint8_t>& bytes, uint64_t rows,
                                             const std::string& labels_key, int classes);

}  // namespace backobs
