// SPDX-License-Identifier: MIT
#include "campaign/tensor_files.h"

#include "campaign/safe_file.h"
#include "data/pt_file.h"

#include <cstdio>

namespace backobs {

void TensorFiles::keep(const std::string& extension, const std::string& quantity, const std::string& parameter,
                       const TensorList& values) {
  const std::string rest = quantity.substr(extension.size());
  const std::string name = parameter.empty() ? rest.substr(rest.empty() ? 0 : 1) : parameter;
  for (std::size_t i = 0; i < values.size(); ++i)
    kept_[extension].emplace_back(values.size() == 1 ? name : name + "/" + std::to_string(i), values[i]);
}

void TensorFiles::write(const StepPosition& place) {
  char file[40];
  std::snprintf(file, sizeof file, "step_%010lld.pt", static_cast<long long>(place.global));
  for (const auto& [extension, tensors] : kept_) {
    make_folder(folder_ / extension);
    write_pt(folder_ / extension / file, tensors);
    sync_folder(folder_ / extension);  // a checkpoint that comes later counts on its name
  }
  kept_.clear();
}

}  // namespace backobs
