// SPDX-License-Identifier: MIT
#include "campaign/config_problems.h"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

namespace backobs {
namespace {

constexpr std::size_t kWidth = 100;  ///< of a line that is shown; of a longer one the part around the column is

/// "\n  12 | lr: fast\n     |     ^". Tabs are kept in front of the caret, so that it stands where it should.
std::string excerpt(std::string line, std::size_t row, std::size_t column) {
  if (column > kWidth) {
    line.erase(0, column - kWidth / 2);
    column = kWidth / 2;
  }
  line.resize(std::min(line.size(), kWidth));
  const std::string number = std::to_string(row);
  std::string padding = line.substr(0, column - 1);
  padding.resize(column - 1, ' ');
  for (char& c : padding) c = c == '\t' ? '\t' : ' ';
  return "\n  " + number + " | " + line + "\n  " + std::string(number.size(), ' ') + " | " + padding + "^";
}

}  // namespace


ConfigErrors::ConfigErrors(std::vector<std::string> problems, const std::vector<std::string>& texts)
    : ConfigError("", problems.empty() ? "" : problems.front()), problems_(std::move(problems)) {
  for (const auto& line : texts) text_ += (text_.empty() ? "" : "\n") + line;
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
  if (lines_.empty()) return;
  std::vector<std::string> texts;
  for (const auto& line : lines_) texts.push_back(with_excerpt(line));
  throw ConfigErrors(lines_, texts);
}

void ConfigProblems::add_source(const std::string& name, const std::string& text) {
  std::istringstream stream(text);
  auto& lines = sources_[name];
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

std::string ConfigProblems::with_excerpt(const std::string& line) const {
  for (const auto& [name, lines] : sources_) {
    std::size_t row = 0, column = 0;
    if (line.compare(0, name.size() + 1, name + ":") != 0) continue;
    if (std::sscanf(line.c_str() + name.size(), ":%zu:%zu:", &row, &column) != 2) continue;
    if (row >= 1 && row <= lines.size() && column >= 1) return line + excerpt(lines[row - 1], row, column);
  }
  return line;
}

void ConfigProblems::add_line(const std::string& line) {
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(line);
}

}  // namespace backobs
