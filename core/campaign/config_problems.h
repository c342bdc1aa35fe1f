// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include <map>
#include <string>
#include <vector>

namespace backobs {

/// Everything that is wrong with an experiment file, thrown once. what() has one line per problem, and
/// below it the line of the file with a caret.
class BACKOBS_API ConfigErrors : public ConfigError {
 public:
  /// `texts` is what a user sees of each problem.
  ConfigErrors(std::vector<std::string> problems, const std::vector<std::string>& texts);
  ~ConfigErrors() override;

  const char* what() const noexcept override { return text_.c_str(); }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
  std::string text_;
};

/// Collects problems in the order they are found, each once, so that a user corrects them in one go.
class BACKOBS_API ConfigProblems {
 public:
  void add(const std::string& where, const std::string& found, const std::string& wanted = "",
           const std::string& nearest = "");
  void add(const Error& error) { add_line(error.what()); }
  /// Lines as Schema::check collects them.
  void add(const std::vector<std::string>& lines);

  /// The text that positions "name:line:column" are about.
  void add_source(const std::string& name, const std::string& text);

  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }
  /// Throws ConfigErrors unless empty.
  void throw_if_any() const;

 private:
  void add_line(const std::string& line);
  std::string with_excerpt(const std::string& line) const;

  std::vector<std::string> lines_;
  std::map<std::string, std::vector<std::string>> sources_;  ///< lines by name
};

}  // namespace backobs
