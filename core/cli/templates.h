// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

/// The projects that `backobs new` writes: the files of sdk/templates, compiled in.
namespace backobs {

struct Template {
  const char* folder;  ///< "project" for every kind, or a kind
  const char* path;    ///< inside the project; "plugin.cpp" is to be named after the plugin
  const char* text;    ///< with @name@ and its like where something is to be put
};

const std::vector<Template>& templates();

}  // namespace backobs
