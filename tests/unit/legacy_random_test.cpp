// SPDX-License-Identifier: MIT
// Expected numbers: Python 3.11 and numpy 1.24.2, printed with float.hex(); the call is given at each test.
#include <backobs/error.h>
#include <backobs/legacy_random.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace backobs {
namespace {

TEST(NumpyRandom, Words) {  // numpy.frombuffer(RandomState(42).bytes(12), "<u4")
  auto random = MersenneTwister::numpy(42);
  EXPECT_EQ(random.next_uint32(), 1608637542u);
  EXPECT_EQ(random.next_uint32(), 3421126067u);
  EXPECT_EQ(random.next_uint32(), 4083286876u);
}

TEST(NumpyRandom, Doubles) {  // RandomState(42).random_sample()
  auto random = MersenneTwister::numpy(42);
  EXPECT_EQ(random.next_double(), 0x1.7f8771e5f51ecp-2);
  EXPECT_EQ(random.next_double(), 0x1.e6c4068bbd654p-1);
  EXPECT_EQ(random.next_double(), 0x1.76c7e8f1e6751p-1);
  EXPECT_EQ(MersenneTwister::numpy(4294967295u).next_double(), 0x1.8fe69a3924820p-4);
}

TEST(NumpyRandom, Uniform) {  // RandomState(42).uniform(30, 60)
  auto random = MersenneTwister::numpy(42);
  EXPECT_EQ(random.uniform(30, 60), 0x1.49e3beb1e5733p+5);
  EXPECT_EQ(random.uniform(30, 60), 0x1.d42be31180c78p+5);
}

TEST(NumpyRandom, Normal) {  // RandomState(42).normal(); RandomState(43).normal(0, 0.6, 100000)
  auto random = MersenneTwister::numpy(42);
  for (const double expected : {0x1.fca2a28a9307cp-2, -0x1.1b2a505de052ap-3, 0x1.4b9dd50245e68p-1,
                                0x1.85e548e01aa2bp+0, -0x1.df8bcdf57a640p-3})
    EXPECT_EQ(random.normal(), expected);
  auto many = MersenneTwister::numpy(43);
  double last = 0, sum = 0;
  for (int i = 0; i < 100000; ++i) sum += last = many.normal(0, 0.6);
  EXPECT_EQ(last, 0x1.2263e7c05e133p-1);
  EXPECT_NEAR(sum, 0x1.04fbf200d0c96p+7, 1e-9);  // math.fsum
}

TEST(NumpyRandom, KeptNormalSurvivesOtherDraws) {  // uniform(2, 3), normal(1, 2), twice, then random_sample(); seed 0
  auto random = MersenneTwister::numpy(0);
  EXPECT_EQ(random.uniform(2, 3), 0x1.463f85597c4aap+1);
  EXPECT_EQ(random.normal(1, 2), 0x1.3dd8f4d1c2518p+1);
  EXPECT_EQ(random.uniform(2, 3), 0x1.45bebb6d8e57dp+1);
  EXPECT_EQ(random.normal(1, 2), 0x1.06c5e07890061p+2);
  EXPECT_EQ(random.next_double(), 0x1.b1d2904fd0ef6p-2);
}

struct Seeding {
  uint64_t seed;
  uint32_t words[3];  // random.getrandbits(32)
  std::vector<int64_t> shuffled;  // random.shuffle(list(range(10)))
};

TEST(PythonRandom, SeedsOfOneAndTwoWords) {
  const std::vector<Seeding> cases = {
      {0, {3626764237u, 1654615998u, 3255389356u}, {7, 8, 1, 5, 3, 4, 2, 0, 9, 6}},
      {42, {2746317213u, 478163327u, 107420369u}, {7, 3, 2, 8, 5, 6, 9, 4, 0, 1}},
      {4294967295u, {2728839433u, 2661025012u, 872737089u}, {0, 7, 1, 5, 2, 6, 4, 8, 3, 9}},
      {4294967296u, {485306839u, 1508871100u, 1794561286u}, {8, 9, 3, 2, 4, 7, 0, 6, 5, 1}},
      {9223372036854788153u, {1308997459u, 1668775168u, 912389232u}, {7, 0, 9, 8, 2, 5, 1, 3, 6, 4}},
  };
  for (const auto& expected : cases) {
    auto random = MersenneTwister::python(expected.seed);
    for (const uint32_t word : expected.words) EXPECT_EQ(random.next_uint32(), word) << "seed " << expected.seed;
    EXPECT_EQ(MersenneTwister::python(expected.seed).shuffled(10), expected.shuffled) << "seed " << expected.seed;
  }
}

TEST(PythonRandom, Below) {  // random.seed(42), then random.randrange(n) for these n in turn
  auto random = MersenneTwister::python(42);
  const std::vector<std::pair<uint64_t, uint64_t>> draws = {
      {1, 0},          {2, 0}, {3, 2}, {uint64_t{1} << 31, 1181241943}, {uint64_t{1} << 32, 1051802512},
      {(uint64_t{1} << 32) + 1, 2342331444}, {uint64_t{1} << 40, 930249081961}};
  for (const auto& [n, expected] : draws) EXPECT_EQ(random.below(n), expected) << "below " << n;
  EXPECT_THROW(random.below(0), ComputeError);
}

TEST(PythonRandom, ShuffleOfNothingAndOne) {
  EXPECT_TRUE(MersenneTwister::python(1).shuffled(0).empty());
  EXPECT_EQ(MersenneTwister::python(1).shuffled(1), std::vector<int64_t>{0});
}

struct Split {
  int64_t samples, held_out;
  std::vector<int64_t> begin;
  int64_t last, sum;
};

TEST(PythonRandom, SplitsOfTheImageSetsForSeed42) {
  const std::vector<Split> splits = {
      {60000, 10000, {31577, 9437, 8430, 47456, 5128, 17871, 23783, 10871}, 15147, 299472237},
      {50000, 10000, {9926, 35283, 27382, 36541, 23204, 30508, 24079, 48121}, 36553, 250206089},
      {73257, 26032, {62340, 32269, 24813, 26139, 29711, 26966, 53777, 45272}, 68916, 956350976},
  };
  for (const auto& split : splits) {
    auto order = MersenneTwister::python(42).shuffled(split.samples);
    ASSERT_EQ(static_cast<int64_t>(order.size()), split.samples);
    order.resize(static_cast<std::size_t>(split.held_out));
    EXPECT_EQ(std::vector<int64_t>(order.begin(), order.begin() + 8), split.begin);
    EXPECT_EQ(order.back(), split.last);
    EXPECT_EQ(std::accumulate(order.begin(), order.end(), int64_t{0}), split.sum);
  }
}

}  // namespace
}  // namespace backobs
