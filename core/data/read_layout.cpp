// SPDX-License-Identifier: MIT
#include "data/read_layout.h"

#include <backobs/error.h>

#include "data/checked_content.h"
#include "files/checksum.h"
#include "files/cifar_binary.h"
#include "files/cifar_pickle.h"
#include "files/cifar_strips.h"
#include "files/idx.h"
#include "files/svhn_mat.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace backobs {

namespace {

/// The file's elements as a byte tensor that owns them, after shape and checksum were found right.
Tensor load_idx(const FoundFile& found, const std::vector<int64_t>& shape) {
  const FileIdentity identity = identity_of(found.file);
  auto array = std::make_shared<IdxArray>(read_idx(found.file, static_cast<int>(shape.size())));
  if (array->shape != shape)
    found.refuse(c10::str("an array of ", at::IntArrayRef(array->shape)), c10::str(at::IntArrayRef(shape)));
  found.check(identity, [&] { return checksum(digest_of(found.wanted.checksum), array->file.data(), array->file.size()); });
  auto* elements = const_cast<uint8_t*>(array->elements());
  return at::from_blob(elements, shape, [array](void*) {}, at::kByte);
}

Tensor idx_images(const FoundFile& found, int64_t count) {
  const auto [channels, rows, columns] = found.set.image_shape;
  return load_idx(found, {count, rows, columns}).view({count, channels, rows, columns});
}

Tensor idx_labels(const FoundFile& found, int64_t count) {
  const Tensor bytes = load_idx(found, {count});
  const auto largest = bytes.max().item<int64_t>();
  if (largest >= found.set.classes)
    found.refuse("label " + std::to_string(largest), "labels 0 to " + std::to_string(found.set.classes - 1));
  return bytes.to(at::kLong);
}

ImageSet read_idx_files(const DataSet& set, const LocatedSet& located) {
  ImageSet result;
  result.train_images = idx_images(found_file(set, located, 0), set.train_images);
  result.train_labels = idx_labels(found_file(set, located, 1), set.train_images);
  result.test_images = idx_images(found_file(set, located, 2), set.test_images);
  result.test_labels = idx_labels(found_file(set, located, 3), set.test_images);
  return result;
}

/// The tensors of a set, filled file by file.
class ColourSet {
 public:
  explicit ColourSet(const DataSet& set) : set_(set) {
    const auto [channels, rows, columns] = set.image_shape;
    images_.train_images = at::empty({set.train_images, channels, rows, columns}, at::kByte);
    images_.test_images = at::empty({set.test_images, channels, rows, columns}, at::kByte);
    images_.train_labels = at::empty({set.train_images}, at::kLong);
    images_.test_labels = at::empty({set.test_images}, at::kLong);
  }

  /// Puts what file `index` of `train_files` + 1 holds where it belongs: training files in turn, then the test file.
  void put(std::size_t index, std::size_t train_files, const LabelledImages& from) {
    put_pixels(index, train_files, from.pixels);
    const bool test = index == train_files;
    put_labels(test, test ? 0 : static_cast<int64_t>(index) * count(index, train_files), from.labels);
  }
  void put_pixels(std::size_t index, std::size_t train_files, const std::vector<uint8_t>& pixels) {
    const bool test = index == train_files;
    auto* to = (test ? images_.test_images : images_.train_images).data_ptr<uint8_t>();
    std::copy(pixels.begin(), pixels.end(), to + (test ? 0 : index * pixels.size()));
  }
  void put_labels(bool test, int64_t begin, const std::vector<uint8_t>& labels) {
    std::copy(labels.begin(), labels.end(), (test ? images_.test_labels : images_.train_labels).data_ptr<int64_t>() + begin);
  }
  /// Images in that file.
  int64_t count(std::size_t index, std::size_t train_files) const {
    return index == train_files ? set_.test_images : set_.train_images / static_cast<int64_t>(train_files);
  }
  ImageSet take() { return std::move(images_); }

 private:
  const DataSet& set_;
  ImageSet images_;
};

ImageSet read_cifar_files(const DataSet& set, const LocatedSet& located, FileFormat format) {
  ColourSet result(set);
  const std::size_t train_files = located.files.size() - 1;
  const int classes = static_cast<int>(set.classes);
  const bool has_coarse_labels = set.classes == 100;
  for_each_content(set, located, [&](std::size_t i, const std::vector<uint8_t>& content) {
    const auto rows = static_cast<uint64_t>(result.count(i, train_files));
    const auto where = located.files[i].string();
    result.put(i, train_files, format == FileFormat::cifar_binary
                                   ? read_cifar_binary(where, content, rows, has_coarse_labels ? 2 : 1, classes)
                                   : read_cifar_pickle(where, content, rows, has_coarse_labels ? "fine_labels" : "labels", classes));
  });
  return result.take();
}

/// Five training strips, test strip, training labels, test labels.
ImageSet read_strip_files(const DataSet& set, const LocatedSet& located) {
  ColourSet result(set);
  const std::size_t train_strips = located.files.size() - 3;
  for_each_content(set, located, [&](std::size_t i, const std::vector<uint8_t>& content) {
    const auto where = located.files[i].string();
    const bool test = i == train_strips + 2;
    const auto rows = static_cast<uint64_t>(test ? set.test_images : set.train_images);
    if (i > train_strips) result.put_labels(test, 0, read_label_list(where, content, rows, static_cast<int>(set.classes)));
    else result.put_pixels(i, train_strips, read_cifar_strip(where, content, static_cast<uint64_t>(result.count(i, train_strips))));
  });
  return result.take();
}

ImageSet read_svhn_files(const DataSet& set, const LocatedSet& located) {
  ColourSet result(set);
  for (std::size_t i = 0; i < located.files.size(); ++i) {
    const FoundFile found = found_file(set, located, i);
    const auto rows = static_cast<uint64_t>(result.count(i, 1));
    found.check(identity_of(found.file),
                [&] { return content_checksum(found.file, digest_of(found.wanted.checksum), found.wanted.size); });
    const auto images = read_svhn_mat(found.file, rows);
    if (images.labels.size() != rows) found.refuse(std::to_string(images.labels.size()) + " images", std::to_string(rows));
    result.put(i, 1, images);
  }
  return result.take();
}

}  // namespace

ImageSet read_layout(const DataSet& set, const LocatedSet& located) {
  const FileFormat format = set.layouts[located.layout].format;
  switch (format) {
    case FileFormat::idx: return read_idx_files(set, located);
    case FileFormat::cifar_binary:
    case FileFormat::cifar_python: return read_cifar_files(set, located, format);
    case FileFormat::cifar_strips: return read_strip_files(set, located);
    case FileFormat::svhn_mat: return read_svhn_files(set, located);
  }
  throw ComputeError("data set `" + set.name + "`", "a layout without a reader", "a reader for every layout");
}

}  // namespace backobs
