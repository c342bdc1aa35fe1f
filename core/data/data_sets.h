// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

/// One file of a set, as it is when unpacked. On disk it may also lie packed, with ".gz" behind its name.
struct DataFile {
  std::string name;
  uint64_t size = 0;   ///< bytes
  std::string sha256;  ///< of the unpacked bytes
};

/// What is known of a data set before any file is there.
struct DataSet {
  std::string name, title;
  int64_t classes = 0, train_images = 0, test_images = 0;
  std::array<int64_t, 3> image_shape{};  ///< channels, rows, columns
  std::vector<DataFile> files;           ///< training images, training labels, test images, test labels
  std::string licence;
  std::vector<std::string> folders;      ///< where below a data root the files may lie
  std::string npm_package, npm_folder;   ///< with its version; where in the package the files are. Empty: none
  std::string debian_package, debian_folder;
  std::vector<std::string> addresses;    ///< "<address><file>.gz", tried in turn
};

/// The catalogue, in alphabetical order.
BACKOBS_API const std::vector<DataSet>& data_sets();
/// Throws ConfigError naming the nearest known set.
BACKOBS_API const DataSet& data_set(const std::string& name);

}  // namespace backobs
