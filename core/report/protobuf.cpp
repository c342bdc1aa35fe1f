// SPDX-License-Identifier: MIT
#include "report/protobuf.h"

#include <cstring>

namespace backobs {
namespace {

enum WireType { kVarint = 0, kEightBytes = 1, kLengthAndBytes = 2, kFourBytes = 5 };

template <typename Bits, typename Real>
Bits bits_of(Real value) {
  static_assert(sizeof(Bits) == sizeof(Real));
  Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

}  // namespace

void ProtobufMessage::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
  text_ += static_cast<char>(value);
}

void ProtobufMessage::key(int field, int type) {
  varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type));
}

ProtobufMessage& ProtobufMessage::integer(int field, int64_t value) {
  key(field, kVarint);
  varint(static_cast<uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::real(int field, double value) {
  key(field, kEightBytes);
  text_ += little_endian(bits_of<uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::small_real(int field, float value) {
  key(field, kFourBytes);
  text_ += little_endian(bits_of<uint32_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::bytes(int field, std::string_view value) {
  key(field, kLengthAndBytes);
  varint(value.size());
  text_ += value;
  return *this;
}

ProtobufMessage& ProtobufMessage::reals(int field, const std::vector<double>& values) {
  std::string packed;
  for (const double value : values) packed += little_endian(bits_of<uint64_t>(value));
  return bytes(field, packed);
}

}  // namespace backobs
