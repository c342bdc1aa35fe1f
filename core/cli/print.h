// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

/// Writes to stdout, where a verb's answer goes and nothing else does.
void print(const std::string& text);
inline void print(const char* text) { print(std::string(text)); }
/// The same, as indented JSON with a line end; keys stay in the order they were set.
void print(const nlohmann::ordered_json& document);

/// Lines of cells in columns that line up, two blanks between them; the last column is not padded. Control characters are
/// shown, not obeyed (printable.h).
std::string table(const std::vector<std::vector<std::string>>& cells, const std::string& indent = "");
/// "[10, 784]".
std::string shape_text(const std::vector<int64_t>& shape);

}  // namespace backobs
