// SPDX-License-Identifier: MIT
#include "data/data_sets.h"

#include <backobs/error.h>

#include "files/comma_list.h"

namespace backobs {

const std::vector<DataSet>& data_sets() {
  static const std::vector<DataSet> sets = {cifar10(), cifar100(), fashion_mnist(), mnist(), svhn()};
  return sets;
}

const DataSet& data_set(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& set : data_sets()) {
    if (set.name == name) return set;
    known.push_back(set.name);
  }
  throw ConfigError("data", "set `" + name + "`", "one of " + comma_list(known), nearest_name(name, known));
}

}  // namespace backobs
