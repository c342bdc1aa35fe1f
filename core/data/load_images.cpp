// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>

#include "data/data_sets.h"
#include "data/locate.h"
#include "data/synthetic.h"
#include "files/checked_files.h"
#include "files/checksum.h"
#include "files/idx.h"

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>

namespace backobs {

namespace {

/// The file's elements as a byte tensor that owns them, after shape and checksum were found right.
Tensor load_checked(const DataSet& set, const DataFile& wanted, const std::filesystem::path& file,
                    const std::vector<int64_t>& shape) {
  const FileIdentity identity = identity_of(file);
  auto array = std::make_shared<IdxArray>(read_idx(file, static_cast<int>(shape.size())));
  if (array->shape != shape)
    throw DataError(file.string(), c10::str("an array of ", at::IntArrayRef(array->shape)),
                    c10::str(at::IntArrayRef(shape), ", as ", set.title, " has; ", how_to_get(set)));
  if (!was_checked(identity, wanted.sha256)) {
    const auto found = checksum(Digest::sha256, array->file.data(), array->file.size());
    if (found != wanted.sha256)
      throw DataError(file.string(), "SHA-256 " + found, wanted.sha256 + ", as " + set.title + " has; " + how_to_get(set));
    remember_checked(identity, wanted.sha256);
  }
  auto* elements = const_cast<uint8_t*>(array->elements());
  return at::from_blob(elements, shape, [array](void*) {}, at::kByte);
}

Tensor images(const DataSet& set, std::size_t index, const std::filesystem::path& file, int64_t count) {
  const auto [channels, rows, columns] = set.image_shape;
  return load_checked(set, set.files[index], file, {count, rows, columns}).view({count, channels, rows, columns});
}

Tensor labels(const DataSet& set, std::size_t index, const std::filesystem::path& file, int64_t count) {
  const Tensor bytes = load_checked(set, set.files[index], file, {count});
  const auto largest = bytes.max().item<int64_t>();
  if (largest >= set.classes)
    throw DataError(file.string(), "label " + std::to_string(largest), "labels 0 to " + std::to_string(set.classes - 1));
  return bytes.to(at::kLong);
}

}  // namespace

ImageSet load_images(const std::string& name, const DataRequest& request) {
  const DataSet& set = data_set(name);
  if (request.source == Source::synthetic) return synthetic_images(set);
  const auto files = require_files(set, request.folder).files;
  ImageSet result;
  result.name = set.name;
  result.classes = set.classes;
  result.train_images = images(set, 0, files[0], set.train_images);
  result.train_labels = labels(set, 1, files[1], set.train_images);
  result.test_images = images(set, 2, files[2], set.test_images);
  result.test_labels = labels(set, 3, files[3], set.test_images);
  return result;
}

}  // namespace backobs
