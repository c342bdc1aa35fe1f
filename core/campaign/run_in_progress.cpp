// SPDX-License-Identifier: MIT
#include "campaign/run_in_progress.h"

#include "campaign/attribution.h"
#include "campaign/deepobs_file.h"
#include "campaign/deepobs_json.h"
#include "campaign/run_record.h"
#include "campaign/stop_request.h"
#include "campaign/training_state.h"
#include "data/pt_file.h"
#include "files/checksum.h"
#include "files/printable.h"
#include "host/log.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <algorithm>

namespace backobs {
namespace {

namespace fs = std::filesystem;
constexpr double kLargestShare = 1.0 / 20;  ///< of a run's time that may go into checkpoints

void put_facts(State& state, const std::string& prefix, const Facts& facts) {
  for (const auto& [name, value] : facts) state.put(prefix + "/" + name, value);
}

/// Whether a log that a checkpoint speaks of is still there, under either name.
bool has_bytes(const fs::path& file, int64_t size) {
  std::error_code error;
  const fs::path part = file.string() + ".part";
  const auto found = fs::file_size(fs::exists(part, error) ? part : file, error);
  return !error && static_cast<int64_t>(found) >= size;
}

void warn_of_refusals(const Training& training) {
  for (const Refusal& refusal : training.refusals())
    log::warn(refusal.quantity + " of " + refusal.parameter + " is left out: " + refusal.reason);
}

/// Which network the quantities describe, where there are two.
void mark_normalisation(nlohmann::ordered_json& record, const RunSettings& settings, const Training& training) {
  if (settings.extensions.empty()) return;
  const bool evaluation = training.quantities_are_of_evaluation_mode();
  record["normalisation_of_quantities"] = evaluation ? "evaluation" : "training";
  if (evaluation) log::info("quantities are of normalisation with running statistics, loss and gradient of training mode");
}

/// parameters.pt: names as in the network, without the prefixes of a checkpoint.
void write_parameters(const fs::path& file, const State& network) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const char* kind : {"parameter", "buffer"}) {
    const State part = part_of(network, kind);
    for (const auto& [name, value] : part.values()) tensors.emplace_back(name, part.tensor(name));
  }
  write_pt(file, tensors);
}

}  // namespace

RunInProgress::RunInProgress(const std::string& campaign, const Run& run, const Registry& registry,
                             const RunFolder& folder, const RunConditions& conditions)
    : run_(run),
      registry_(registry),
      folder_(folder),
      conditions_(conditions),
      machine_(machine_facts()),
      plugins_(plugin_facts(run.settings, registry)),
      checkpoints_(folder.path()),
      started_(std::time(nullptr)),
      clock_(Clock::now()),
      record_(new_record(campaign, run, registry)) {
  resumed_ = find_checkpoint();
  if (resumed_) {
    started_ = resumed_->integer("run/started");
    interruptions_ = resumed_->integer("run/interruptions") + 1;
    log_.emplace(folder_.log(), resumed_->integer("run/log_bytes"));
    std::error_code ignored;
    fs::remove(folder_.record(), ignored);  // of a failed attempt
  } else {
    folder_.prepare();
    log_.emplace(folder_.log());
  }
  log::also_to(log_->part());
  record_["started"] = utc_text(started_);
}

/// The newest checkpoint, unless what lies beside it does not fit.
std::optional<State> RunInProgress::find_checkpoint() {
  auto state = checkpoints_.newest(c10::Device(run_.settings.device));
  if (!state) return std::nullopt;
  if (const auto changed = difference(facts_of(*state, "plugin"), plugins_); !changed.empty()) {
    log::warn("plugins were rebuilt since the last checkpoint; the run starts anew");
    return std::nullopt;
  }
  const bool logs = has_bytes(folder_.log(), state->integer("run/log_bytes")) &&
                    has_bytes(folder_.metrics(), state->integer("run/metrics_bytes"));
  if (!logs) log::warn("logs are shorter than at the last checkpoint; the run starts anew");
  return logs ? std::move(state) : std::nullopt;
}

std::string RunInProgress::perform(TrainingObserver& progress) {
  if (resumed_ && !conditions_.allow_drift)
    if (const auto drift = difference(facts_of(*resumed_, "machine"), machine_); !drift.empty())
      throw ComputeError("the run's checkpoint", drift, "the same surroundings, or --allow-drift");
  Training training(run_.settings, registry_);
  const double set_up = std::chrono::duration<double>(Clock::now() - clock_).count();
  warn_of_refusals(training);
  mark_normalisation(record_, run_.settings, training);
  if (resumed_)
    metrics_.emplace(folder_.metrics(), resumed_->integer("run/metrics_bytes"));
  else
    metrics_.emplace(folder_.metrics());
  recorder_.emplace(*metrics_, *log_, folder_.tensors(), training.has_accuracy(), run_.settings.loop.epochs, progress);
  if (resumed_) {
    training.resume(*resumed_);
    recorder_->load(*resumed_, training.steps_done());
  }
  resumed_.reset();
  plan_checkpoint(0);
  const TrainingResult result = training.run(*recorder_, *this);
  record_durations(record_, result, set_up, recorder_->seconds());
  return finish(training, result);
}

std::string RunInProgress::finish(const Training& training, const TrainingResult& result) {
  if (result.interrupted) {
    metrics_->leave();
    log_->leave();
    return "interrupted";
  }
  record_result(record_, result);
  write_parameters(folder_.parameters(), training.network_state());
  record_["metrics_bytes"] = metrics_->sync();
  record_["metrics_sha256"] = stored_checksum(metrics_->part(), Digest::sha256);
  log_->sync();
  // After what takes room: DeepOBS reads every file of its tree as a finished run.
  const std::string optimizer = training.optimizer_name();
  const fs::path deepobs = write_deepobs_file(folder_.path(), folder_.deepobs(), run_.settings, optimizer, started_,
                                              deepobs_json(run_.settings, optimizer, result.curves));
  record_["interruptions"] = interruptions_;
  record_["machine"] = machine_;
  record_["plugin_digests"] = plugins_;
  record_["outputs"] = {{"metrics", folder_.metrics().filename()},
                        {"log", folder_.log().filename()},
                        {"parameters", folder_.parameters().filename()},
                        {"deepobs", (fs::path("../../deepobs") / deepobs).string()}};
  metrics_->commit();
  log_->commit();
  write_record(folder_.record(), record_);
  Checkpoints::remove(folder_.path());
  return record_["state"];
}

void RunInProgress::fail(const std::string& message, const std::string& at_work) {
  if (metrics_) metrics_->leave();
  record_failure(record_, message, at_work);
  record_["outputs"] = {{"log", folder_.log().filename()}};
  if (log_->is_growing()) {
    log_->append("failed: " + printable(message) + "\n");
    log_->commit();
  }
  if (Checkpoints::files(folder_.path()).empty()) folder_.remove_attempt();
  write_record(folder_.record(), record_);
}

void RunInProgress::abandon() {
  if (Checkpoints::files(folder_.path()).empty()) return folder_.discard();
  if (metrics_) metrics_->leave();
  log_->leave();
}

void RunInProgress::take(State state) {
  const auto begin = Clock::now();
  state.put("run/started", static_cast<int64_t>(started_));
  state.put("run/interruptions", interruptions_);
  state.put("run/log_bytes", log_->sync());
  state.put("run/metrics_bytes", metrics_->sync());
  put_facts(state, "machine", machine_);
  put_facts(state, "plugin", plugins_);
  recorder_->save(state);
  checkpoints_.write(state);
  plan_checkpoint(std::chrono::duration<double>(Clock::now() - begin).count());
}

/// The next one, after one that took so many seconds.
void RunInProgress::plan_checkpoint(double seconds) {
  const double pause = std::max(conditions_.checkpoint_every_s, seconds / kLargestShare);
  next_checkpoint_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(pause));
}

bool RunInProgress::stop() {
  ++position().beats;
  return stop_requests() > 0;
}

}  // namespace backobs
