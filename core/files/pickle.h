// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backobs {

/// A value of an unpickled tree. Containers refer to their elements by number, so that a value is small and copying one
/// copies a reference, as in Python.
struct PickleValue {
  enum class Kind : uint8_t { none, boolean, integer, text, list, tuple, dictionary, function, array, element_type };
  Kind kind = Kind::none;
  int64_t number = 0;        ///< of a boolean or integer
  std::string_view text;     ///< a string's bytes within the pickle; a function's "module name"
  std::size_t elements = 0;  ///< of a container: which of PickleTree::elements. An array's are its state, an element
                             ///< type's its arguments
};

/// What a pickle of protocol 2 holds that consists of dictionaries, lists, tuples, strings, integers, booleans, None and
/// numpy arrays. Dictionaries list key, value, key, value …
struct PickleTree {
  PickleValue root;
  std::vector<std::vector<PickleValue>> elements;
};

/// `bytes` must outlive the tree, whose strings lie in it. Functions are recognised by name and never called. Throws
/// DataError naming `where` and the byte for anything else, and for more than two million values.
PickleTree read_pickle(const std::string& where, std::string_view bytes);

}  // namespace backobs
