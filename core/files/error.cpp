// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include <algorithm>
#include <utility>

namespace backobs {
namespace {

std::string sentence(const std::string& where, const std::string& found, const std::string& wanted,
                     const std::string& nearest) {
  std::string text = where.empty() ? "" : where + ": ";
  text += wanted.empty() ? found : "found " + found + ", wanted " + wanted;
  if (!nearest.empty()) text += "; did you mean `" + nearest + "`?";
  for (auto at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) text.replace(at, 1, "\\x00");  // what() ends there
  return text;
}

/// Edit distance with swaps of neighbours, by rows: two[j], one[j] and row[j] belong to the last three letters of `a`.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> two, one(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    two = std::exchange(one, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = one[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({one[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], two[j - 2] + 1);
    }
  }
  return row[b.size()];
}

/// Names that differ in their case alone are the same slip.
std::string lower_case(std::string text) {
  for (char& letter : text)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return text;
}

}  // namespace

Error::Error(ExitCode code, std::string where, std::string found, std::string wanted, std::string nearest)
    : std::runtime_error(sentence(where, found, wanted, nearest)),
      code_(code),
      where_(std::move(where)),
      found_(std::move(found)),
      wanted_(std::move(wanted)),
      nearest_(std::move(nearest)) {}
Error::~Error() = default;

UsageError::UsageError(std::string where, std::string found, std::string wanted, std::string nearest)
    : Error(ExitCode::usage, std::move(where), std::move(found), std::move(wanted), std::move(nearest)) {}
ConfigError::ConfigError(std::string where, std::string found, std::string wanted, std::string nearest)
    : Error(ExitCode::invalid_config, std::move(where), std::move(found), std::move(wanted), std::move(nearest)) {}
PluginError::PluginError(std::string where, std::string found, std::string wanted, std::string nearest)
    : Error(ExitCode::plugin_problem, std::move(where), std::move(found), std::move(wanted), std::move(nearest)) {}
DataError::DataError(std::string where, std::string found, std::string wanted, std::string nearest)
    : Error(ExitCode::data_missing, std::move(where), std::move(found), std::move(wanted), std::move(nearest)) {}
ComputeError::ComputeError(std::string where, std::string found, std::string wanted, std::string nearest)
    : Error(ExitCode::some_runs_failed, std::move(where), std::move(found), std::move(wanted), std::move(nearest)) {}

std::string nearest_name(const std::string& word, const std::vector<std::string>& known) {
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  const std::string meant = lower_case(word);
  std::size_t best = limit + 1;
  std::string nearest;
  for (const std::string& name : known) {
    const std::size_t away = distance(meant, lower_case(name));
    if (away < best) {
      best = away;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace backobs
