// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/idx.h"
#include "unit/mutation.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

namespace backobs {
namespace {

using testing::Bytes;
using testing::gzip;
using testing::idx;

class Idx : public ::testing::Test {
 protected:
  /// The message for these bytes; fails if they are accepted, or if the message does not name the file.
  std::string refusal(const Bytes& bytes, int dimensions) {
    const auto file = folder_.write("hostile-idx", bytes);
    try {
      read_idx(file, dimensions);
    } catch (const DataError& error) {
      EXPECT_EQ(error.where(), file.string());
      EXPECT_FALSE(error.wanted().empty());
      return error.found();
    }
    ADD_FAILURE() << "accepted";
    return "";
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Idx, ReadsPlainAndPackedAlike) {
  const Bytes bytes = idx({2, 1, 3}, {1, 2, 3, 4, 5, 250});
  for (const auto& stored : {bytes, gzip(bytes)}) {
    const IdxArray array = read_idx(folder_.write("array", stored), 3);
    EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 1, 3}));
    EXPECT_EQ(array.file, bytes);
    ASSERT_EQ(array.count(), 6u);
    EXPECT_EQ(array.elements()[0], 1);
    EXPECT_EQ(array.elements()[5], 250);
  }
}

TEST_F(Idx, ReadsSeveralGzipMembers) {
  Bytes both = gzip(idx({4}, {9, 8}));
  const Bytes second = gzip({7, 6});
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(read_idx(folder_.write("two", both), 1).file, idx({4}, {9, 8, 7, 6}));
}

TEST_F(Idx, RefusesOtherMagic) {
  EXPECT_EQ(refusal(idx({2}, {1, 2}), 3), "magic number 2049");
  EXPECT_EQ(refusal({0, 0, 0x0d, 1, 0, 0, 0, 1, 5}, 1), "magic number 3329");
  EXPECT_EQ(refusal({'<', 'h', 't', 'm', 'l', '>'}, 1), "magic number 1013478509");
}

TEST_F(Idx, RefusesLengthsBeyondTheFile) {
  EXPECT_EQ(refusal(idx({65536, 65536, 65536}, {1}), 3), "lengths 65536 x 65536 x 65536 in a file of 17 bytes");
  EXPECT_EQ(refusal(idx({0xffffffff, 0xffffffff, 0xffffffff}, {1}), 3),
            "lengths 4294967295 x 4294967295 x 4294967295 in a file of 17 bytes");
  EXPECT_EQ(refusal(idx({0x80000000u, 2, 0}, {}), 3), "lengths 2147483648 x 2 x 0");
  // 2^32 * 2^32 * 1 wraps around to 0 in 64 bits.
  EXPECT_NE(refusal(idx({0x80000000u, 0x80000000u, 4}, {1}), 3), "");
}

TEST_F(Idx, RefusesAHeaderThatPromisesMoreThanGzipCanHold) {
  const Bytes packed = gzip(idx({4000000000u}, Bytes(1000, 0)));
  EXPECT_EQ(refusal(packed, 1), "lengths 4000000000 in a file of " + std::to_string(packed.size()) + " bytes");
}

TEST_F(Idx, RefusesABombAfterItsHeader) {
  EXPECT_EQ(refusal(gzip(idx({4}, Bytes(30000000, 0))), 1), "bytes behind the last element");
}

TEST_F(Idx, RefusesTruncation) {
  EXPECT_EQ(refusal({}, 1), "0 bytes");
  EXPECT_EQ(refusal({0, 0, 8}, 1), "3 bytes");
  EXPECT_EQ(refusal({0, 0, 8, 3, 0, 0, 0, 1}, 3), "8 bytes");
  EXPECT_EQ(refusal(idx({3}, {1, 2}), 1), "2 elements");
}

TEST_F(Idx, RefusesEveryTruncationOfAPackedFile) {
  Bytes noise(300);
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<uint8_t>(i * i * 31 >> 3);
  const Bytes packed = gzip(idx({300}, noise));
  for (std::size_t length = 2; length < packed.size(); ++length)
    EXPECT_EQ(refusal(Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length)), 1),
              "a gzip stream that ends too early") << length;
}

TEST_F(Idx, RefusesDamagedPackedBytes) {
  Bytes packed = gzip(idx({300}, Bytes(300, 5)));
  packed[packed.size() - 6] ^= 1;  // checksum of the gzip member
  EXPECT_EQ(refusal(packed, 1), "a damaged gzip stream (incorrect data check)");
}

TEST_F(Idx, RefusesBytesBehindTheEnd) {
  EXPECT_EQ(refusal(idx({2}, {1, 2, 3}), 1), "bytes behind the last element");
  Bytes packed = gzip(idx({2}, {1, 2}));
  packed.push_back(0);
  EXPECT_EQ(refusal(packed, 1), "bytes behind the end of the gzip stream");
}

TEST_F(Idx, SurvivesMutations) {
  const auto check = [&](const Bytes& bytes) {
    std::filesystem::remove(folder_.path() / "mutated");
    const IdxArray array = read_idx(folder_.write("mutated", bytes), 2);
    EXPECT_EQ(array.shape[0] * array.shape[1], static_cast<int64_t>(array.count()));
  };
  const Bytes sound = idx({5, 4}, Bytes(20, 1));
  testing::expect_survival(sound, 17, 3000, SIZE_MAX, check);
  testing::expect_survival(gzip(sound), 18, 3000, SIZE_MAX, check);
}

TEST_F(Idx, RefusesWhatIsNoFile) {
  EXPECT_THROW(read_idx(folder_.path() / "absent", 1), DataError);
  EXPECT_THROW(read_idx(folder_.path(), 1), DataError);
  EXPECT_THROW(read_idx("/dev/zero", 1), DataError);
}

}  // namespace
}  // namespace backobs
