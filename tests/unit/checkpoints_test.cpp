// SPDX-License-Identifier: MIT
#include "campaign/checkpoints.h"
#include "campaign/state_file.h"

#include <backobs/error.h>

#include "unit/temporary_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

uint64_t bits(double value) {
  uint64_t all;
  std::memcpy(&all, &value, sizeof all);
  return all;
}

State example() {
  State state;
  state.put("an integer", int64_t{-7});
  state.put("minus zero", -0.0);
  state.put("a NaN with a payload", std::nan("0x123"));
  state.put("a text", std::string("two\nlines \0 and a zero", 22));
  state.put("float", at::arange(6, at::kFloat).reshape({2, 3}).t());  // not contiguous
  state.put("bool", at::tensor(std::vector<int64_t>{1, 0, 1}).to(at::kBool));
  state.put("scalar", at::scalar_tensor(3, at::kLong));
  state.put("nothing", at::empty({0, 4}, at::kDouble));
  return state;
}

TEST(StateFile, KeepsEveryBit) {
  const State before = example(), after = decode_state(encode_state(before), at::kCPU, "x");
  ASSERT_EQ(after.values().size(), before.values().size());
  EXPECT_EQ(after.integer("an integer"), -7);
  for (const char* name : {"minus zero", "a NaN with a payload"}) EXPECT_EQ(bits(after.real(name)), bits(before.real(name)));
  EXPECT_EQ(after.text("a text"), before.text("a text"));
  for (const char* name : {"float", "bool", "scalar", "nothing"}) {
    EXPECT_EQ(after.tensor(name).scalar_type(), before.tensor(name).scalar_type()) << name;
    EXPECT_EQ(after.tensor(name).sizes(), before.tensor(name).sizes()) << name;
    EXPECT_TRUE(after.tensor(name).equal(before.tensor(name))) << name;
  }
}

/// Cut anywhere or changed in any byte, it is refused and nothing worse happens.
TEST(StateFile, RefusesDamage) {
  const std::string whole = encode_state(example());
  for (std::size_t size = 0; size < whole.size(); size += 7)
    EXPECT_THROW(decode_state(whole.substr(0, size), at::kCPU, "x"), ComputeError) << size;
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x41);
    EXPECT_THROW(decode_state(changed, at::kCPU, "x"), ComputeError) << at;
  }
  EXPECT_THROW(decode_state("", at::kCPU, "x"), ComputeError);
}

TEST(StateFile, RefusesTensorsWithoutValues) {
  State state;
  state.put("undefined", at::Tensor());
  EXPECT_THROW(encode_state(state), PluginError);
}

State numbered(int64_t step) {
  State state;
  state.put("step", step);
  return state;
}

TEST(Checkpoints, NewestWholeOneCounts) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Checkpoints(folder.path()).newest(at::kCPU));
  Checkpoints writing(folder.path());
  for (int64_t step : {1, 2, 3}) writing.write(numbered(step));
  EXPECT_EQ(Checkpoints::files(folder.path()).size(), 2u);
  Checkpoints reading(folder.path());
  ASSERT_EQ(reading.newest(at::kCPU)->integer("step"), 3);
  reading.write(numbered(4));  // in place of the older one, 2
  EXPECT_EQ(Checkpoints(folder.path()).newest(at::kCPU)->integer("step"), 4);

  // The newest is torn: the one before it is still there.
  std::size_t torn = 0;
  for (const auto& file : Checkpoints::files(folder.path())) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (decode_state(bytes, at::kCPU, "x").integer("step") != 4) continue;
    fs::resize_file(file, bytes.size() / 2);
    ++torn;
  }
  ASSERT_EQ(torn, 1u);
  EXPECT_EQ(Checkpoints(folder.path()).newest(at::kCPU)->integer("step"), 3);
  Checkpoints::remove(folder.path());
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace backobs
