// SPDX-License-Identifier: MIT
#include "campaign/config_problems.h"

#include <algorithm>
#include <utility>

namespace backobs {

ConfigErrors::ConfigErrors(std::vector<std::string> problems)
    : ConfigError("", problems.empty() ? "" : problems.front()), problems_(std::move(problems)) {
  for (const auto& line : problems_) text_ += (text_.empty() ? "" : "\n") + line;
}
ConfigErrors::~ConfigErrors() = default;

void ConfigProblems::add(const std::string& where, const std::string& found, const std::string& wanted,
                         const std::string& nearest) {
  add_line(ConfigError(where, found, wanted, nearest).what());
}

void ConfigProblems::add(const std::vector<std::string>& lines) {
  for (const auto& line : lines) add_line(line);
}

void ConfigProblems::throw_if_any() const {
  if (!lines_.empty()) throw ConfigErrors(lines_);
}

void ConfigProblems::add_line(const std::string& line) {
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(line);
}

}  // namespace backobs
