// SPDX-License-Identifier: MIT
#include <backobs/data.h>

#include "data/data_sets.h"
#include "data/locate.h"
#include "data/read_layout.h"
#include "data/synthetic.h"

#include <string>

namespace backobs {

ImageSet load_images(const std::string& name, const DataRequest& request) {
  const DataSet& set = data_set(name);
  if (request.source == Source::synthetic) return synthetic_images(set);
  ImageSet images = read_layout(set, require_files(set, request.folder));
  images.name = set.name;
  images.classes = set.classes;
  return images;
}

}  // namespace backobs
