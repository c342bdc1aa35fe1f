// SPDX-License-Identifier: MIT
// What a disk does to campaigns: it stops between two changes, or it is full. The same command completes them, with the
// bytes of one that was left alone.
#include "integration/campaign_results.h"
#include "unit/temporary_folder.h"

#include <sys/mount.h>

#include <cstdlib>
#include <set>
#include <sstream>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;

class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder() / "c.yaml")
        << "campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n"
           "    runner: {name: sgd, lr: 0.01, momentum: 0.9, epochs: 2, max_steps: 2, log_interval: 1}\n"
           "    extensions: [{name: diag_ggn_mc, every: 3, record: [mean], save: tensors}]\n";
    const Answer whole = run("", "whole");
    ASSERT_EQ(whole.code, 0) << whole.err;
  }
  const fs::path& folder() const { return temporary_.path(); }
  Answer run(const std::string& variables, const fs::path& output) const {
    const std::string where = (folder() / output).string();
    return backobs_with(variables, folder(), "run c.yaml --threads 1 --checkpoint-every 0 --output '" + where + "'");
  }

 private:
  TemporaryFolder temporary_;
};

/// Changes of the campaign's files by one of its two processes, up to the `call`-th, at which it dies.
class Changes {
 public:
  Changes(const fs::path& folder, const fs::path& campaign, bool in_child) : log_(folder / ".calls") {
    variables_ = "LD_PRELOAD='" BACKOBS_BUILD_DIR "/lib/dies_at_call.so' BACKOBS_TEST_BELOW='" + campaign.string() +
                 "' BACKOBS_TEST_CALLS='" + log_.string() + "' BACKOBS_TEST_CHILD=" + (in_child ? "1" : "0") + " ";
  }
  std::string variables(std::size_t call) const { return variables_ + "BACKOBS_TEST_CALL=" + std::to_string(call) + " "; }
  /// What was done since the last look.
  std::vector<std::string> look() const {
    std::vector<std::string> all;
    std::istringstream lines(text_of(log_));
    for (std::string line; std::getline(lines, line);) all.push_back(line);
    fs::remove(log_);
    return all;
  }

 private:
  fs::path log_;
  std::string variables_;
};

/// From 1 to `count`: all with BACKOBS_TEST_ALL_CALLS=1, else `some`, spread over them.
std::vector<std::size_t> chosen(std::size_t count, std::size_t some) {
  std::set<std::size_t> calls;
  if (const char* all = std::getenv("BACKOBS_TEST_ALL_CALLS"); all && std::string(all) == "1") some = count;
  for (std::size_t i = 0; i < some; ++i) calls.insert(1 + i * count / some);
  return {calls.begin(), calls.end()};
}

class DiesAtCall : public DiskTest, public ::testing::WithParamInterface<bool> {};

TEST_P(DiesAtCall, ItEndsWithTheSameBytes) {
  const bool in_child = GetParam();
  const fs::path campaign = folder() / "out";
  const Changes changes(folder(), campaign, in_child);
  ASSERT_EQ(run(changes.variables(0), "out").code, 0);
  const auto all = changes.look();
  std::set<std::string> kinds;
  for (const auto& line : all) kinds.insert(line.substr(0, line.find(' ')));
  for (const char* kind : {"write", "sync", "rename"}) EXPECT_TRUE(kinds.count(kind)) << kind;
  for (const std::size_t call : chosen(all.size(), in_child ? 6 : 2)) {
    SCOPED_TRACE("change " + std::to_string(call) + " of " + std::to_string(all.size()) + ": " + all.at(call - 1));
    fs::remove_all(campaign);
    const Answer killed = run(changes.variables(call), "out");
    EXPECT_EQ(killed.code, in_child ? 1 : 128 + SIGKILL) << killed.err;
    EXPECT_EQ(changes.look().size(), call);
    const Answer again = run("", "out");
    ASSERT_EQ(again.code, 0) << again.err;
    expect_equal_results(folder() / "whole/c", campaign / "c");
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, DiesAtCall, ::testing::Values(false, true),
                         [](const auto& one) { return one.param ? "InARun" : "InTheCampaign"; });

/// A small file system of its own.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path folder) : folder_(std::move(folder)) { fs::create_directories(folder_); }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  /// False where this process may not.
  bool resize(int64_t kib) {
    const std::string size = "size=" + std::to_string(kib) + "k";
    const unsigned long again = mounted_ ? MS_REMOUNT : 0;
    const bool done = ::mount("tmpfs", folder_.c_str(), "tmpfs", again, size.c_str()) == 0;
    mounted_ = mounted_ || done;
    return done;
  }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

TEST_F(DiskTest, AFullDiskIsTheRunsFailureAndNothingIsLost) {
  int failures = 0;
  for (const int64_t kib : {4, 32, 64}) {
    SCOPED_TRACE(std::to_string(kib) + " KiB");
    const fs::path where = folder() / ("small-" + std::to_string(kib));
    SmallDisk disk(where);
    if (!disk.resize(kib)) GTEST_SKIP() << "no file system may be mounted here";
    const Answer full = run("", where);
    EXPECT_LE(full.code, 1) << full.err;
    if (full.code == 1) {
      ++failures;
      EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
    }
    ASSERT_TRUE(disk.resize(4096));
    const Answer again = run("", where);
    ASSERT_EQ(again.code, 0) << again.err;
    expect_equal_results(folder() / "whole/c", where / "c");
  }
  EXPECT_GE(failures, 2);
}

}  // namespace
}  // namespace backobs::testing
