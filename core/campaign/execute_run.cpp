// SPDX-License-Identifier: MIT
#include "campaign/execute_run.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/run_in_progress.h"
#include "campaign/run_record.h"
#include "campaign/safe_file.h"
#include "host/threads.h"

#include <c10/util/Exception.h>

#include <exception>

namespace backobs {

namespace fs = std::filesystem;

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
                        const fs::path& campaign_folder, const RunConditions& conditions, TrainingObserver& progress) {
  use_threads(run.settings.threads);
  const RunFolder folder(campaign_folder, run.id);
  make_folder(folder.path());
  RunInProgress in_progress(campaign, run, registry, folder, conditions);
  try {
    return in_progress.perform(progress);
  } catch (const DataError&) {
    in_progress.abandon();
    throw;
  } catch (const Error& e) {
    in_progress.fail(e.what(), position().text());
    throw;
  } catch (...) {
    const std::string message = present_message(), at_work = position().text();
    in_progress.fail(message, at_work);
    if (position().kind[0]) throw PluginError(at_work, message);
    throw ComputeError(at_work, message);
  }
}

void record_death(const std::string& campaign, const Run& run, const Registry& registry,
                  const fs::path& campaign_folder, const std::string& message, const std::string& at_work) {
  const RunFolder folder(campaign_folder, run.id);
  make_folder(folder.path());
  std::error_code ignored;
  fs::rename(folder.log().string() + ".part", folder.log(), ignored);
  if (Checkpoints::files(folder.path()).empty()) folder.remove_attempt();
  auto record = new_record(campaign, run, registry);
  record_failure(record, message, at_work);
  write_record(folder.record(), record);
}

}  // namespace backobs
