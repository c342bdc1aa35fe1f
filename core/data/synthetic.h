// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>

#include "data/data_sets.h"

namespace backobs {

/// A synthetic set has one image for every this many of the real one (6,000 and 1,000 for MNIST); a source over it
/// holds out as many times fewer.
constexpr int64_t kSyntheticShrink = 10;

/// Images of the real set's shape with as many classes: each class has a coarse pattern of its own, every image adds
/// uniform noise, so that a linear classifier can tell the classes apart. The bytes depend on the set's name alone,
/// as those of a real set do, not on the experiment's seed, and are the same on every machine.
ImageSet synthetic_images(const DataSet& set);

}  // namespace backobs
