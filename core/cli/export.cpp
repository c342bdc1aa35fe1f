// SPDX-License-Identifier: MIT
#include "campaign/safe_file.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/publish.h"
#include "report/csv.h"
#include "report/tensorboard.h"

#include <backobs/log.h>

#include <fstream>
#include <iostream>

namespace backobs {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  fs::path folder, to;
  std::string format;
  bool no_timing = false;
};

void export_csv(const ExportOptions& options, const std::vector<FinishedRun>& runs, DamagedRuns& damaged) {
  if (options.to.empty()) {
    write_csv(std::cout, runs, !options.no_timing, damaged);
    std::cout.flush();
    if (!std::cout) throw Error(ExitCode::some_runs_failed, "stdout", "output that cannot be written");
    return;
  }
  const fs::path target = target_of(options.to), part = target.string() + ".part";
  std::ofstream stream(part);
  write_csv(stream, runs, !options.no_timing, damaged);
  stream.close();
  std::error_code ignored;
  if (!stream) {
    fs::remove(part, ignored);
    throw ComputeError(options.to.string(), "a file that cannot be written");
  }
  publish(part, target);
}

/// The files of these runs in DeepOBS's tree, which leaves out what belongs to runs of other plans.
void export_deepobs(const ExportOptions& options, const std::vector<FinishedRun>& runs, DamagedRuns& damaged) {
  for (const FinishedRun& run : runs) try {
      const fs::path file = (run.folder / run.record.at("outputs").at("deepobs").get<std::string>()).lexically_normal();
      const fs::path target = options.to / fs::relative(file, options.folder / "deepobs");
      make_folder(target.parent_path());
      fs::copy_file(file, target, fs::copy_options::overwrite_existing);
    } catch (const nlohmann::json::exception&) {
      damaged[run.id] = "run.json is damaged";
    } catch (const fs::filesystem_error& e) {
      if (!fs::exists(e.path1())) damaged[run.id] = "no " + e.path1().string();
      else throw ComputeError(e.path2().string(), "cannot be written: " + e.code().message());
    }
}

/// One event file per run, in a folder of its own. What is damaged is told apart from what cannot be written.
void export_tensorboard(const ExportOptions& options, const std::vector<FinishedRun>& runs, DamagedRuns& damaged) {
  for (const FinishedRun& run : runs) {
    std::string events;
    try {
      events = tensorboard_events(run);
    } catch (const ComputeError& e) {
      damaged[run.id] = e.what();
      continue;
    }
    const fs::path target = options.to / tensorboard_file(run);
    make_folder(target.parent_path());
    write_file(target, events);
  }
}

struct Format {
  std::string name;
  void (*write)(const ExportOptions&, const std::vector<FinishedRun>&, DamagedRuns&);
  bool is_folder;
};
const std::vector<Format> kFormats = {
    {"csv", export_csv, false}, {"deepobs", export_deepobs, true}, {"tensorboard", export_tensorboard, true}};

const Format& format_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Format& format : kFormats) {
    if (format.name == name) return format;
    names.push_back(format.name);
  }
  throw UsageError("--format", "`" + name + "`", "one of: " + comma_list(names), nearest_name(name, names));
}

ExitCode export_campaign(const ExportOptions& options) {
  const Format& format = format_named(options.format);
  if (options.no_timing && format.name != "csv") throw UsageError("--no-timing", "--format " + format.name, "csv");
  if (format.is_folder && options.to.empty())
    throw UsageError("backobs export", "--format " + format.name + " without --to", "--to DIR");
  DamagedRuns damaged;
  const auto runs = finished_runs(options.folder, damaged);
  if (runs.empty() && damaged.empty()) log::warn(options.folder.string() + ": no run is done yet");
  format.write(options, runs, damaged);
  warn_of(damaged);
  tell_of_earlier_plans(options.folder);
  return ExitCode::done;
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& verb = add_verb(app, context, "export", "Writes the results of a campaign's finished runs for other programs.",
                            [options] { return export_campaign(*options); }, {});
  verb.add_option("folder", options->folder, "the campaign's folder")->required()->type_name("DIR");
  verb.add_option("--format", options->format, "csv: one long table; deepobs: the tree that DeepOBS reads; tensorboard: event files")
      ->required()
      ->type_name("csv|deepobs|tensorboard");
  verb.add_option("--to", options->to, "file (csv; default: stdout) or folder (the others)")->type_name("PATH");
  verb.add_flag("--no-timing", options->no_timing, "leave out wall_time, the one column that differs between repetitions");
}

}  // namespace backobs
