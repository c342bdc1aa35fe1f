// SPDX-License-Identifier: MIT
// Every quantity of every reference file, in float64 and float32, against the values in the file.
// BACKOBS_REFERENCE_DIR names another folder of such files.

#include "host/registry.h"
#include "reference/reference_file.h"
#include "tolerance.h"
#include "walk/pass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <map>

namespace backobs::reference {
namespace {

/// What the file offers beside the extensions' quantities: blocks other tests use, and values of planned extensions.
const std::vector<std::string> kNotCompared = {
    "diag_ggn_exact_batch", "diag_h_batch",        "sqrt_ggn_exact", "product_probes",     "ggnmp",     "hmp",
    "pchmp_clip",           "pchmp_clip_backpack", "pchmp_abs",      "pchmp_abs_backpack", "ggn_block", "hessian_block"};

const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

ExtensionInstance make(const std::string& name, std::map<std::string, RawValue> options = {}) {
  const auto checked = registry().schema("extension", name).check(options, "extension `" + name + "`", "reference test");
  return {name, registry().make_extension(name, checked)};
}

std::vector<std::filesystem::path> files() { return reference_files(); }

using Results = std::map<std::string, std::map<std::string, TensorList>>;

class ReferenceTest : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  Results run(const std::vector<ExtensionInstance>& extensions, at::ScalarType dtype, int64_t step = 0) {
    auto net = file_.network(dtype);
    Pass pass(net, file_.loss(), {});
    Results results;
    const auto batch = file_.batch(dtype);
    const auto outcome = pass.run(batch, {batch.size, 0, step, Random(7)}, true, extensions,
                                  [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                    results[quantity][parameter] = value.tensors;
                                  });
    for (const auto& parameter : net.parameters()) results["grad"][parameter.name] = {parameter.value.grad().clone()};
    results["output"][""] = {outcome.output};
    results["loss_value"][""] = {at::tensor(outcome.evaluation.loss, at::kDouble)};
    return results;
  }

  void compare(const TensorList& found, const nlohmann::json& wanted, const std::string& what, at::ScalarType dtype) {
    const auto parts = wanted.is_array() ? wanted : nlohmann::json::array({wanted});
    ASSERT_EQ(found.size(), parts.size()) << what;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool wide = dtype == at::kDouble;
      EXPECT_TRUE(tensors_near(found[i], tensor_of(parts[i]), wide ? 1e-9 : 1e-5, wide ? 1e-14 : 1e-7))
          << file_.stem << " " << what << " part " << i << " in " << dtype;
    }
    std::cout << "compared " << file_.stem << " " << dtype << " " << what << "\n";
  }

  const ReferenceFile file_ = ReferenceFile::read(GetParam());
};

TEST_P(ReferenceTest, DeterministicQuantities) {
  std::vector<ExtensionInstance> extensions;
  for (const auto& [quantity, values] : file_.json.at("quantities").items()) {
    if (quantity == "grad") continue;
    if (std::count(kNotCompared.begin(), kNotCompared.end(), quantity)) continue;
    extensions.push_back(make(quantity));  // an unknown key is an error here
  }
  ASSERT_GE(extensions.size(), 8u);
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const auto results = run(extensions, dtype);
    compare(results.at("output").at(""), file_.json.at("output"), "output", dtype);
    EXPECT_NEAR(results.at("loss_value").at("").front().item<double>(), file_.json.at("loss_value").get<double>(),
                dtype == at::kDouble ? 1e-12 : 1e-5);
    for (const auto& [quantity, values] : file_.json.at("quantities").items()) {
      if (!results.count(quantity)) continue;
      for (const auto& [parameter, wanted] : values.items())
        compare(results.at(quantity).at(parameter), wanted, quantity + "/" + parameter, dtype);
    }
  }
}

/// R passes of M draws: each mean within six standard errors of the exact expectation.
TEST_P(ReferenceTest, MonteCarloQuantities) {
  constexpr int64_t kPasses = 40, kDraws = 100;
  const std::map<std::string, RawValue> draws{{"mc_samples", {{std::to_string(kDraws)}, false, false, "test"}}};
  Results sums;
  for (int64_t step = 0; step < kPasses; ++step)
    for (auto& [quantity, parameters] : run({make("diag_ggn_mc", draws), make("kfac", draws)}, at::kDouble, step))
      for (auto& [parameter, values] : parameters)
        for (std::size_t i = 0; i < values.size(); ++i) {
          auto& sum = sums[quantity][parameter];
          if (sum.size() <= i) sum.push_back(at::zeros_like(values[i]));
          sum[i] += values[i] / kPasses;
        }
  for (const std::string quantity : {"diag_ggn_mc", "kfac"})
    for (const auto& [parameter, wanted] : file_.json.at("monte_carlo").at(quantity).items()) {
      const auto parts = wanted.is_array() ? wanted : nlohmann::json::array({wanted});
      ASSERT_EQ(sums.at(quantity).at(parameter).size(), parts.size());
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto mean = tensor_of(parts[i].at("mean")), deviation = tensor_of(parts[i].at("std_one_draw"));
        const auto limit = deviation * (6 / std::sqrt(kPasses * kDraws)) + 1e-12 * (1 + mean.abs());
        const auto error = (sums[quantity][parameter][i] - mean).abs();
        EXPECT_TRUE(error.le(limit).all().item<bool>()) << quantity << "/" << parameter << " part " << i;
      }
      std::cout << "compared " << file_.stem << " Double " << quantity << "/" << parameter << "\n";
    }
}

INSTANTIATE_TEST_SUITE_P(Files, ReferenceTest, ::testing::ValuesIn(files()),
                         [](const auto& test) { return test.param.stem().string(); });

TEST(Reference, FindsFiles) { EXPECT_FALSE(files().empty()) << "no *.json to compare with"; }

}  // namespace
}  // namespace backobs::reference
