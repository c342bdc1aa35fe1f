// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/export.h>

#include "data/data_sets.h"
#include "data/locate.h"

namespace backobs {

/// Reads the located files of a set into memory, each only after its checksum was found right. Throws DataError naming
/// the file, what was found and wanted, and the command that gets the set.
BACKOBS_API ImageSet read_layout(const DataSet& set, const LocatedSet& located);

}  // namespace backobs
