// SPDX-License-Identifier: MIT
#include "testing/one_pass.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <utility>

namespace backobs::testing {
namespace {

PassSettings settings_of(const ExtensionCase& tested, const Tiling& tiling) {
  PassSettings settings;
  settings.l2_reg = tested.l2_reg;
  settings.is_regularised = [](const std::string&) { return true; };
  settings.tiling = tiling;
  return settings;
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

struct ValueText {
  std::string operator()(const at::Tensor& tensor) const { return "a tensor " + shape_text(tensor); }
  std::string operator()(const std::string& text) const { return "`" + text + "`"; }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return number_text(number); }
};

bool equal(const State::Value& a, const State::Value& b) {
  if (a.index() != b.index()) return false;
  const auto* tensor = std::get_if<at::Tensor>(&a);
  if (!tensor) return std::visit([&](const auto& value) {
      using T = std::decay_t<decltype(value)>;
      if constexpr (std::is_same_v<T, at::Tensor>)
        return false;
      else
        return value == std::get<T>(b);
    }, a);
  const auto& other = std::get<at::Tensor>(b);
  return tensor->defined() == other.defined() && (!tensor->defined() || tensor->equal(other));
}

}  // namespace

CasePass::CasePass(const ExtensionCase& tested, std::vector<ExtensionInstance> extensions, uint64_t seed, const Tiling& tiling)
    : case_(tested),
      extensions_(std::move(extensions)),
      seed_(seed),
      pass_(tested.network, tested.loss, settings_of(tested, tiling)) {
  for (const auto& instance : extensions_) instance.extension->prepare({"test", pass_.parameters()});
}

PassValues CasePass::run(int64_t step) {
  PassValues values;
  for (const auto& refusal : pass_.refusals(extensions_, case_.batch.size)) values.refused[refusal.parameter] = refusal.reason;
  const PassInfo info{case_.batch.size, 0, step, Random(seed_).at(0, step)};
  const auto outcome = pass_.run(case_.batch, info, true, extensions_, [&](auto& quantity, auto& parameter, ResultValue value) {
    TensorList copies;  // what is put may share memory with what the extension goes on with
    for (const auto& tensor : value.tensors) {
      if (!tensor.defined()) throw Broken("an undefined tensor for `" + parameter + "`", "a value");
      copies.push_back(tensor.detach().clone());
    }
    if (!values.results.emplace(quantity + "/" + parameter, copies).second)
      throw Broken("two results `" + quantity + "` for `" + parameter + "`", "one");
  });
  values.walk["loss"] = {at::scalar_tensor(outcome.evaluation.loss, at::kDouble)};
  for (const auto& parameter : case_.network.parameters())
    if (parameter.trainable()) values.walk["grad/" + parameter.name] = {parameter.value.grad().clone()};
  return values;
}

std::map<std::string, TensorList> CasePass::entries() {
  std::map<std::string, TensorList> found;
  const PassInfo info{case_.batch.size, 0, 0, Random(seed_).at(0, 0)};
  pass_.run(case_.batch, info, true, extensions_, [&](auto& quantity, auto& parameter, ResultValue value) {
    for (std::size_t i = 0; i < value.tensors.size(); ++i)
      found[quantity + "/" + parameter + "/" + std::to_string(i)].push_back(value.tensors[i].detach().flatten().clone());
  });
  for (auto& [key, parts] : found) parts = {std::get<0>(at::cat(parts).sort())};
  return found;
}

std::string shape_text(const Tensor& tensor) {
  std::string text = "[";
  for (const auto size : tensor.sizes()) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

void require_finite(const Tensor& tensor, const std::string& what) {
  if (tensor.numel() && !tensor.isfinite().all().item<bool>()) throw Broken(what + " with entries that are not finite", "numbers");
}

void require_near(const Tensor& found, const Tensor& wanted, double relative, const std::string& what) {
  if (found.sizes() != wanted.sizes()) throw Broken(what + " of shape " + shape_text(found), shape_text(wanted));
  if (wanted.numel() == 0 || found.equal(wanted)) return;
  const auto a = found.to(at::kDouble).flatten(), b = wanted.to(at::kDouble).flatten();
  const auto difference = (a - b).abs();
  const double limit = relative * b.abs().max().item<double>() + (relative > 0 ? 1e-13 : 0);
  if (difference.le(limit).all().item<bool>()) return;
  const auto worst = difference.argmax().item<int64_t>();
  throw Broken(what + " with entry " + std::to_string(worst) + " = " + number_text(a[worst].item<double>()),
               number_text(b[worst].item<double>()) + (relative > 0 ? "" : ", equal in every bit"));
}

void require_equal(const std::map<std::string, TensorList>& found, const std::map<std::string, TensorList>& wanted,
                   double relative) {
  for (const auto& [key, values] : wanted) {
    const auto place = found.find(key);
    if (place == found.end()) throw Broken("no result " + key, "one");
    if (place->second.size() != values.size())
      throw Broken(std::to_string(place->second.size()) + " tensors in " + key, std::to_string(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) require_near(place->second[i], values[i], relative, key);
  }
  for (const auto& [key, values] : found)
    if (!wanted.count(key)) throw Broken("a result " + key, "none of that name");
}

void require_equal(const State& found, const State& wanted) {
  for (const auto& [name, value] : wanted.values()) {
    const auto place = found.values().find(name);
    if (place == found.values().end()) throw Broken("no saved value `" + name + "`", "one");
    if (!equal(place->second, value))
      throw Broken("saved value `" + name + "` = " + std::visit(ValueText(), place->second), std::visit(ValueText(), value));
  }
  if (found.values().size() != wanted.values().size())
    throw Broken(std::to_string(found.values().size()) + " saved values", std::to_string(wanted.values().size()));
}

}  // namespace backobs::testing
