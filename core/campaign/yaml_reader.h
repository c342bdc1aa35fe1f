// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/options.h>

#include "campaign/config_problems.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace backobs {

struct YamlEntry;

/// One value of an experiment file, with its position. Scalars stay text: what `010` or `yes` means is decided by the
/// type that is wanted there (parse_value), never by YAML's own guessing.
struct BACKOBS_API YamlNode {
  enum class Kind { nothing, scalar, list, map };

  Kind kind = Kind::nothing;
  std::string where;  ///< "quickstart.yaml:4:13", counted from 1
  std::string text;   ///< of a scalar
  bool quoted = false;
  std::vector<YamlNode> items;     ///< of a list
  std::vector<YamlEntry> entries;  ///< of a map, in the file's order, each key once

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  /// The value under `key`, or null.
  const YamlNode* find(const std::string& key) const;
  /// What a message says was found: "`abc`", "a list", "a map", "nothing".
  std::string describe() const;
  /// A scalar or a list of scalars as options take it; anything deeper is added to `problems`.
  RawValue raw(ConfigProblems& problems) const;
};

struct BACKOBS_API YamlEntry {
  std::string key;
  std::string where;  ///< of the key
  YamlNode value;
};

/// Reads one document of at most 4 MiB. Syntax errors, keys given twice, keys that are not text, anchors, aliases and
/// explicit tags are added to `problems`; the rest of the tree is still returned. `name` stands in positions.
BACKOBS_API YamlNode read_yaml(const std::string& text, const std::string& name, ConfigProblems& problems);
/// The same from a file; throws ConfigError if it cannot be read.
BACKOBS_API YamlNode read_yaml_file(const std::filesystem::path& file, ConfigProblems& problems);

}  // namespace backobs
