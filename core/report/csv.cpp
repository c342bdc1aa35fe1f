// SPDX-License-Identifier: MIT
#include "report/csv.h"

#include <backobs/error.h>

#include <set>

namespace backobs {
namespace {

std::set<std::string> setting_names(const std::vector<FinishedRun>& runs) {
  std::set<std::string> names;
  for (const FinishedRun& run : runs)
    for (const auto& [name, value] : flat_settings(run.record.at("settings"))) names.insert(name);
  return names;
}

/// ",v1,v2,...": the settings of one run, the same in each of its rows.
std::string settings_fields(const FinishedRun& run, const std::set<std::string>& names) {
  const auto settings = flat_settings(run.record.at("settings"));
  std::string text;
  for (const auto& name : names) {
    const auto found = settings.find(name);
    text += "," + (found == settings.end() ? "" : csv_field(found->second));
  }
  return text;
}

/// "campaign,run_id,problem,runner,seed,".
std::string run_fields(const FinishedRun& run) {
  const auto& settings = run.record.at("settings");
  std::string text = csv_field(run.record.at("campaign").get<std::string>()) + "," + csv_field(run.id) + ",";
  for (const char* name : {"problem", "runner"}) text += csv_field(settings.at(name).get<std::string>()) + ",";
  return text + settings.at("seed").dump() + ",";
}

/// All of a run's rows: they are written whole or not at all.
std::string rows_of(const FinishedRun& run, const std::string& tail, bool timing) {
  const std::string head = run_fields(run);
  std::string text;
  read_metrics(run, [&](const MetricRow& row) {
    text += head + std::to_string(row.step) + "," + std::to_string(row.epoch) + "," + row.split + "," +
            csv_field(row.metric) + "," + csv_field(row.parameter) + "," + row.value;
    if (timing) text += "," + row.wall_time;
    text += tail;
  });
  return text;
}

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void write_csv(std::ostream& stream, const std::vector<FinishedRun>& runs, bool timing, DamagedRuns& damaged) {
  const auto names = setting_names(runs);
  stream << "campaign,run_id,problem,runner,seed,step,epoch,split,metric,parameter,value" << (timing ? ",wall_time" : "");
  for (const auto& name : names) stream << "," << csv_field(name);
  stream << "\n";
  for (const FinishedRun& run : runs) try {
      stream << rows_of(run, settings_fields(run, names) + "\n", timing);
    } catch (const ComputeError& e) {
      damaged[run.id] = e.what();
    }
}

}  // namespace backobs
