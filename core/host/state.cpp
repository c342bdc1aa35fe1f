// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/state.h>

namespace backobs {
namespace {

template <typename T>
const T& value_of(const State& state, const std::string& name, const char* type) {
  std::vector<std::string> names;
  for (const auto& [known, value] : state.values()) names.push_back(known);
  const auto found = state.values().find(name);
  if (found == state.values().end())
    throw PluginError("saved state", "no value `" + name + "`", type, nearest_name(name, names));
  if (const auto* value = std::get_if<T>(&found->second)) return *value;
  throw PluginError("saved state", "value `" + name + "` of another type", type);
}

}  // namespace

int64_t State::integer(const std::string& name) const { return value_of<int64_t>(*this, name, "an integer"); }
double State::real(const std::string& name) const { return value_of<double>(*this, name, "a real"); }
const std::string& State::text(const std::string& name) const { return value_of<std::string>(*this, name, "a text"); }
const at::Tensor& State::tensor(const std::string& name) const { return value_of<at::Tensor>(*this, name, "a tensor"); }

}  // namespace backobs
