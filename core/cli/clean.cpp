// SPDX-License-Identifier: MIT
#include "campaign/checkpoints.h"
#include "campaign/run_lock.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "report/finished_runs.h"

#include <cstdio>

namespace backobs {
namespace {

namespace fs = std::filesystem;

struct CleanOptions {
  fs::path folder;
  bool json = false;
};

/// What a process left that was killed between the end of its run and its own.
std::vector<fs::path> leftovers(const fs::path& run_folder) {
  std::vector<fs::path> files = Checkpoints::files(run_folder);
  for (const auto& entry : fs::directory_iterator(run_folder))
    if (entry.path().extension() == ".part" || entry.path().filename() == "lock") files.push_back(entry.path());
  return files;
}

ExitCode clean(const CleanOptions& options) {
  uintmax_t bytes = 0;
  int64_t files = 0;
  DamagedRuns damaged;  // their leftovers may be all there is of them
  for (const FinishedRun& run : finished_runs(options.folder, damaged)) {
    if (RunLock::is_held(run.folder)) continue;
    for (const auto& file : leftovers(run.folder)) {
      bytes += fs::file_size(file);
      files += fs::remove(file);
    }
  }
  if (options.json)
    print(nlohmann::ordered_json{{"files", files}, {"bytes", bytes}});
  else
    std::printf("%lld files, %.1f MiB removed\n", static_cast<long long>(files), static_cast<double>(bytes) / (1 << 20));
  return ExitCode::done;
}

}  // namespace

void add_clean(CLI::App& app, Context& context) {
  auto options = std::make_shared<CleanOptions>();
  CLI::App& verb = add_verb(app, context, "clean", "Removes checkpoints and other leftovers of finished runs.",
                            [options] { return clean(*options); }, {});
  verb.add_option("folder", options->folder, "the campaign's folder")->required()->type_name("DIR");
  verb.add_flag("--json", options->json, "how much, as JSON");
}

}  // namespace backobs
