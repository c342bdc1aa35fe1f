// SPDX-License-Identifier: MIT
#include "host/first_look.h"
#include "host/registry.h"
#include "host/verdicts.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
void write(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

class VerdictsTest : public ::testing::Test {
 protected:
  fs::path plugin(const std::string& name) {
    const auto file = folder_.path() / name;
    write(file, name);
    return file;
  }
  fs::path file() const { return folder_.path() / "cache" / "verdicts"; }
  Verdicts open(const std::string& host = "host") const { return {file(), host}; }

  TemporaryFolder folder_;
};

TEST_F(VerdictsTest, AreOfOneStateOfTheFileAndOneHost) {
  const auto a = plugin("a.so");
  Verdicts first = open();
  EXPECT_FALSE(first.find(identity_of(a)));
  first.remember(identity_of(a), {Verdict::Kind::quarantined, "two\nlines\tand a tab"});
  ASSERT_TRUE(first.save());
  const auto found = open().find(identity_of(a));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Verdict::Kind::quarantined);
  EXPECT_EQ(found->reason, "two lines and a tab");
  EXPECT_FALSE(open("another host").find(identity_of(a)));
  for (auto change : {&FileIdentity::size, &FileIdentity::inode}) {
    auto other = identity_of(a);
    ++(other.*change);
    EXPECT_FALSE(open().find(other));
  }
  for (auto change : {&FileIdentity::modified, &FileIdentity::changed}) {
    auto other = identity_of(a);
    ++(other.*change);
    EXPECT_FALSE(open().find(other));
  }
}

TEST_F(VerdictsTest, OfSeveralProcessesAreKept) {
  const auto a = plugin("a.so"), b = plugin("b.so"), gone = plugin("gone.so");
  Verdicts first = open(), second = open();
  first.remember(identity_of(a), {});
  first.remember(identity_of(gone), {});
  fs::remove(gone);
  second.remember(identity_of(b), {Verdict::Kind::refused, "why"});
  ASSERT_TRUE(first.save());
  ASSERT_TRUE(second.save());
  EXPECT_TRUE(open().find(identity_of(a)));
  EXPECT_TRUE(open().find(identity_of(b)));
  EXPECT_EQ(text_of(file()).find("gone.so"), std::string::npos);
  EXPECT_EQ(open().forget([](auto&, const Verdict& v) { return v.kind == Verdict::Kind::refused; }), 1u);
  Verdicts third = open();
  third.forget([&](const fs::path& path, auto&) { return path == a; });
  ASSERT_TRUE(third.save());
  EXPECT_FALSE(open().find(identity_of(a)));
  EXPECT_TRUE(open().find(identity_of(b)));
}

TEST_F(VerdictsTest, AreLostWithoutHarm) {
  const auto a = plugin("a.so");
  fs::create_directories(file());  // a folder where the file should be
  Verdicts blocked = open();
  blocked.remember(identity_of(a), {});
  EXPECT_FALSE(blocked.save());
  EXPECT_TRUE(blocked.find(identity_of(a)));
  Verdicts nowhere({}, "host");
  nowhere.remember(identity_of(a), {});
  EXPECT_FALSE(nowhere.save());
}

// Whatever happened to the file: it is read without harm, and never turns quarantine of one file into trust of another.
TEST_F(VerdictsTest, SurviveDamage) {
  const auto a = plugin("a.so"), b = plugin("b.so");
  Verdicts written = open();
  written.remember(identity_of(a), {Verdict::Kind::quarantined, "crash"});
  ASSERT_TRUE(written.save());
  const std::string whole = text_of(file());
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = whole;
    if (round % 2) damaged.resize(random() % damaged.size());
    for (int k = 0; k < 3 && !damaged.empty(); ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    write(file(), damaged);
    EXPECT_FALSE(open().find(identity_of(b)));
    const auto found = open().find(identity_of(a));
    if (found) { EXPECT_EQ(found->kind, Verdict::Kind::quarantined); }
  }
}

/// Copies of a sound plugin under `count` names of its length.
void make_plugins(const fs::path& folder, int count) {
  const std::string sound = text_of(fs::path(BACKOBS_BUILD_DIR) / "bad_plugins" / "sound.so");
  const std::string mark = "\"name\":\"";
  const auto at = sound.find(mark + "sound\"");
  ASSERT_NE(at, std::string::npos);
  for (int i = 0; i < count; ++i) {
    const std::string name = "p" + std::to_string(10000 + i).substr(1);
    write(folder / (name + ".so"), std::string(sound).replace(at + mark.size(), 5, name));
  }
}

TEST_F(VerdictsTest, ScanningTwoHundredKnownPluginsTakesUnderFiftyMilliseconds) {
  setenv("XDG_CACHE_HOME", (folder_.path() / "cache").c_str(), 1);
  const auto plugins = folder_.path() / "plugins";
  fs::create_directories(plugins);
  make_plugins(plugins, 200);
  Verdicts verdicts = Verdicts::of_user();
  for (const auto& entry : fs::directory_iterator(plugins)) verdicts.remember(identity_of(entry.path()), {});
  ASSERT_TRUE(verdicts.save());
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const Registry registry({plugins}, objections);
    best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    ASSERT_EQ(registry.list("extension").size(), 200u);
    ASSERT_TRUE(registry.refused().empty());
  }
  unsetenv("XDG_CACHE_HOME");
  RecordProperty("milliseconds", std::to_string(best));
  std::printf("[ measured ] %.1f ms for 200 plugins\n", best);
  EXPECT_LT(best, 50);
}

}  // namespace
}  // namespace backobs
