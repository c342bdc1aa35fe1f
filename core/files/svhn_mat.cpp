// SPDX-License-Identifier: MIT
#include "files/svhn_mat.h"

#include <backobs/error.h>

#include "files/mat_outline.h"

#include <matio.h>

#include <algorithm>
#include <memory>
#include <string>

namespace backobs {

namespace {

constexpr uint64_t kSide = 32, kPlane = kSide * kSide;

struct Release {
  void operator()(mat_t* file) const { Mat_Close(file); }
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using File = std::unique_ptr<mat_t, Release>;
using Variable = std::unique_ptr<matvar_t, Release>;

std::string shape_text(const MatVariable& variable) {
  std::string text;
  for (const uint64_t length : variable.shape) text += (text.empty() ? "[" : ", ") + std::to_string(length);
  return variable.name + " of class " + std::to_string(variable.array_class) + " and shape " + text + "]";
}

const MatVariable& only(const std::vector<MatVariable>& variables, const std::string& where, const std::string& name) {
  const auto is_it = [&](const MatVariable& variable) { return variable.name == name; };
  if (variables.size() != 2 || std::count_if(variables.begin(), variables.end(), is_it) != 1)
    throw DataError(where, "other variables", "X and y, each once");
  return *std::find_if(variables.begin(), variables.end(), is_it);
}

uint64_t count_images(const MatVariable& x, const std::string& where, uint64_t most) {
  const bool has_shape = x.shape.size() == 4 && x.shape[0] == kSide && x.shape[1] == kSide && x.shape[2] == 3;
  if (!has_shape || x.array_class != MatVariable::kUnsignedByte)
    throw DataError(where, shape_text(x), "class 9 (bytes) and shape [32, 32, 3, N]");
  if (x.shape[3] > most)
    throw DataError(where, std::to_string(x.shape[3]) + " images", "at most " + std::to_string(most));
  return x.shape[3];
}

/// All elements of a variable, of type Value in memory, in the file's order.
template <typename Value>
std::vector<Value> read_data(mat_t& file, const std::string& where, const MatVariable& wanted) {
  std::vector<Value> values(wanted.count);
  const Variable variable(Mat_VarReadInfo(&file, wanted.name.c_str()));
  if (!variable || variable->class_type != static_cast<int>(wanted.array_class) ||
      Mat_VarReadDataLinear(&file, variable.get(), values.data(), 0, 1, static_cast<int>(wanted.count)) != 0)
    throw DataError(where, "damaged data of " + wanted.name, "the whole variable");
  return values;
}

/// [N, channel, column, row] to [N, channel, row, column].
std::vector<uint8_t> rows_first(const std::vector<uint8_t>& columns_first) {
  std::vector<uint8_t> result(columns_first.size());
  for (std::size_t plane = 0; plane < result.size(); plane += kPlane)
    for (std::size_t r = 0; r < kSide; ++r)
      for (std::size_t c = 0; c < kSide; ++c) result[plane + r * kSide + c] = columns_first[plane + c * kSide + r];
  return result;
}

template <typename Value>
std::vector<uint8_t> digits(const std::vector<Value>& labels, const std::string& where) {
  std::vector<uint8_t> result;
  for (const Value label : labels) {
    if (!(label >= 1 && label <= 10 && label == static_cast<Value>(static_cast<int>(label))))
      throw DataError(where, "label " + std::to_string(label) + " of image " + std::to_string(result.size()), "1 to 10");
    result.push_back(static_cast<uint8_t>(static_cast<int>(label) % 10));
  }
  return result;
}

std::vector<uint8_t> read_labels(mat_t& file, const std::string& where, const MatVariable& y, uint64_t count) {
  if (y.shape.size() != 2 || y.count != count) throw DataError(where, shape_text(y), "one label per image");
  if (y.array_class == MatVariable::kDouble) return digits(read_data<double>(file, where, y), where);
  return digits(read_data<uint8_t>(file, where, y), where);
}

}  // namespace

LabelledImages read_svhn_mat(const std::filesystem::path& path, uint64_t most) {
  const std::string where = path.string();
  const auto variables = mat_outline(path);
  const MatVariable &x = only(variables, where, "X"), &y = only(variables, where, "y");
  const uint64_t count = count_images(x, where, most);
  // libmatio would print its complaints; the errors thrown here say what matters. The text is const in later versions.
  Mat_LogInitFunc("backobs", [](int, auto*) {});
  const File file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (!file || Mat_GetVersion(file.get()) != MAT_FT_MAT5) throw DataError(where, "another kind of file", "a MAT-file of version 5");
  return {rows_first(read_data<uint8_t>(*file, where, x)), read_labels(*file, where, y, count)};
}

}  // namespace backobs
