// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/state.h>

#include <c10/core/Device.h>

#include <string>
#include <string_view>

/// Values by name as bytes, every bit kept: NaN payloads, negative zeros, integers of any width.
///
///   "backobs state 1\n"   count: 8 bytes
///   per value             type: 1 byte, name, value
///   SHA-256 of all of the above, 64 hexadecimal digits
///
/// Texts are a length of 8 bytes and their bytes; a tensor is its element type, whether it lay on the CPU, its sizes
/// and its elements in row-major order. Numbers are in the order of bytes of the machine that wrote them.
namespace backobs {

/// Throws PluginError for a tensor that is undefined or of an element type other than the plain numbers and bool.
BACKOBS_API std::string encode_state(const State& state);
/// Tensors that did not lie on the CPU are placed on `device`. Throws ComputeError with `where` for bytes that
/// encode_state did not write, whole.
BACKOBS_API State decode_state(std::string_view bytes, c10::Device device, const std::string& where);

}  // namespace backobs
