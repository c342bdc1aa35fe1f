// SPDX-License-Identifier: MIT
// Expected sums: RFC 1321 (MD5), FIPS 180-4 examples (SHA-1, SHA-256); the others by md5sum and sha256sum.
#include <backobs/error.h>

#include "files/checksum.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

namespace backobs {
namespace {

TEST(Checksum, PublishedValues) {
  EXPECT_EQ(checksum(Digest::md5, "", 0), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(checksum(Digest::md5, "message digest", 14), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(checksum(Digest::sha1, "abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(checksum(Digest::sha256, "", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(checksum(Digest::sha256, "abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Checksum, LengthTellsTheDigest) {
  for (const auto digest : {Digest::md5, Digest::sha1, Digest::sha256}) EXPECT_EQ(digest_of(checksum(digest, "", 0)), digest);
  EXPECT_THROW(digest_of("abc"), DataError);
}

TEST(Checksum, OfStoredBytes) {
  const testing::TemporaryFolder folder;
  const testing::Bytes packed = testing::gzip({1, 2, 3});
  EXPECT_EQ(stored_checksum(folder.write("packed", packed), Digest::sha1), checksum(Digest::sha1, packed.data(), packed.size()));
  EXPECT_THROW(stored_checksum(folder.path() / "absent", Digest::sha1), DataError);
}

TEST(Checksum, GrowsByPieces) {
  Checksum sum(Digest::sha256);
  for (const char* piece : {"a", "", "bc"}) sum.add(piece, std::string(piece).size());
  EXPECT_EQ(sum.finish(), checksum(Digest::sha256, "abc", 3));
}

TEST(Checksum, OfContentNotOfPacking) {
  const testing::TemporaryFolder folder;
  const testing::Bytes bytes(3000000, 42);
  const std::string expected = checksum(Digest::md5, bytes.data(), bytes.size());
  EXPECT_EQ(content_checksum(folder.write("plain", bytes), Digest::md5, 3000000), expected);
  EXPECT_EQ(content_checksum(folder.write("packed", testing::gzip(bytes)), Digest::md5, 3000000), expected);
}

TEST(Checksum, StopsAtTheLargestContent) {
  const testing::TemporaryFolder folder;
  const auto bomb = folder.write("bomb.gz", testing::gzip(testing::Bytes(20000000, 0)));
  EXPECT_THROW(content_checksum(bomb, Digest::sha256, 1000000), DataError);
  EXPECT_THROW(content_checksum(folder.path() / "absent", Digest::sha256, 1), DataError);
}

}  // namespace
}  // namespace backobs
