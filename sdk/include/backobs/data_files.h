// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/export.h>

#include <filesystem>
#include <string>

namespace backobs {

/// A file of a problem's own data, "stripes/train.raw", below the data folder that the request names (--data-dir) or, if it
/// names none, the first of these that has it: the one that BACKOBS_DATA names, `data` of the current folder, backobs in
/// the user's data folder (XDG_DATA_HOME). Throws DataError with the places where it is not; `how_to_get` ends the message:
/// "the archive of example.org/stripes, unpacked".
BACKOBS_API std::filesystem::path data_file(const std::string& name, const DataRequest& request, const std::string& how_to_get);

}  // namespace backobs
