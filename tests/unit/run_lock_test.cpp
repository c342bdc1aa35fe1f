// SPDX-License-Identifier: MIT
#include "campaign/run_lock.h"

#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace backobs {
namespace {

TEST(RunLock, IsHeldOnce) {
  const testing::TemporaryFolder folder;
  const auto run = folder.path() / "runs" / "a";
  EXPECT_FALSE(RunLock::is_held(run));
  {
    const auto lock = RunLock::try_take(run);
    ASSERT_TRUE(lock);
    EXPECT_TRUE(RunLock::is_held(run));
    EXPECT_FALSE(RunLock::try_take(run));
  }
  EXPECT_FALSE(RunLock::is_held(run));
  EXPECT_FALSE(std::filesystem::exists(run / "lock"));
  EXPECT_TRUE(RunLock::try_take(run));
}

/// A file whose name was taken away is not the lock any more.
TEST(RunLock, FollowsTheName) {
  const testing::TemporaryFolder folder;
  const auto old = RunLock::try_take(folder.path());
  std::filesystem::remove(folder.path() / "lock");
  const auto taken = RunLock::try_take(folder.path());
  EXPECT_TRUE(taken);
  EXPECT_FALSE(RunLock::try_take(folder.path()));
}

/// A process that has the descriptor keeps the lock when its parent has let it go.
TEST(RunLock, StaysWithTheChild) {
  const testing::TemporaryFolder folder;
  int ready[2], go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto lock = RunLock::try_take(folder.path());
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      char byte;
      close(go[1]);
      _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
    }
    _exit(write(ready[1], lock ? "y" : "n", 1) == 1 ? 0 : 1);  // without destructors: as if killed
  }
  close(go[0]);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(RunLock::try_take(folder.path()));
  close(go[1]);  // the grandchild ends
  bool taken = false;
  for (int i = 0; i < 1000 && !taken; ++i) {
    usleep(10000);
    taken = RunLock::try_take(folder.path()).has_value();
  }
  EXPECT_TRUE(taken);
  for (const int descriptor : {ready[0], ready[1]}) close(descriptor);
}

}  // namespace
}  // namespace backobs
