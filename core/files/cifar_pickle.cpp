// SPDX-License-Identifier: MIT
#include "files/cifar_pickle.h"

#include <backobs/error.h>

#include "files/pickle.h"

namespace backobs {

namespace {

using Kind = PickleValue::Kind;

/// One pickle and what is wanted of it.
struct Dictionary {
  const std::string& where;
  const PickleTree& tree;

  [[noreturn]] void refuse(const std::string& found, const std::string& wanted) const { throw DataError(where, found, wanted); }

  const PickleValue& value(const std::string& key, Kind kind) const {
    if (tree.root.kind != Kind::dictionary) refuse("no dictionary", "a dictionary");
    const auto& all = tree.elements[tree.root.elements];
    for (std::size_t i = 0; i + 1 < all.size(); i += 2)
      if (all[i].kind == Kind::text && all[i].text == key && all[i + 1].kind == kind) return all[i + 1];
    refuse("no `" + key + "` of the right type", "labels and data");
  }
  const std::vector<PickleValue>& elements(const PickleValue& container) const { return tree.elements[container.elements]; }
};

std::vector<uint8_t> labels_of(const Dictionary& dictionary, const std::string& key, uint64_t rows, int classes) {
  const auto& list = dictionary.elements(dictionary.value(key, Kind::list));
  if (list.size() != rows)
    dictionary.refuse(std::to_string(list.size()) + " labels", std::to_string(rows));
  std::vector<uint8_t> labels;
  for (const auto& label : list) {
    if (label.kind != Kind::integer || label.number < 0 || label.number >= classes)
      dictionary.refuse("label " + std::to_string(label.number) + " of image " + std::to_string(labels.size()),
                        "integers 0 to " + std::to_string(classes - 1));
    labels.push_back(static_cast<uint8_t>(label.number));
  }
  return labels;
}

bool is_byte_type(const Dictionary& dictionary, const PickleValue& type) {
  if (type.kind != Kind::element_type) return false;
  const auto& arguments = dictionary.elements(type);
  return !arguments.empty() && arguments[0].kind == Kind::text && arguments[0].text == "u1";
}

bool is_shape(const Dictionary& dictionary, const PickleValue& shape, uint64_t rows) {
  if (shape.kind != Kind::tuple) return false;
  const auto& lengths = dictionary.elements(shape);
  return lengths.size() == 2 && lengths[0].kind == Kind::integer && lengths[1].kind == Kind::integer &&
         static_cast<uint64_t>(lengths[0].number) == rows && static_cast<uint64_t>(lengths[1].number) == kColourPixels;
}

std::vector<uint8_t> pixels_of(const Dictionary& dictionary, uint64_t rows) {
  const auto& state = dictionary.elements(dictionary.value("data", Kind::array));
  const bool fits = state.size() == 5 && is_shape(dictionary, state[1], rows) && is_byte_type(dictionary, state[2]) &&
                    state[3].kind == Kind::boolean && state[3].number == 0 && state[4].kind == Kind::text &&
                    state[4].text.size() == rows * kColourPixels;
  if (!fits) dictionary.refuse("another array", "bytes of shape [" + std::to_string(rows) + ", 3072], last dimension fastest");
  return {state[4].text.begin(), state[4].text.end()};
}

}  // namespace

LabelledImages read_cifar_pickle(const std::string& where, const std::vector<uint8_t>& bytes, uint64_t rows,
                                 const std::string& labels_key, int classes) {
  const auto tree = read_pickle(where, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const Dictionary dictionary{where, tree};
  return {pixels_of(dictionary, rows), labels_of(dictionary, labels_key, rows, classes)};
}

}  // namespace backobs
