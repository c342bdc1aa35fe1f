// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backobs {

/// One message in the wire format of Protocol Buffers: each field is its number and type as a varint, then its value. A
/// message within a message is its bytes.
class ProtobufMessage {
 public:
  ProtobufMessage& integer(int field, int64_t value);
  ProtobufMessage& real(int field, double value);
  ProtobufMessage& small_real(int field, float value);
  ProtobufMessage& bytes(int field, std::string_view value);
  ProtobufMessage& message(int field, const ProtobufMessage& value) { return bytes(field, value.text_); }
  /// A repeated field of doubles, packed.
  ProtobufMessage& reals(int field, const std::vector<double>& values);

  const std::string& text() const { return text_; }

 private:
  void varint(uint64_t value);
  void key(int field, int type);

  std::string text_;
};

/// The bytes of a number, the lowest first, on every machine.
template <typename Number>
std::string little_endian(Number value) {
  std::string text;
  for (std::size_t i = 0; i < sizeof(Number); ++i) text += static_cast<char>((value >> (8 * i)) & 0xff);
  return text;
}

}  // namespace backobs
