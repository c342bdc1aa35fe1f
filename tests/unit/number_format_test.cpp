// SPDX-License-Identifier: MIT
#include "files/number_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace backobs {
namespace {

TEST(ParseInteger, TakesDecimalDigitsOnly) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* text : {"", "-", "010", "-01", "+1", "1.0", "1e3", " 1", "1 ", "0x1", "yes", "9223372036854775808"})
    EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(ParseReal, TakesFiniteDecimals) {
  EXPECT_EQ(parse_real("1"), 1.0);
  EXPECT_EQ(parse_real("-0.5"), -0.5);
  EXPECT_EQ(parse_real(".5"), 0.5);
  EXPECT_EQ(parse_real("2."), 2.0);
  EXPECT_EQ(parse_real("1e-3"), 1e-3);
  EXPECT_EQ(parse_real("1E+16"), 1e16);
  for (const char* text :
       {"", ".", "-", "e5", "1e", "1e+", "010", "00.5", "0x10", "inf", "nan", "1e999", "+1", "1,5", "1 "})
    EXPECT_FALSE(parse_real(text)) << text;
}

TEST(ParseFlag, TakesTrueAndFalseOnly) {
  EXPECT_EQ(parse_flag("true"), true);
  EXPECT_EQ(parse_flag("false"), false);
  for (const char* text : {"", "yes", "True", "1", "on"}) EXPECT_FALSE(parse_flag(text)) << text;
}

struct Printed {
  double value;
  const char *python, *shortest;
};

TEST(RealText, FollowsPythonsChoiceOfForm) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Printed cases[] = {{0.1, "0.1", "0.1"},
                           {1e-05, "1e-05", "1e-05"},
                           {0.0001, "0.0001", "0.0001"},
                           {2.302585092994046, "2.302585092994046", "2.302585092994046"},
                           {100.0, "100.0", "100"},
                           {0.0, "0.0", "0"},
                           {-0.0, "-0.0", "-0"},
                           {123456.789, "123456.789", "123456.789"},
                           {1e15, "1000000000000000.0", "1000000000000000"},
                           {1e16, "1e+16", "1e+16"},
                           {1.5e-7, "1.5e-07", "1.5e-07"},
                           {1e100, "1e+100", "1e+100"},
                           {-2.5e300, "-2.5e+300", "-2.5e+300"},
                           {5e-324, "5e-324", "5e-324"},
                           {0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
                           {infinity, "Infinity", "inf"},
                           {-infinity, "-Infinity", "-inf"},
                           {std::nan(""), "NaN", "nan"}};
  for (const auto& c : cases) {
    EXPECT_EQ(python_real(c.value), c.python);
    EXPECT_EQ(shortest_real(c.value), c.shortest);
  }
}

TEST(RealText, OfPeopleHasNoNegativeNaN) {
  EXPECT_EQ(formatted("%.4g", -std::nan("")), "nan");
  EXPECT_EQ(formatted("%.4g", std::nan("")), "nan");
  EXPECT_EQ(formatted("%.4g", -INFINITY), "-inf");
  EXPECT_EQ(formatted("%.3f s", 0.1234), "0.123 s");
  EXPECT_EQ(formatted("%.1f", 1e100).size(), 103u);
}

TEST(RealText, ReadsBackToTheSameBits) {
  std::mt19937_64 generator(1);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = generator();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    ++compared;
    ASSERT_EQ(parse_real(shortest_real(value)), value);
    ASSERT_EQ(parse_real(python_real(value)), value);
  }
  EXPECT_GT(compared, 19000);
}

}  // namespace
}  // namespace backobs
