// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/options.h>

#include <gtest/gtest.h>

namespace backobs {
namespace {

RawValue scalar(const std::string& item, bool quoted = false) { return {{item}, false, quoted, "a.yaml:3:7"}; }
RawValue list(std::vector<std::string> items) { return {std::move(items), true, false, "a.yaml:3:7"}; }

std::string complaint(const Option& option, const RawValue& raw) {
  try {
    parse_value(option, raw);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no complaint";
}

const Option kSamples = Option::integer("mc_samples", 1, "draws").at_least(1);
const Option kRate = Option::real("lr", "learning rate").greater_than(0);
const Option kMode = Option::text("mode", "mean", "how").one_of({"mean", "sum"});

TEST(ParseValue, GivesTheDeclaredType) {
  EXPECT_EQ(std::get<bool>(parse_value(Option::flag("f", false, ""), scalar("true"))), true);
  EXPECT_EQ(std::get<int64_t>(parse_value(kSamples, scalar("10"))), 10);
  EXPECT_EQ(std::get<double>(parse_value(kRate, scalar("1e-3"))), 1e-3);
  EXPECT_EQ(std::get<double>(parse_value(kRate, scalar("1"))), 1.0);
  EXPECT_EQ(std::get<std::string>(parse_value(kMode, scalar("sum"))), "sum");
  EXPECT_EQ(std::get<std::string>(parse_value(Option::text("t", ""), scalar("010", true))), "010");
  EXPECT_EQ(std::get<std::vector<int64_t>>(parse_value(Option::integers("i", {}, ""), list({"1", "2"}))),
            (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(std::get<std::vector<double>>(parse_value(Option::reals("r", {}, ""), list({}))).empty());
}

TEST(ParseValue, IsStrictAboutForm) {
  const std::string ending = ", wanted integer >= 1";
  for (const char* item : {"010", "yes", "1.0", "1e3", "", "ten"})
    EXPECT_EQ(complaint(kSamples, scalar(item)),
              "a.yaml:3:7: found option `mc_samples` = " + std::string(item) + ending);
  EXPECT_EQ(complaint(kSamples, scalar("5", true)), "a.yaml:3:7: found option `mc_samples` = \"5\" (text)" + ending);
  EXPECT_EQ(complaint(kSamples, list({"5", "6"})), "a.yaml:3:7: found option `mc_samples` = a list" + ending);
  EXPECT_EQ(complaint(kSamples, RawValue{{}, false, false, "--mc-samples"}),
            "--mc-samples: found option `mc_samples` without a value" + ending);
  EXPECT_EQ(complaint(Option::flag("nesterov", false, ""), scalar("yes")),
            "a.yaml:3:7: found option `nesterov` = yes, wanted true or false");
  EXPECT_EQ(complaint(Option::integers("at", {}, ""), scalar("3")),
            "a.yaml:3:7: found option `at` = 3, wanted list of integers");
}

TEST(ParseValue, ChecksRanges) {
  EXPECT_EQ(complaint(kSamples, scalar("0")), "a.yaml:3:7: found option `mc_samples` = 0, wanted integer >= 1");
  EXPECT_EQ(complaint(kRate, scalar("0")), "a.yaml:3:7: found option `lr` = 0, wanted real > 0");
  EXPECT_EQ(complaint(kRate, scalar("1e-300")), "no complaint");
  EXPECT_EQ(complaint(kRate, scalar("nan")), "a.yaml:3:7: found option `lr` = nan, wanted real > 0");
  const Option momentum = Option::real("momentum", 0, "").at_least(0).at_most(1);
  EXPECT_EQ(complaint(momentum, scalar("1")), "no complaint");
  EXPECT_EQ(complaint(momentum, scalar("1.5")), "a.yaml:3:7: found option `momentum` = 1.5, wanted real >= 0 and <= 1");
  EXPECT_EQ(complaint(Option::integers("at", {}, "").at_least(0), list({"3", "-1"})),
            "a.yaml:3:7: found option `at` = -1, wanted list of integers >= 0");
}

TEST(ParseValue, NamesTheNearestChoice) {
  EXPECT_EQ(complaint(kMode, scalar("maen")),
            "a.yaml:3:7: found option `mode` = maen, wanted one of: mean, sum; did you mean `mean`?");
}

TEST(ToText, IsReadBack) {
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(int64_t{-7}), "-7");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(std::string("sum")), "sum");
  const std::vector<double> reals = {0.1, 100, 1e-5};
  EXPECT_EQ(to_text(reals), "[0.1, 100, 1e-05]");
  const Option option = Option::reals("r", {}, "");
  EXPECT_EQ(std::get<std::vector<double>>(parse_value(option, scalar(to_text(reals)))), reals);
  EXPECT_TRUE(std::get<std::vector<double>>(parse_value(option, scalar("[]"))).empty());
  EXPECT_EQ(complaint(option, scalar("[1,,2]")), "a.yaml:3:7: found option `r` = , wanted list of reals");
}

TEST(Schema, FillsDefaultsAndChecksNames) {
  const Schema schema{kSamples, kRate, kMode};
  const Options options = schema.check({{"lr", scalar("0.1")}}, "runner `sgd`", "a.yaml:2:3");
  EXPECT_EQ(options.integer("mc_samples"), 1);
  EXPECT_EQ(options.real("lr"), 0.1);
  EXPECT_EQ(options.text("mode"), "mean");
  EXPECT_EQ(options.values().size(), 3u);
  EXPECT_THROW(options.real("mc_samples"), PluginError);
  EXPECT_THROW(options.real("momentum"), PluginError);
}

TEST(Schema, CollectsEveryProblem) {
  const Schema schema{kSamples, kRate, kMode};
  std::vector<std::string> problems;
  schema.check({{"mc_sample", scalar("2")}, {"mode", scalar("sums")}}, "runner `sgd`", "a.yaml:2:3", &problems);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0],
            "a.yaml:3:7: found runner `sgd` with option `mc_sample`, wanted one of its options (mc_samples, lr, mode); "
            "did you mean `mc_samples`?");
  EXPECT_EQ(problems[1],
            "a.yaml:3:7: found runner `sgd` with option `mode` = sums, wanted one of: mean, sum; "
            "did you mean `sum`?");
  EXPECT_EQ(problems[2], "a.yaml:2:3: found runner `sgd` without option `lr`, wanted real > 0");
  EXPECT_THROW(schema.check({}, "runner `sgd`", "a.yaml:2:3"), ConfigError);
}

TEST(Schema, JoinsWithoutDoubles) {
  const Schema both = Schema{kSamples}.joined(Schema{kRate});
  EXPECT_EQ(both.names(), (std::vector<std::string>{"mc_samples", "lr"}));
  EXPECT_THROW(both.joined(Schema{kRate}), PluginError);
}

}  // namespace
}  // namespace backobs
