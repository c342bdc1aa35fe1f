// SPDX-License-Identifier: MIT
#include "campaign/state_file.h"

#include <backobs/error.h>

#include "files/checksum.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace backobs {
namespace {

constexpr std::string_view kHead = "backobs state 1\n";
constexpr std::size_t kDigestSize = 64;
constexpr std::array<c10::ScalarType, 9> kElementTypes = {c10::kByte, c10::kChar,  c10::kShort,
                                                          c10::kInt,  c10::kLong,  c10::kHalf,
                                                          c10::kFloat, c10::kDouble, c10::kBool};

std::string sha256_of(std::string_view bytes) { return checksum(Digest::sha256, bytes.data(), bytes.size()); }

class Writer {
 public:
  template <typename Number>
  void number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<uint64_t>(value.size()));
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }

  void operator()(int64_t value) { number(value); }
  void operator()(double value) { number(value); }
  void operator()(const std::string& value) { text(value); }
  void operator()(const at::Tensor& tensor) {
    number(static_cast<uint8_t>(std::find(kElementTypes.begin(), kElementTypes.end(), tensor.scalar_type()) -
                                kElementTypes.begin()));
    number(static_cast<uint8_t>(tensor.is_cpu()));
    number(static_cast<uint64_t>(tensor.dim()));
    for (const int64_t size : tensor.sizes()) number(size);
    const at::Tensor here = tensor.detach().cpu().contiguous();
    bytes_.append(static_cast<const char*>(here.data_ptr()), here.nbytes());
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  Reader(std::string_view bytes, c10::Device device, const std::string& where)
      : bytes_(bytes), device_(device), where_(where) {}

  std::string_view raw(uint64_t count) {
    if (count > bytes_.size()) fail("a value that ends early");
    const std::string_view piece = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return piece;
  }
  template <typename Number>
  Number number() {
    Number value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(raw(number<uint64_t>())); }
  at::Tensor tensor() {
    const auto type = number<uint8_t>();
    const bool on_cpu = number<uint8_t>() != 0;
    if (type >= kElementTypes.size()) fail("a tensor of an unknown element type");
    const std::vector<int64_t> sizes = shape();
    at::Tensor tensor = at::empty(sizes, kElementTypes[type]);
    if (tensor.nbytes()) std::memcpy(tensor.data_ptr(), raw(tensor.nbytes()).data(), tensor.nbytes());
    return on_cpu ? tensor : tensor.to(device_);
  }
  State::Value value(std::size_t type) {
    switch (type) {
      case 0: return number<int64_t>();
      case 1: return number<double>();
      case 2: return text();
      case 3: return tensor();
      default: fail("a value of an unknown type");
    }
  }
  bool at_end() const { return bytes_.empty(); }
  [[noreturn]] void fail(const std::string& found) const { throw ComputeError(where_, found, "a whole checkpoint"); }

 private:
  /// Sizes whose elements the rest of the bytes can hold: nothing is reserved for others.
  std::vector<int64_t> shape() {
    std::vector<int64_t> sizes;
    auto room = static_cast<int64_t>(bytes_.size());
    for (uint64_t left = number<uint64_t>(); left > 0; --left) {
      sizes.push_back(number<int64_t>());
      if (sizes.back() < 0 || sizes.back() > room) fail("a tensor of impossible size");
      room /= std::max<int64_t>(1, sizes.back());
    }
    return sizes;
  }

  std::string_view bytes_;
  c10::Device device_;
  const std::string& where_;
};

/// The values without their frame.
std::string_view body_of(std::string_view bytes, const std::string& where) {
  if (bytes.size() < kHead.size() + kDigestSize || bytes.substr(0, kHead.size()) != kHead)
    throw ComputeError(where, "something else", "a checkpoint");
  const std::string_view signed_part = bytes.substr(0, bytes.size() - kDigestSize);
  if (sha256_of(signed_part) != bytes.substr(signed_part.size()))
    throw ComputeError(where, "a wrong checksum", "a whole checkpoint");
  return signed_part.substr(kHead.size());
}

void refuse_unwritable(const std::string& name, const State::Value& value) {
  const auto* tensor = std::get_if<at::Tensor>(&value);
  if (!tensor) return;
  if (!tensor->defined()) throw PluginError("state `" + name + "`", "an undefined tensor", "a tensor with values");
  if (std::find(kElementTypes.begin(), kElementTypes.end(), tensor->scalar_type()) == kElementTypes.end())
    throw PluginError("state `" + name + "`", "a tensor of " + std::string(c10::toString(tensor->scalar_type())),
                      "integers, reals or bool");
}

}  // namespace

std::string encode_state(const State& state) {
  Writer writer;
  writer.raw(kHead);
  writer.number(static_cast<uint64_t>(state.values().size()));
  for (const auto& [name, value] : state.values()) {
    refuse_unwritable(name, value);
    writer.number(static_cast<uint8_t>(value.index()));
    writer.text(name);
    std::visit([&](const auto& held) { writer(held); }, value);
  }
  std::string bytes = writer.take();
  return bytes + sha256_of(bytes);
}

State decode_state(std::string_view bytes, c10::Device device, const std::string& where) {
  Reader reader(body_of(bytes, where), device, where);
  State state;
  for (uint64_t left = reader.number<uint64_t>(); left > 0; --left) {
    const auto type = reader.number<uint8_t>();
    const std::string name = reader.text();
    state.put(name, reader.value(type));
  }
  if (!reader.at_end()) reader.fail("more than its values");
  return state;
}

}  // namespace backobs
