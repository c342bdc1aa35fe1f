// SPDX-License-Identifier: MIT
#include "campaign/training_step.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/histogram.h"

#include <algorithm>
#include <utility>

namespace backobs {
namespace {

constexpr const char* kGradient = "grad_eval";

/// "variance" itself, or one of its values of the whole pass, "variance.total": names hold letters, digits and '_'.
bool belongs_to(const std::string& quantity, const std::string& extension) {
  if (quantity.compare(0, extension.size(), extension) != 0) return false;
  return quantity.size() == extension.size() || quantity[extension.size()] == '/' || quantity[extension.size()] == '.';
}

}  // namespace

TrainingObserver::~TrainingObserver() = default;

bool Watched::joins_blocks() const {
  return !record.empty() && !histogram && !save_tensors &&
         std::all_of(record.begin(), record.end(), [](const auto& entry) { return joined_by(entry.first) != nullptr; });
}

HeldStep::HeldStep(Pass& pass, Random experiment, std::vector<Watched> watched, std::vector<ExtensionInstance> wanted,
                   TrainingObserver& observer)
    : pass_(pass),
      experiment_(experiment),
      watched_(std::move(watched)),
      wanted_(std::move(wanted)),
      observer_(observer),
      sink_([this](const std::string& quantity, const std::string& parameter, TensorList values) {
        take(quantity, parameter, std::move(values));
      }) {}

void HeldStep::hold(Batch batch, const StepPosition& place, const std::string& chosen) {
  batch_ = std::move(batch);
  position_ = place;
  chosen_ = chosen;
  watching_ = true;
  results_.clear();
  position().epoch = place.epoch;
  position().step = place.global;
}

bool HeldStep::is_due(const Watched& watched) const {
  return watched.budget > 0 ? watched.instance.name == chosen_ : position_.global % watched.every == 0;
}

double HeldStep::evaluate() {
  const AtWork mark("", "", "evaluate");
  ForwardContext context;
  context.training = true;
  context.random = random();
  return pass_.evaluate(batch_, context).loss;
}

double HeldStep::evaluate_with_gradient() {
  const AtWork mark("", "", "pass");
  due_ = wanted_;
  watched_now_.clear();
  if (watching_)
    for (const Watched& watched : watched_)
      if (is_due(watched)) watched_now_.push_back(&watched);
  for (const Watched* watched : watched_now_) due_.push_back(watched->instance);
  watching_ = false;
  results_.clear();
  parts_.clear();
  const PassInfo info{batch_.size, position_.epoch, position_.global, random()};
  const double loss = pass_.run(batch_, info, true, due_, sink_).evaluation.loss;
  record_blocks();
  return loss;
}

const std::vector<Tensor>& HeldStep::result(const std::string& quantity, const std::string& parameter) const {
  const auto found = results_.find({quantity, parameter});
  if (found != results_.end()) return found->second;
  throw PluginError("Step::result", "`" + quantity + "` of `" + parameter + "`",
                    "what Runner::wants names, after evaluate_with_gradient, of a trainable parameter that has it");
}

/// The wanted have a '/' in front of their name, which no name of a user's extension has.
void HeldStep::take(const std::string& quantity, const std::string& parameter, TensorList values) {
  if (quantity.front() == '/') {
    results_[{quantity.substr(1), parameter}] = std::move(values);
    return;
  }
  if (quantity == kGradient) return take_gradient(parameter, values);
  for (const Watched& watched : watched_) {
    if (!belongs_to(quantity, watched.instance.name)) continue;
    if (watched.instance.blocks != Blocks::none && !parameter.empty()) {
      for (std::size_t i = 0; i < values.size(); ++i)
        take_block(watched, quantity, values.size() == 1 ? parameter : parameter + "/" + std::to_string(i), values[i]);
      continue;
    }
    const bool recorded = watched.histogram || !watched.record.empty();
    if (!recorded) observer_.shown(position_, quantity, parameter, values);
    for (const auto& [name, reduce] : watched.record) record(quantity, parameter, values, name, reduce);
    if (watched.histogram) record_histogram(quantity, parameter, values);
    if (watched.save_tensors) observer_.saved(position_, watched.instance.name, quantity, parameter, values);
  }
}

void HeldStep::take_block(const Watched& watched, const std::string& quantity, const std::string& parameter,
                          const Tensor& value) {
  const double entries = static_cast<double>(value.numel());
  for (const auto& [name, reduce] : watched.record) {
    const auto [place, first] = parts_.try_emplace({quantity, parameter, name}, Part{reduce(value), entries});
    if (first) continue;
    auto& part = place->second;
    part = {joined_by(name)(part.value, part.entries, reduce(value), entries), part.entries + entries};
  }
}

/// After the pass, when every block has come.
void HeldStep::record_blocks() {
  for (const auto& [key, part] : parts_) {
    const auto& [quantity, parameter, name] = key;
    observer_.recorded(position_, quantity, name, parameter, part.value);
  }
  parts_.clear();
}

/// The gradient of the network that the quantities are of, where that is another one than is trained: kept as they are.
void HeldStep::take_gradient(const std::string& parameter, const TensorList& values) {
  std::map<std::string, Reduction> reductions;
  bool histogram = false, save = false;
  for (const Watched* watched : watched_now_) {
    reductions.insert(watched->record.begin(), watched->record.end());
    histogram = histogram || watched->histogram;
    save = save || watched->save_tensors;
  }
  reductions.erase("trace");  // of squares only, which gradients are not
  for (const auto& [name, reduce] : reductions) record(kGradient, parameter, values, name, reduce);
  if (histogram) record_histogram(kGradient, parameter, values);
  if (save) observer_.saved(position_, kGradient, kGradient, parameter, values);
}

void HeldStep::record(const std::string& quantity, const std::string& parameter, const TensorList& values,
                      const std::string& name, Reduction reduce) {
  if (values.size() == 1) return observer_.recorded(position_, quantity, name, parameter, reduce(values.front()));
  for (std::size_t i = 0; i < values.size(); ++i)
    observer_.recorded(position_, quantity, name, parameter + "/" + std::to_string(i), reduce(values[i]));
}

void HeldStep::record_histogram(const std::string& quantity, const std::string& parameter, const TensorList& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = values.size() == 1 ? parameter : parameter + "/" + std::to_string(i);
    for (const auto& [bin, count] : decade_histogram(values[i]))
      observer_.recorded(position_, quantity, "histogram[" + bin + "]", name, static_cast<double>(count));
  }
}

}  // namespace backobs
