// SPDX-License-Identifier: MIT
#include "campaign/tensor_files.h"

#include "campaign/safe_file.h"
#include "data/pt_file.h"

#include <cstdio>
#include <optional>
#include <system_error>

namespace backobs {
namespace {

std::string file_name(int64_t step) {
  char name[40];
  std::snprintf(name, sizeof name, "step_%010lld.pt", static_cast<long long>(step));
  return name;
}

/// The step in a file's name; nothing for other files.
std::optional<int64_t> step_of(const std::filesystem::path& file) {
  long long step = 0;
  if (std::sscanf(file.filename().c_str(), "step_%lld.pt", &step) != 1) return std::nullopt;
  return file.filename() == file_name(step) ? std::optional<int64_t>(step) : std::nullopt;
}

}  // namespace

void TensorFiles::keep(const std::string& extension, const std::string& quantity, const std::string& parameter,
                       const TensorList& values) {
  const std::string rest = quantity.substr(extension.size());
  const std::string name = parameter.empty() ? rest.substr(rest.empty() ? 0 : 1) : parameter;
  for (std::size_t i = 0; i < values.size(); ++i)
    kept_[extension].emplace_back(values.size() == 1 ? name : name + "/" + std::to_string(i), values[i]);
}

void TensorFiles::write(const StepPosition& place) {
  for (const auto& [extension, tensors] : kept_) {
    make_folder(folder_ / extension);
    write_pt(folder_ / extension / file_name(place.global), tensors);
    sync_folder(folder_ / extension);  // a checkpoint that comes later counts on its name
  }
  kept_.clear();
}

void TensorFiles::drop_from(int64_t step) {
  std::error_code none;  // no folder yet: nothing to drop
  std::vector<std::filesystem::path> later;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, none))
    if (const auto of = step_of(entry.path()); of && *of >= step) later.push_back(entry.path());
  for (const auto& file : later) std::filesystem::remove(file);
}

}  // namespace backobs
