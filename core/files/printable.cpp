// SPDX-License-Identifier: MIT
#include "files/printable.h"

#include <cstdio>

namespace backobs {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// How many bytes the character takes that begins here; 0 if none does (RFC 3629).
std::size_t length_of(std::string_view text, std::size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte_at(text, at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

bool is_control(std::string_view text, std::size_t at) {
  const unsigned char first = byte_at(text, at);
  return first < 0x20 || first == 0x7f || (first == 0xc2 && byte_at(text, at + 1) < 0xa0);
}

std::string escaped(std::string_view bytes) {
  std::string text;
  char piece[8];
  for (const char c : bytes) {
    std::snprintf(piece, sizeof piece, "\\x%02x", static_cast<unsigned char>(c));
    text += piece;
  }
  return text;
}

std::string shown(std::string_view text, bool keeps_lines) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of(text, at);
    const std::string_view character = text.substr(at, length ? length : 1);
    const bool lays_out = keeps_lines && (text[at] == '\n' || text[at] == '\t');
    safe += lays_out || (length && !is_control(text, at)) ? std::string(character) : escaped(character);
    at += character.size();
  }
  return safe;
}

}  // namespace

std::string printable(std::string_view text) { return shown(text, true); }
std::string printable_line(std::string_view text) { return shown(text, false); }

}  // namespace backobs
