// SPDX-License-Identifier: MIT
#include "campaign/recorder.h"

#include "campaign/deepobs_json.h"
#include "files/number_format.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>
#include <utility>

namespace backobs {

Recorder::Recorder(GrowingFile& metrics, GrowingFile& log, std::filesystem::path tensors, bool has_accuracy,
                   int64_t epochs, TrainingObserver& also)
    : metrics_(metrics),
      log_(log),
      tensors_(std::move(tensors)),
      has_accuracy_(has_accuracy),
      epochs_(epochs),
      also_(also),
      start_(std::chrono::steady_clock::now()) {}

void Recorder::save(State& state) const {
  std::string shown;
  for (const auto& what : shown_) shown += what + "\n";
  state.put("recorder/seconds", seconds());
  state.put("recorder/shown", shown);
}

void Recorder::load(const State& state, int64_t steps_done) {
  tensors_.drop_from(steps_done);
  seconds_before_ = state.real("recorder/seconds");
  std::istringstream shown(state.text("recorder/shown"));
  for (std::string what; std::getline(shown, what);) shown_.insert(what);
}

double Recorder::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Recorder::evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t global) {
  evaluation_rows(evaluation.train, "train_eval", epoch, global);
  evaluation_rows(evaluation.valid, "valid", epoch, global);
  evaluation_rows(evaluation.test, "test", epoch, global);
  log_.append(evaluation_text(evaluation, epoch, epochs_));
  metrics_.flush();
  log_.flush();
  also_.evaluated(evaluation, epoch, global);
}

void Recorder::rate_set(double rate) {
  log_.append(rate_text(rate));
  log_.flush();
}

void Recorder::step_done(const StepPosition& place, double loss, bool logged) {
  if (logged) row(place.global, place.epoch, "train", "loss", "", loss);
  tensors_.write(place);
  also_.step_done(place, loss, logged);
}

void Recorder::recorded(const StepPosition& place, const std::string& quantity, const std::string& reduction,
                        const std::string& parameter, double value) {
  row(place.global, place.epoch, "train", quantity + "." + reduction, parameter, value);
}

void Recorder::budget_used(const StepPosition& place, const std::string& extension, double share) {
  row(place.global, place.epoch, "train", extension + ".overhead", "", share);
}

void Recorder::saved(const StepPosition&, const std::string& extension, const std::string& quantity,
                     const std::string& parameter, const TensorList& values) {
  tensors_.keep(extension, quantity, parameter, values);
}

/// Shapes do not change from step to step: once is enough for a log.
void Recorder::shown(const StepPosition&, const std::string& quantity, const std::string& parameter,
                     const TensorList& values) {
  const std::string what = quantity + (parameter.empty() ? "" : " of " + parameter);
  if (shown_.insert(what).second) log_.append(what + ": " + shapes_text(values) + "\n");
}

void Recorder::evaluation_rows(const Evaluation& evaluation, const char* split, int64_t epoch, int64_t global) {
  row(global, epoch, split, "loss", "", evaluation.loss);
  if (has_accuracy_) row(global, epoch, split, "accuracy", "", evaluation.accuracy);
}

void Recorder::row(int64_t step, int64_t epoch, const char* split, const std::string& metric,
                   const std::string& parameter, double value) {
  line_ = "{\"step\":" + std::to_string(step) + ",\"epoch\":" + std::to_string(epoch) + ",\"split\":\"" + split +
          "\",\"metric\":\"";
  line_ += metric;
  line_ += "\",\"parameter\":" + nlohmann::json(parameter).dump() + ",\"value\":";
  line_ += std::isfinite(value) ? shortest_real(value) : "null,\"text\":\"" + python_real(value) + "\"";
  line_ += ",\"wall_time\":" + shortest_real(std::round(seconds() * 1e6) / 1e6) + "}\n";
  metrics_.append(line_);
}

std::string shapes_text(const TensorList& values) {
  std::string text;
  for (const Tensor& value : values) {
    text += text.empty() ? "[" : " [";
    for (int64_t i = 0; i < value.dim(); ++i) text += (i ? ", " : "") + std::to_string(value.size(i));
    text += "]";
  }
  return text;
}

}  // namespace backobs
