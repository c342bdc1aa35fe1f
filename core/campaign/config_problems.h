// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include <string>
#include <vector>

namespace backobs {

/// Everything that is wrong with an experiment file, thrown once. what() has one line per problem.
class BACKOBS_API ConfigErrors : public ConfigError {
 public:
  explicit ConfigErrors(std::vector<std::string> problems);
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

  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }
  /// Throws ConfigErrors unless empty.
  void throw_if_any() const;

 private:
  void add_line(const std::string& line);
  std::vector<std::string> lines_;
};

}  // namespace backobs
