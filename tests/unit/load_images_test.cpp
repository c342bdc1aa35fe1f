// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>

#include "data/checked_content.h"
#include "data/data_sets.h"
#include "data/locate.h"
#include "files/checked_files.h"
#include "files/cifar_binary.h"
#include "files/read_bytes.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cstdlib>

namespace backobs {
namespace {

using testing::Bytes;
using testing::idx;

/// Sets an environment variable and puts back what was there.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class LoadImages : public ::testing::Test {
 protected:
  DataRequest here() const {
    DataRequest request;
    request.folder = folder_.path();
    return request;
  }
  DataError refusal() const {
    try {
      load_images("mnist", here());
    } catch (const DataError& error) {
      return error;
    }
    throw std::runtime_error("accepted");
  }
  testing::TemporaryFolder folder_;
  Environment cache_{"XDG_CACHE_HOME", (folder_.path() / "cache").string()};
};

TEST_F(LoadImages, MissingSetNamesTheCommandThatGetsIt) {
  const auto error = refusal();
  EXPECT_EQ(error.code(), ExitCode::data_missing);
  EXPECT_NE(std::string(error.what()).find("`backobs data fetch mnist`"), std::string::npos) << error.what();
  EXPECT_NE(error.found().find((folder_.path() / "mnist").string()), std::string::npos) << error.what();
}

TEST_F(LoadImages, IncompleteSetNamesTheFile) {
  folder_.write("mnist/train-images-idx3-ubyte", {1});
  EXPECT_NE(refusal().found().find("no train-labels-idx1-ubyte (or .gz)"), std::string::npos);
}

TEST_F(LoadImages, RefusesOtherShapes) {
  for (const auto& file : data_set("mnist").layouts[0].files) folder_.write("mnist/" + file.name, idx({2, 3, 3}, Bytes(18)));
  const auto error = refusal();
  EXPECT_EQ(error.where(), (folder_.path() / "mnist/train-images-idx3-ubyte").string());
  EXPECT_EQ(error.found(), "an array of [2, 3, 3]");
}

TEST_F(LoadImages, RefusesATruncatedFile) {
  for (const auto& file : data_set("mnist").layouts[0].files) folder_.write("mnist/" + file.name, idx({60000, 28, 28}, Bytes(18)));
  EXPECT_NE(refusal().found().find("lengths 60000 x 28 x 28 in a file of 34 bytes"), std::string::npos);
}

TEST_F(LoadImages, RefusesOtherContentOfTheRightShape) {
  for (const auto& file : data_set("mnist").layouts[0].files)
    folder_.write("mnist/" + file.name + ".gz", testing::gzip(idx({60000, 28, 28}, Bytes(47040000, 7))));
  const auto error = refusal();
  EXPECT_EQ(error.found().substr(0, 8), "SHA-256 ") << error.what();
  EXPECT_NE(error.wanted().find(data_set("mnist").layouts[0].files[0].checksum), std::string::npos);
}

TEST_F(LoadImages, UnknownSetHasANearestName) {
  try {
    load_images("mnits", here());
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.nearest(), "mnist");
  }
}

TEST_F(LoadImages, NamedFolderIsTheOnlyOneThatIsSearched) {
  const Environment data("BACKOBS_DATA", "/elsewhere");
  for (const auto& folder : search_folders(data_set("fmnist"), folder_.path()))
    EXPECT_EQ(folder.string().rfind(folder_.path().string(), 0), 0u) << folder;
  const auto all = search_folders(data_set("fmnist"), {});
  EXPECT_EQ(all.front(), "/elsewhere/fmnist");
  EXPECT_EQ(all.back(), "/usr/share/datasets/fashion-mnist");
}

TEST_F(LoadImages, ChecksAreRememberedPerStateOfTheFile) {
  const auto file = folder_.write("file", {1, 2, 3});
  const auto before = identity_of(file);
  EXPECT_FALSE(was_checked(before, "aa"));
  remember_checked(before, "aa");
  EXPECT_TRUE(was_checked(identity_of(file), "aa"));
  EXPECT_FALSE(was_checked(before, "bb"));
  folder_.write("file", {1, 2, 3, 4});
  EXPECT_FALSE(was_checked(identity_of(file), "aa"));
}

TEST_F(LoadImages, AnUnwritableMemoryIsNoError) {
  const Environment cache("XDG_CACHE_HOME", "/dev/null");
  const auto identity = identity_of(folder_.write("file", {1}));
  remember_checked(identity, "aa");
  EXPECT_FALSE(was_checked(identity, "aa"));
}

TEST(Synthetic, HasTheShapesAndSeparatesItsClasses) {
  DataRequest request;
  request.source = Source::synthetic;
  const ImageSet set = load_images("fmnist", request);
  EXPECT_EQ(set.train_images.sizes(), (std::vector<int64_t>{6000, 1, 28, 28}));
  EXPECT_EQ(set.test_images.sizes(), (std::vector<int64_t>{1000, 1, 28, 28}));
  EXPECT_EQ(set.train_images.scalar_type(), at::kByte);
  EXPECT_EQ(set.train_labels.min().item<int64_t>(), 0);
  EXPECT_EQ(set.train_labels.max().item<int64_t>(), 9);
  // The nearest class mean of the training images classifies the test images.
  const Tensor train = set.train_images.flatten(1).to(at::kFloat), one_hot = at::one_hot(set.train_labels, 10).to(at::kFloat);
  const Tensor means = one_hot.t().matmul(train) / one_hot.sum(0).unsqueeze(1);
  const Tensor nearest = at::cdist(set.test_images.flatten(1).to(at::kFloat), means).argmin(1);
  EXPECT_GT((nearest == set.test_labels).to(at::kFloat).mean().item<double>(), 0.99);
}

TEST(Synthetic, IsAlwaysTheSameAndDiffersBetweenSets) {
  DataRequest request, other;
  request.source = other.source = Source::synthetic;
  other.seed = 7;
  EXPECT_TRUE(load_images("mnist", request).train_images.equal(load_images("mnist", other).train_images));
  EXPECT_FALSE(load_images("mnist", request).train_images.equal(load_images("fmnist", request).train_images));
}

TEST(Synthetic, EverySetHasTheShapesOfTheRealOne) {
  DataRequest request;
  request.source = Source::synthetic;
  for (const auto& set : data_sets()) {
    const ImageSet images = load_images(set.name, request);
    const auto [channels, rows, columns] = set.image_shape;
    EXPECT_EQ(images.train_images.sizes(), (std::vector<int64_t>{set.train_images / 10, channels, rows, columns})) << set.name;
    EXPECT_EQ(images.test_images.size(0), set.test_images / 10) << set.name;
    EXPECT_EQ(images.train_labels.max().item<int64_t>(), set.classes - 1) << set.name;
    EXPECT_EQ(images.classes, set.classes) << set.name;
  }
}

/// Published facts, see the pages of the sets' authors: labels, counts of label 0, sums of all pixels per channel.
struct Known {
  std::string set;
  std::vector<int64_t> shape, first_train, first_test;
  int64_t test_size, zeros_in_test;
  std::vector<int64_t> train_sums, test_sums;
};

class RealImages : public ::testing::TestWithParam<Known> {};

TEST_P(RealImages, AreThePublishedOnes) {
  const Known& known = GetParam();
  const auto located = locate(data_set(known.set), {});
  if (!located || !located->is_complete()) GTEST_SKIP() << known.set << " is not on this machine";
  const ImageSet set = load_images(known.set, {});
  ASSERT_EQ(set.train_images.sizes(), known.shape);
  ASSERT_EQ(set.test_images.size(0), known.test_size);
  EXPECT_TRUE(set.train_labels.narrow(0, 0, 10).equal(at::tensor(known.first_train, at::kLong)));
  EXPECT_TRUE(set.test_labels.narrow(0, 0, 10).equal(at::tensor(known.first_test, at::kLong)));
  EXPECT_EQ((set.test_labels == 0).sum().item<int64_t>(), known.zeros_in_test);
  const auto sums = [](const Tensor& images) { return images.to(at::kLong).sum({0, 2, 3}); };
  if (known.train_sums.empty()) return;
  EXPECT_TRUE(sums(set.train_images).equal(at::tensor(known.train_sums, at::kLong)));
  EXPECT_TRUE(sums(set.test_images).equal(at::tensor(known.test_sums, at::kLong)));
}

INSTANTIATE_TEST_SUITE_P(
    Sets, RealImages,
    ::testing::Values(
        Known{"mnist", {60000, 1, 28, 28}, {5, 0, 4, 1, 9, 2, 1, 3, 1, 4}, {7, 2, 1, 0, 4, 1, 4, 9, 5, 9}, 10000, 980, {1567298545}, {264923200}},
        Known{"fmnist", {60000, 1, 28, 28}, {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, 10000, 1000, {3431114169}, {573469082}},
        Known{"cifar10", {50000, 3, 32, 32}, {6, 9, 9, 4, 1, 1, 2, 7, 8, 3}, {3, 8, 8, 0, 6, 6, 1, 6, 3, 1}, 10000, 1000,
              {6415714204, 6295060180, 5829907619}, {1290492328, 1266775083, 1176108223}},
        Known{"cifar100", {50000, 3, 32, 32}, {19, 29, 0, 11, 1, 86, 90, 28, 23, 31}, {49, 33, 72, 51, 71, 92, 15, 14, 23, 0}, 10000, 100,
              {6620373279, 6352382090, 5756623363}, {1328569193, 1272680636, 1153999502}},
        Known{"svhn", {73257, 3, 32, 32}, {1, 9, 2, 3, 2, 5, 9, 3, 3, 1}, {5, 2, 1, 0, 6, 1, 9, 1, 1, 8}, 26032, 1744, {}, {}}),
    [](const auto& known) { return known.param.set; });

TEST(RealCifar100, TestFileIsThePublishedOne) {
  const auto file = std::filesystem::path(BACKOBS_SOURCE_DIR) / "../shared/data/cifar-100-binary/test.bin";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not on this machine";
  const auto& wanted = data_set("cifar100").layouts[0].files[1];
  EXPECT_EQ(content_problem(wanted, file), "");
  const auto images = read_cifar_binary(file.string(), read_bytes(file, wanted.size), 10000, 2, 100);
  EXPECT_EQ(std::vector<uint8_t>(images.labels.begin(), images.labels.begin() + 5), (std::vector<uint8_t>{49, 33, 72, 51, 71}));
  std::array<int64_t, 3> sums{};
  for (std::size_t i = 0; i < images.pixels.size(); ++i) sums[i / 1024 % 3] += images.pixels[i];
  EXPECT_EQ(sums, (std::array<int64_t, 3>{1328569193, 1272680636, 1153999502}));
  std::array<int, 100> counts{};
  for (const uint8_t label : images.labels) ++counts[label];
  for (const int count : counts) EXPECT_EQ(count, 100);
}

}  // namespace
}  // namespace backobs
