// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>

namespace backobs {

/// Whether this stream may be coloured: it is a terminal, not a dumb one, and NO_COLOR is unset or empty.
bool may_colour(std::FILE* stream);

/// Colours for one stream; plain text where it may not be coloured. Control characters in the text are shown, not obeyed.
class Paint {
 public:
  explicit Paint(std::FILE* stream) : on_(may_colour(stream)) {}
  std::string bold(const std::string& text) const { return wrap("1", text); }
  std::string dim(const std::string& text) const { return wrap("2", text); }
  std::string red(const std::string& text) const { return wrap("31", text); }

 private:
  std::string wrap(const char* code, const std::string& text) const;
  bool on_;
};

}  // namespace backobs
