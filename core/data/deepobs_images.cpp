// SPDX-License-Identifier: MIT
#include <backobs/data.h>

#include "data/data_sets.h"

namespace backobs {

ImageTransform deepobs_transform(const std::string& name, bool augmented) {
  const DataSet& set = data_set(name);
  ImageTransform transform{set.mean, set.std, {}};
  const bool has_colours = set.image_shape[0] == 3;
  if (augmented && has_colours) transform.augmentation = {2, name != "svhn", 63.0 / 255, 0.8, 0.5};
  return transform;
}

std::shared_ptr<DataSource> deepobs_images(const std::string& name, const DataRequest& request, bool augmented) {
  return image_source(load_images(name, request), request, data_set(name).held_out, deepobs_transform(name, augmented));
}

}  // namespace backobs
