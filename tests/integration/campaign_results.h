// SPDX-License-Identifier: MIT
#pragma once

#include "integration/program.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>

namespace backobs::testing {

/// Every result of a campaign, by file, without what tells time.
inline std::map<std::string, std::string> results(const std::filesystem::path& campaign) {
  namespace fs = std::filesystem;
  static const std::regex wall_time(",\"wall_time\":[^}]*\\}"), stamp("__[0-9-]{19}\\.json");
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(campaign)) {
    const fs::path relative = fs::relative(entry.path(), campaign);
    const std::string name = relative.filename();
    if (name == "metrics.ndjson")
      all[relative] = std::regex_replace(text_of(entry.path()), wall_time, "}");
    else if (*relative.begin() == "deepobs" && entry.is_regular_file())
      all[std::regex_replace(relative.string(), stamp, ".json")] += text_of(entry.path());
    else if (relative.extension() == ".pt")
      all[relative] = text_of(entry.path());
  }
  return all;
}

inline void expect_equal_results(const std::filesystem::path& left, const std::filesystem::path& right) {
  const auto one = results(left), other = results(right);
  ASSERT_FALSE(one.empty());
  ASSERT_EQ(one.size(), other.size());
  for (const auto& [name, text] : one) {
    ASSERT_TRUE(other.count(name)) << name;
    EXPECT_TRUE(text == other.at(name)) << name << " differs";
  }
}

}  // namespace backobs::testing
