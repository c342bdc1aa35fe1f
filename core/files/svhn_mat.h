// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "files/labelled_images.h"

#include <filesystem>

namespace backobs {

/// The cropped digits of SVHN: a MAT-file of version 5, little-endian, with the variables
///   X   uint8 [32, 32, 3, N], column-major: byte r + 32 (c + 32 (channel + 3 n)) is row r, column c of image n
///   y   N labels 1 to 10, of class double or uint8, whichever type they are stored in; 10 is the digit 0
/// both compressed or not. Rows run fastest there; here every channel is row x column.
/// Throws DataError naming the file: another kind of file or version, a variable that is missing or of another class or
/// shape, more than `most` images or more than a file of that size can hold, another label, truncated or damaged data.
BACKOBS_API LabelledImages read_svhn_mat(const std::filesystem::path& file, uint64_t most);

}  // namespace backobs
