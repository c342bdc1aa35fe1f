// SPDX-License-Identifier: MIT
#include "files/svhn_mat.h"

#include "unit/foreign_files.h"
#include "unit/mutation.h"

#include <limits>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;
using testing::MatArray;

constexpr uint8_t kDouble = 6, kByte = 9;
constexpr uint32_t kStoredBytes = 2, kStoredDoubles = 9;

Bytes doubles(const std::vector<double>& values) {
  Bytes bytes(8 * values.size());
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

class SvhnMat : public ::testing::Test {
 protected:
  LabelledImages read(const Bytes& file) const {
    fs::remove(folder_.path() / "digits.mat");
    return read_svhn_mat(folder_.write("digits.mat", file), 5);
  }
  std::string complaint_about(const Bytes& file) const {
    try {
      read(file);
    } catch (const DataError& error) {
      return error.found();
    }
    return "no complaint";
  }
  static MatArray images(uint32_t count) {
    return {"X", kByte, {32, 32, 3, count}, kStoredBytes, testing::counting(count * 3072)};
  }
  static MatArray labels(const Bytes& values) {
    return {"y", kDouble, {static_cast<uint32_t>(values.size()), 1}, kStoredBytes, values};
  }
  testing::TemporaryFolder folder_;
};

TEST_F(SvhnMat, PutsRowsInPlaceOfColumnsAndTenBecomesZero) {
  for (const bool compressed : {true, false}) {
    const auto digits = read(testing::mat_file({images(3), labels({10, 1, 9})}, compressed));
    EXPECT_EQ(digits.labels, (Bytes{0, 1, 9}));
    const Bytes stored = testing::counting(3 * 3072);
    for (std::size_t n = 0; n < 3; ++n)
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t row = 0; row < 32; ++row)
          for (std::size_t column = 0; column < 32; ++column)
            ASSERT_EQ(digits.pixels[((n * 3 + c) * 32 + row) * 32 + column], stored[row + 32 * (column + 32 * (c + 3 * n))]);
  }
}

TEST_F(SvhnMat, TakesLabelsOfEveryClassAndStoredType) {
  const std::vector<MatArray> forms = {
      {"y", kDouble, {2, 1}, kStoredBytes, {10, 7}}, {"y", kByte, {2, 1}, kStoredBytes, {10, 7}},
      {"y", kDouble, {2, 1}, kStoredDoubles, doubles({10, 7})}, {"y", kDouble, {1, 2}, kStoredDoubles, doubles({10, 7})}};
  for (const auto& form : forms)
    for (const bool compressed : {true, false})
      EXPECT_EQ(read(testing::mat_file({images(2), form}, compressed)).labels, (Bytes{0, 7}));
}

TEST_F(SvhnMat, TakesTheVariablesInEitherOrder) {
  EXPECT_EQ(read(testing::mat_file({labels({4, 5, 6, 7, 8}), images(5)}, true)).labels, (Bytes{4, 5, 6, 7, 8}));
}

TEST_F(SvhnMat, RefusesOtherFiles) {
  EXPECT_NE(complaint_about({}), "no complaint");
  EXPECT_EQ(complaint_about(testing::counting(500)), "another kind of file");
  Bytes big_endian = testing::mat_file({images(1), labels({1})}, true);
  std::swap(big_endian[126], big_endian[127]);
  EXPECT_EQ(complaint_about(big_endian), "another kind of file");
  Bytes hdf5 = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  hdf5.resize(1000);
  EXPECT_EQ(complaint_about(hdf5), "another kind of file");
  EXPECT_THROW(read_svhn_mat(folder_.path() / "absent", 5), DataError);
  EXPECT_THROW(read_svhn_mat(folder_.path(), 5), DataError);
}

TEST_F(SvhnMat, RefusesOtherVariables) {
  const auto about = [&](const std::vector<MatArray>& variables) {
    const std::string plain = complaint_about(testing::mat_file(variables, false));
    EXPECT_EQ(complaint_about(testing::mat_file(variables, true)), plain);
    return plain;
  };
  EXPECT_EQ(about({images(1)}), "other variables");
  EXPECT_EQ(about({images(1), images(1)}), "other variables");
  EXPECT_EQ(about({images(1), labels({1}), {"z", kByte, {1, 1}, kStoredBytes, {1}}}), "other variables");
  EXPECT_EQ(about({images(2), labels({1})}), "y of class 6 and shape [1, 1]");
  EXPECT_EQ(about({images(6), labels({1, 2, 3, 4, 5, 6})}), "6 images");
  EXPECT_EQ(about({images(1), labels({11})}).rfind("label 11", 0), 0u);
  EXPECT_EQ(about({images(1), labels({0})}).rfind("label 0", 0), 0u);
  for (const double label : {2.5, -1.0, 1e300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(about({images(1), {"y", kDouble, {1, 1}, kStoredDoubles, doubles({label})}}).rfind("label ", 0), 0u) << label;
  EXPECT_EQ(about({{"X", kByte, {32, 3, 32, 1}, kStoredBytes, Bytes(3072)}, labels({1})}), "X of class 9 and shape [32, 3, 32, 1]");
  EXPECT_EQ(about({{"X", kByte, {3072, 1}, kStoredBytes, Bytes(3072)}, labels({1})}), "X of class 9 and shape [3072, 1]");
  EXPECT_EQ(about({{"X", 1, {32, 32, 3, 1}, kStoredBytes, Bytes(3072)}, labels({1})}), "`X` of another class or type");
}

TEST_F(SvhnMat, RefusesSizesThatLie) {
  const auto about = [&](const MatArray& x) {
    return complaint_about(testing::mat_file({x, labels({1})}, false)) + " / " + complaint_about(testing::mat_file({x, labels({1})}, true));
  };
  const std::string other_size = "`X`, whose data have another size than its shape";
  EXPECT_EQ(about({"X", kByte, {32, 32, 3, 2}, kStoredBytes, Bytes(3072)}), other_size + " / " + other_size);
  EXPECT_EQ(about({"X", kByte, {32, 32, 3, 0x10000000}, kStoredBytes, Bytes(3072)}), "more than 2^32 elements / more than 2^32 elements");
  EXPECT_EQ(about({"X", kByte, {0x80000000, 2, 3, 1}, kStoredBytes, Bytes(3072)}).rfind("a length of 2147483648", 0), 0u);
  EXPECT_EQ(about({"X", kByte, {32, 32, 3, 0}, kStoredBytes, {}}).rfind("a length of 0", 0), 0u);
}

TEST_F(SvhnMat, RefusesTruncatedFiles) {
  for (const bool compressed : {true, false}) {
    const Bytes sound = testing::mat_file({images(2), labels({1, 2})}, compressed);
    for (std::size_t size = 0; size < sound.size(); size += size < 400 || size + 150 > sound.size() ? 1 : 97)
      ASSERT_NE(complaint_about({sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size)}), "no complaint") << size;
  }
}

TEST_F(SvhnMat, SurvivesMutations) {
  for (const bool compressed : {true, false}) {
    const Bytes sound = testing::mat_file({images(2), labels({1, 2})}, compressed);
    testing::expect_survival(sound, 16, 2000, compressed ? SIZE_MAX : 300, [&](const Bytes& bytes) {
      const auto digits = read(bytes);
      EXPECT_EQ(digits.pixels.size(), digits.labels.size() * 3072);
      for (const uint8_t label : digits.labels) EXPECT_LT(label, 10);
    });
  }
}

struct Known {
  std::string file;
  Bytes first_labels, first_pixel;
  std::array<int, 10> counts;  ///< of the digits 0 to 9
};

class RealDigits : public ::testing::TestWithParam<Known> {};

TEST_P(RealDigits, AreThePublishedOnes) {
  const Known& known = GetParam();
  const fs::path file = fs::path(BACKOBS_SOURCE_DIR) / "../shared/data/svhn-subset" / known.file;
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not on this machine";
  const auto digits = read_svhn_mat(file, 10000);
  EXPECT_TRUE(std::equal(known.first_labels.begin(), known.first_labels.end(), digits.labels.begin()));
  for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(digits.pixels[1024 * c], known.first_pixel[c]);
  std::array<int, 10> counts{};
  for (const uint8_t label : digits.labels) ++counts[label];
  EXPECT_EQ(counts, known.counts);
}

INSTANTIATE_TEST_SUITE_P(
    Subsets, RealDigits,
    ::testing::Values(Known{"svhn_test_first10000_32x32.mat", {5, 2, 1, 0, 6, 1, 9, 1, 1, 8}, {38, 103, 60},
                            {684, 1968, 1590, 1104, 964, 909, 773, 767, 621, 620}},
                      Known{"svhn_train_first1083_32x32.mat", {1, 9, 2, 3, 2, 5, 9, 3, 3, 1}, {33, 30, 38},
                            {66, 227, 141, 134, 110, 112, 78, 70, 78, 67}}),
    [](const auto& known) { return known.param.file.substr(5, known.param.file.find('_', 5) - 5); });

}  // namespace
}  // namespace backobs
