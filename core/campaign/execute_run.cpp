// SPDX-License-Identifier: MIT
#include "campaign/execute_run.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/deepobs_json.h"
#include "campaign/recorder.h"
#include "campaign/run_folder.h"
#include "campaign/run_record.h"
#include "campaign/training.h"
#include "host/log.h"

#include <backobs/log.h>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <ctime>
#include <exception>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void warn_of_refusals(const Training& training) {
  for (const Refusal& refusal : training.refusals())
    log::warn(refusal.quantity + " of " + refusal.parameter + " is left out: " + refusal.reason);
}

/// Two runs of one campaign may share setting, seed and second; the second run takes a later name.
fs::path free_deepobs_file(const fs::path& root, const RunSettings& settings, const std::string& optimizer,
                           std::time_t start) {
  for (std::time_t time = start;; ++time) {
    const fs::path file = deepobs_path(settings, optimizer, time);
    if (!fs::exists(root / file)) return file;
  }
}

/// The files of one run while it lasts. What is not committed disappears with it.
class RunInProgress {
 public:
  RunInProgress(const std::string& campaign, const Run& run, const Registry& registry, const RunFolder& folder)
      : run_(run),
        registry_(registry),
        folder_(folder),
        record_(new_record(campaign, run, registry)),
        log_(folder.log()),
        started_(std::time(nullptr)),
        clock_(Clock::now()) {
    log::also_to(log_.part());
    record_["started"] = utc_text(started_);
  }

  std::string perform(TrainingObserver& progress) {
    Training training(run_.settings, registry_);
    const double set_up = seconds_since(clock_);
    warn_of_refusals(training);
    mark_normalisation(training);
    GrowingFile metrics(folder_.metrics());
    Recorder recorder(metrics, log_, training.has_accuracy(), run_.settings.loop.epochs, progress);
    const TrainingResult result = training.run(recorder);
    record_result(record_, result);
    record_["durations"] = {{"set_up_s", set_up}, {"training_s", seconds_since(clock_) - set_up}};
    finish(training.optimizer_name(), result.curves, metrics);
    return record_["state"];
  }

  void fail(const std::string& message) {
    if (log_.is_growing()) log_.append("failed: " + message + "\n");
    record_failure(record_, message, position().text());
    record_["outputs"] = {{"log", folder_.log().filename()}};
    if (log_.is_growing()) log_.commit();
    write_file(folder_.record(), record_.dump(2) + "\n");
  }

 private:
  /// Which network the quantities describe, where there are two.
  void mark_normalisation(const Training& training) {
    if (run_.settings.extensions.empty()) return;
    const bool evaluation = training.quantities_are_of_evaluation_mode();
    record_["normalisation_of_quantities"] = evaluation ? "evaluation" : "training";
    if (evaluation) log::info("quantities are of normalisation with running statistics, loss and gradient of training mode");
  }

  void finish(const std::string& optimizer, const Curves& curves, GrowingFile& metrics) {
    const fs::path deepobs = free_deepobs_file(folder_.deepobs(), run_.settings, optimizer, started_);
    record_["outputs"] = {{"metrics", folder_.metrics().filename()},
                          {"log", folder_.log().filename()},
                          {"deepobs", (fs::path("../../deepobs") / deepobs).string()}};
    make_folder((folder_.deepobs() / deepobs).parent_path());
    write_file(folder_.deepobs() / deepobs, deepobs_json(run_.settings, optimizer, curves));
    try {
      metrics.commit();
      log_.commit();
      write_file(folder_.record(), record_.dump(2) + "\n");
    } catch (...) {
      std::error_code ignored;
      fs::remove(folder_.deepobs() / deepobs, ignored);
      fs::remove(folder_.metrics(), ignored);
      throw;
    }
  }

  const Run& run_;
  const Registry& registry_;
  const RunFolder& folder_;
  nlohmann::ordered_json record_;
  GrowingFile log_;
  std::time_t started_;
  Clock::time_point clock_;
};

}  // namespace

std::string present_message() {
  try {
    throw;
  } catch (const Error& e) {
    return e.what();
  } catch (const c10::Error& e) {
    return e.what_without_backtrace();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of an unknown type";
  }
}

std::string execute_run(const std::string& campaign, const Run& run, const Registry& registry,
                        const fs::path& campaign_folder, TrainingObserver& progress) {
  at::set_num_threads(static_cast<int>(run.settings.threads));
  RunFolder folder(campaign_folder, run.id);
  folder.prepare();
  RunInProgress in_progress(campaign, run, registry, folder);
  try {
    return in_progress.perform(progress);
  } catch (const DataError&) {
    folder.discard();
    throw;
  } catch (const Error& e) {
    in_progress.fail(e.what());
    throw;
  } catch (...) {
    const std::string message = present_message(), at_work = position().text();
    in_progress.fail(message);
    if (position().kind[0]) throw PluginError(at_work, message);
    throw ComputeError(at_work, message);
  }
}

void record_death(const std::string& campaign, const Run& run, const Registry& registry,
                  const fs::path& campaign_folder, const std::string& message, const std::string& at_work) {
  RunFolder folder(campaign_folder, run.id);
  std::error_code ignored;
  fs::rename(folder.log().string() + ".part", folder.log(), ignored);
  folder.remove_parts();
  auto record = new_record(campaign, run, registry);
  record_failure(record, message, at_work);
  make_folder(folder.path());
  write_file(folder.record(), record.dump(2) + "\n");
}

}  // namespace backobs
