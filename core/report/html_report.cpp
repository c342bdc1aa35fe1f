// SPDX-License-Identifier: MIT
#include "report/html_report.h"

#include "report/assets.h"
#include "report/baselines.h"
#include "report/report_data.h"

#include <map>
#include <set>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;

/// Replaces each {{name}} of `page`; what is put in is not looked at again.
std::string filled(const std::string& page, const std::map<std::string, std::string>& parts) {
  std::string text;
  std::size_t at = 0;
  for (std::size_t open; (open = page.find("{{", at)) != std::string::npos;) {
    const std::size_t close = page.find("}}", open);
    text += page.substr(at, open - at) + parts.at(page.substr(open + 2, close - open - 2));
    at = close + 2;
  }
  return text + page.substr(at);
}

/// JSON that cannot end the script element it stands in.
std::string inside_script(const Json& json) {
  std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace), safe;
  for (const char c : text) safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return safe;
}

std::set<std::string> problems_of(const Json& runs) {
  std::set<std::string> names;
  for (const Json& run : runs) names.insert(run["problem"].get<std::string>());
  return names;
}

std::string summary(const Json& runs) {
  std::map<std::string, int64_t> states;
  for (const Json& run : runs) ++states[run["state"].get<std::string>()];
  std::string text = std::to_string(runs.size()) + " runs";
  const char* separator = ": ";
  for (const auto& [state, count] : states) {
    text += separator + std::to_string(count) + " " + state;
    separator = ", ";
  }
  return text;
}

std::string environment_rows(const Json& environment) {
  std::string rows;
  for (const auto& [name, values] : environment.items()) {
    std::string all;
    for (const Json& value : values) all += (all.empty() ? "" : "; ") + (value.is_string() ? value.get<std::string>() : value.dump());
    rows += "<tr><th scope=\"row\">" + html_text(name) + "</th><td>" + html_text(all) + "</td></tr>\n";
  }
  return rows;
}

/// As a shell takes it.
std::string command_of(const std::vector<std::string>& arguments) {
  std::string text = "backobs run campaign.yaml";
  for (const auto& one : arguments) {
    const bool plain = one.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+%") == std::string::npos;
    std::string quoted = "'";
    for (const char c : one) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += " " + (plain && !one.empty() ? one : quoted + "'");
  }
  return text;
}

}  // namespace

std::string html_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      default: safe += c;
    }
  }
  return safe;
}

std::string html_report(const CampaignFolder& folder, const ReportChoices& choices) {
  const ReportData data = report_data(folder, choices);
  warn_of(data.damaged);
  const std::string left_out =
      data.left_out ? std::to_string(data.left_out) + " series are left out, to keep the page small." : "";
  return filled(kReportPage, {{"campaign", html_text(folder.campaign())},
                              {"summary", html_text(summary(data.runs))},
                              {"left_out", left_out},
                              {"command", html_text(command_of(folder.arguments()))},
                              {"environment", environment_rows(data.environment)},
                              {"yaml", html_text(data.yaml)},
                              {"style", kReportStyle},
                              {"script", kReportScript},
                              {"data", inside_script({{"runs", data.runs},
                                                      {"settings", ranking_json(data.settings)},
                                                      {"best_by", rank_names()[static_cast<std::size_t>(choices.best_by)]},
                                                      {"step_costs", step_costs_json(data.step_costs)},
                                                      {"baselines", published_baselines(problems_of(data.runs))}})}});
}

}  // namespace backobs
