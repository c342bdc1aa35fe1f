// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/export.h>

#include <memory>

/// Data sources made of other ones.
namespace backobs {

/// The same batches with the first input as target, as autoencoders want them.
BACKOBS_API std::shared_ptr<DataSource> images_as_targets(std::shared_ptr<const DataSource> images);

/// The same sets, but the images held out for validation are trained on too, in one order with the others. `valid` is
/// what it was, now a part of the training set. DeepOBS's published baselines, of its version 1.1, were trained on all
/// images. `data` must count the positions of both sets in one order, as image_source does.
BACKOBS_API std::shared_ptr<DataSource> with_held_out_images(std::shared_ptr<const DataSource> data);

}  // namespace backobs
