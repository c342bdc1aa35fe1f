// SPDX-License-Identifier: MIT
// BackPACK's class names stand for the quantities everywhere a name of an extension is read.
#include "campaign/plan.h"
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>

namespace backobs {
namespace {

const std::map<std::string, std::string> kQuantityOfClass = {
    {"BatchGrad", "grad_batch"},
    {"BatchL2Grad", "batch_l2"},
    {"SumGradSquared", "sum_grad_squared"},
    {"Variance", "variance"},
    {"DiagGGNExact", "diag_ggn_exact"},
    {"DiagGGNMC", "diag_ggn_mc"},
    {"BatchDiagGGNExact", "diag_ggn_exact_batch"},
    {"BatchDiagGGNMC", "diag_ggn_mc_batch"},
    {"DiagHessian", "diag_h"},
    {"BatchDiagHessian", "diag_h_batch"},
    {"SqrtGGNExact", "sqrt_ggn_exact"},
    {"SqrtGGNMC", "sqrt_ggn_mc"},
    {"KFAC", "kfac"},
    {"KFLR", "kflr"},
    {"KFRA", "kfra"},
    {"GGNMP", "ggnmp"},
    {"HMP", "hmp"},
    {"PCHMP", "pchmp"},
};

const Registry& registry() {
  static const Registry plugins({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return plugins;
}

std::string joined(const char* separator, bool classes) {
  std::string text;
  for (const auto& [name, quantity] : kQuantityOfClass) text += (text.empty() ? "" : separator) + (classes ? name : quantity);
  return text;
}

TEST(ClassNames, AreOfEveryQuantity) {
  std::set<std::string> registered, known;
  for (const auto& plugin : registry().list("extension")) registered.insert(plugin.manifest.name);
  for (const auto& [name, quantity] : kQuantityOfClass) known.insert(quantity);
  EXPECT_EQ(registered, known);
}

TEST(ClassNames, AreKnownToTheRegistryAndToDescribe) {
  const testing::TemporaryFolder folder;
  for (const auto& [name, quantity] : kQuantityOfClass) {
    EXPECT_EQ(registry().find("extension", name, "test").manifest.name, quantity);
    const auto answer = testing::backobs(folder.path(), "describe extension " + name + " --json");
    ASSERT_EQ(answer.code, 0) << answer.err;
    EXPECT_EQ(nlohmann::json::parse(answer.out).at("name"), quantity);
  }
}

TEST(ClassNames, StandInExperimentFiles) {
  const auto plan_of = [](const std::string& extensions) {
    ConfigProblems problems;
    const std::string text = "campaign: c\nexperiments:\n  - {problem: quadratic_deep, runner: {name: sgd, lr: 1}, extensions: [" +
                             extensions + "]}\n";
    return make_plan(read_campaign(read_yaml(text, "a.yaml", problems), problems), registry(), {}, problems);
  };
  const auto classes = plan_of(joined(", ", true)), quantities = plan_of(joined(", ", false));
  ASSERT_EQ(classes.runs.size(), 1u);
  EXPECT_EQ(classes.runs[0].settings.extensions.size(), kQuantityOfClass.size());
  EXPECT_EQ(classes.runs[0].id, quantities.runs.at(0).id);
}

TEST(ClassNames, StandBehindTheFlag) {
  const testing::TemporaryFolder folder;
  const auto extend = [&](bool classes) {
    return testing::backobs(folder.path(), "extend fmnist_logreg --source synthetic --batch-size 4 --json --extensions " + joined(",", classes));
  };
  const auto classes = extend(true), quantities = extend(false);
  ASSERT_EQ(classes.code, 0) << classes.err;
  EXPECT_EQ(classes.out, quantities.out);
  EXPECT_EQ(nlohmann::json::parse(classes.out).at("parameters").begin()->size(), kQuantityOfClass.size() + 1);  // and the gradient
}

}  // namespace
}  // namespace backobs
