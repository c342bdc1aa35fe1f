// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace backobs {

/// What a plugin wants to find again after a restart: values by name. Names are the plugin's own; state that
/// belongs to a parameter is named by the parameter ("momentum_buffer/dense1.weight"), never by an address.
class BACKOBS_API State {
 public:
  using Value = std::variant<int64_t, double, std::string, at::Tensor>;

  void put(const std::string& name, Value value) { values_[name] = std::move(value); }
  bool has(const std::string& name) const { return values_.count(name) > 0; }
  /// Throws PluginError naming `name` if it is absent or of another type.
  int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const at::Tensor& tensor(const std::string& name) const;

  const std::map<std::string, Value>& values() const { return values_; }  ///< all of them

 private:
  std::map<std::string, Value> values_;
};

}  // namespace backobs
