// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/extension.h>

#include "data/pt_file.h"

#include <ATen/ATen.h>

#include <sstream>

namespace backobs {
namespace {

constexpr const char* kRademacher = "rademacher";

std::string name_of(const std::string& source, int64_t count, uint64_t seed) {
  if (source != kRademacher) return source;
  return std::string(kRademacher) + "(count=" + std::to_string(count) + ", seed=" + std::to_string(seed) + ")";
}

at::Tensor as_stack(const std::string& file, const ParameterInfo& parameter, const at::Tensor& found) {
  const at::IntArrayRef shape(parameter.shape);
  if (found.sizes() == shape) return found.unsqueeze(0);
  if (found.dim() > 0 && found.sizes().slice(1) == shape) return found;
  std::ostringstream was, wanted;
  was << "`" << parameter.name << "` of shape " << found.sizes();
  wanted << "[K, *p] or [*p] with *p = " << shape;
  throw ConfigError(file, was.str(), wanted.str());
}

}  // namespace

Schema ProductVectors::schema() {
  return {Option::text("vectors", kRademacher, "rademacher (or {rademacher: COUNT, seed: SEED}), gradient, or a FILE.pt of tensors"),
          Option::integer("count", 1, "number of rademacher vectors").at_least(1),
          Option::integer("seed", 0, "of the rademacher vectors").at_least(0)};
}

ProductVectors::ProductVectors(const Options& options)
    : source_(options.text("vectors")), count_(options.integer("count")), seed_(static_cast<uint64_t>(options.integer("seed"))) {
  if (source_.empty()) throw ConfigError("option `vectors`", "an empty text", "rademacher, gradient or a file");
  name_ = name_of(source_, count_, seed_);
}

const std::map<std::string, at::Tensor>& ProductVectors::file() {
  if (read_.empty())
    for (auto& [name, tensor] : read_pt(source_)) read_[name] = std::move(tensor);
  return read_;
}

void ProductVectors::prepare(const ProblemInfo& problem) {
  if (source_ == kRademacher || source_ == kGradientVectors) return;
  for (const auto& parameter : problem.parameters) of(parameter, {});
}

at::Tensor ProductVectors::of(const ParameterInfo& parameter, const PassInfo& pass) {
  auto shape = parameter.shape;
  if (source_ == kRademacher) {
    shape.insert(shape.begin(), count_);
    const Random position(seed_, pass.epoch, pass.step);
    return at::randint(0, 2, shape, position.generator(Draw::probe, parameter.name), at::TensorOptions(at::kDouble))
        .mul_(2).sub_(1);
  }
  const auto found = file().find(parameter.name);
  if (found != file().end()) return as_stack(source_, parameter, found->second);
  std::vector<std::string> names;
  for (const auto& entry : file()) names.push_back(entry.first);
  throw ConfigError(source_, "no tensor `" + parameter.name + "`", "one for every trainable parameter",
                    nearest_name(parameter.name, names));
}

}  // namespace backobs
