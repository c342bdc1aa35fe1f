// SPDX-License-Identifier: MIT
#include "files/archive.h"
#include "unit/foreign_files.h"
#include "unit/mutation.h"

#include <map>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;
using testing::tar;
using testing::tar_member;

class Archive : public ::testing::Test {
 protected:
  /// What is taken of folder/a and b, with at most 100 bytes each.
  std::map<std::string, Bytes> taken(const Bytes& archive) const {
    fs::remove(folder_.path() / "archive");
    const auto file = folder_.write("archive", archive);
    std::map<std::string, Bytes> result;
    read_archive(file, {{"folder/a", 100}, {"b", 100}}, [&](const std::string& name, std::vector<uint8_t> content) {
      EXPECT_TRUE(result.emplace(name, std::move(content)).second);
    });
    return result;
  }
  std::string complaint_about(const Bytes& archive) const {
    try {
      taken(archive);
    } catch (const DataError& error) {
      return error.found();
    }
    return "no complaint";
  }
  const testing::TemporaryFolder folder_;
  const Bytes sound_ = tar({tar_member("folder/", {}, '5'), tar_member("folder/a", {1, 2, 3}), tar_member("c", Bytes(5000, 4)),
                            tar_member("./b", Bytes(100, 9))});
};

TEST_F(Archive, HandsOverWhatIsWanted) {
  const std::map<std::string, Bytes> expected = {{"folder/a", {1, 2, 3}}, {"b", Bytes(100, 9)}};
  EXPECT_EQ(taken(sound_), expected);
  EXPECT_EQ(taken(testing::gzip(sound_)), expected);
  EXPECT_TRUE(taken(tar({tar_member("c", {1})})).empty());
}

TEST_F(Archive, RefusesPathsThatLeadOut) {
  for (const std::string name : {"../b", "folder/../../b", "/etc/passwd", "folder/.."})
    EXPECT_EQ(complaint_about(tar({tar_member(name, {1})})), "member `" + name + "`, which leads out of the archive");
}

TEST_F(Archive, RefusesLinksAndDevices) {
  for (const char type : {'1', '2', '3', '4', '6'})
    EXPECT_EQ(complaint_about(tar({tar_member("b", {}, type, "/etc/passwd")})), "member `b`, which is a link or special file") << type;
}

TEST_F(Archive, RefusesSizesAndRepetitions) {
  EXPECT_EQ(complaint_about(tar({tar_member("b", Bytes(101))})), "`b`, which is larger than 100 bytes");
  EXPECT_EQ(complaint_about(tar({tar_member("b", {1}), tar_member("b", {2})})), "two members `b`");
  EXPECT_EQ(complaint_about(tar(std::vector<Bytes>(10001, tar_member("c", {})))), "more than 10000 members");
}

TEST_F(Archive, RefusesABomb) {
  // 320 MB of zeros in members that nobody wants, 0.3 MB packed.
  const Bytes block = tar_member("c", Bytes(32 << 20));
  Bytes bomb;
  for (int i = 0; i < 10; ++i) testing::append(bomb, testing::gzip(block));
  EXPECT_LT(bomb.size(), 500000u);
  EXPECT_EQ(complaint_about(bomb), "more content than such an archive has");
}

TEST_F(Archive, RefusesWhatIsDamaged) {
  EXPECT_NE(complaint_about(testing::counting(2000)), "no complaint");
  Bytes packed = testing::gzip(sound_);
  packed.resize(packed.size() / 2);
  EXPECT_NE(complaint_about(packed), "no complaint");
  EXPECT_NE(complaint_about({sound_.begin(), sound_.begin() + 1600}), "no complaint");
  Bytes wrong_sum = sound_;
  wrong_sum[1] ^= 1;
  EXPECT_NE(complaint_about(wrong_sum), "no complaint");
  EXPECT_THROW(read_archive(folder_.path() / "absent", {}, {}), DataError);
}

TEST_F(Archive, SurvivesMutations) {
  const auto check = [&](const Bytes& bytes) {
    for (const auto& [name, content] : taken(bytes)) EXPECT_LE(content.size(), 100u) << name;
  };
  testing::expect_survival(sound_, 14, 1500, SIZE_MAX, check);
  testing::expect_survival(testing::gzip(sound_), 15, 1500, SIZE_MAX, check);
}

}  // namespace
}  // namespace backobs
