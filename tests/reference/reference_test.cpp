// SPDX-License-Identifier: MIT
// Every key of every reference file, in float64 and float32, against the values in the file. An unknown key fails.
// BACKOBS_REFERENCE_DIR names another folder of such files.

#include "data/pt_file.h"
#include "host/registry.h"
#include "reference/reference_file.h"
#include "tolerance.h"
#include "unit/temporary_folder.h"
#include "walk/pass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <map>

namespace backobs::reference {
namespace {

using nlohmann::json;

/// Values that are wrong by the file's own account: the residual enters with the square of the gradient.
const std::vector<std::string> kKnownWrong = {"pchmp_clip_backpack", "pchmp_abs_backpack"};
/// Roots are not unique: their Gram matrices are compared.
const std::string kRoot = "sqrt_ggn_exact", kRootDraws = "sqrt_ggn_mc", kGramDraws = "sqrt_ggn_mc_gram";

const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

ExtensionInstance make(const std::string& key, const std::string& plugin,
                       const std::map<std::string, std::string>& options = {}) {
  std::map<std::string, RawValue> raw;
  for (const auto& [name, text] : options) raw[name] = {{text}, false, false, "test"};
  const auto checked = registry().schema("extension", plugin).check(raw, "extension `" + plugin + "`", "reference test");
  return {key, registry().make_extension(plugin, checked)};
}

/// sum_v A[v,n] A[v,n]^T of columns [V, N, *p]: [N, P, P].
Tensor gram(const Tensor& columns) {
  const auto flat = columns.flatten(2).transpose(0, 1);
  return flat.transpose(1, 2).bmm(flat);
}

std::vector<std::filesystem::path> files() { return reference_files(); }

using Results = std::map<std::string, std::map<std::string, TensorList>>;

class ReferenceTest : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  ReferenceTest() {
    std::vector<std::pair<std::string, Tensor>> probes, identities;
    const auto& quantities = file_.json.at("quantities");
    if (quantities.count("product_probes"))
      for (const auto& [parameter, value] : quantities.at("product_probes").items())
        probes.emplace_back(parameter, tensor_of(value));
    for (const auto& [parameter, value] : file_.json.at("parameters").items()) {
      const auto w = tensor_of(value);
      auto shape = w.sizes().vec();
      shape.insert(shape.begin(), w.numel());
      identities.emplace_back(parameter, at::eye(w.numel(), at::kDouble).reshape(shape));
    }
    write_pt(probes_, probes);
    write_pt(identities_, identities);
  }

  /// What computes the values under a key of `quantities`; nothing for inputs and for values that are known to be wrong.
  std::vector<ExtensionInstance> extensions_of(const std::string& key) const {
    if (key == "grad" || key == "product_probes" || std::count(kKnownWrong.begin(), kKnownWrong.end(), key)) return {};
    if (key == "ggnmp" || key == "hmp") return {make(key, key, {{"vectors", probes_.string()}})};
    if (key == "pchmp_clip") return {make(key, "pchmp", {{"vectors", probes_.string()}, {"modify", "clip"}})};
    if (key == "pchmp_abs") return {make(key, "pchmp", {{"vectors", probes_.string()}, {"modify", "abs"}})};
    if (key == "ggn_block") return {make(key, "ggnmp", {{"vectors", identities_.string()}})};
    if (key == "hessian_block") return {make(key, "hmp", {{"vectors", identities_.string()}})};
    return {make(key, key)};  // an unknown key is an error here
  }

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

  void compare(const TensorList& found, const json& wanted, const std::string& key, const std::string& parameter,
               at::ScalarType dtype) {
    const auto parts = wanted.is_array() ? wanted : json::array({wanted});
    ASSERT_EQ(found.size(), parts.size()) << key << "/" << parameter;
    const bool wide = dtype == at::kDouble;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      auto value = found[i], expected = tensor_of(parts[i]);
      if (key == kRoot) {
        value = gram(value);
        expected = gram(expected);
      }
      if (key == "ggn_block" || key == "hessian_block") value = value.flatten(1);  // row k is the block times unit vector k
      EXPECT_TRUE(tensors_near(value, expected, wide ? 1e-9 : 1e-5, wide ? 1e-14 : 1e-7))
          << file_.stem << " " << key << "/" << parameter << " part " << i << " in " << dtype;
    }
    std::cout << "compared " << file_.stem << " " << dtype << " " << key << (parameter.empty() ? "" : "/") << parameter << "\n";
  }

  const ReferenceFile file_ = ReferenceFile::read(GetParam());
  const backobs::testing::TemporaryFolder folder_;
  const std::filesystem::path probes_ = folder_.path() / "probes.pt", identities_ = folder_.path() / "identities.pt";
};

TEST_P(ReferenceTest, DeterministicQuantities) {
  std::vector<ExtensionInstance> extensions;
  for (const auto& [key, values] : file_.json.at("quantities").items())
    for (auto& instance : extensions_of(key)) extensions.push_back(std::move(instance));
  ASSERT_GE(extensions.size(), 8u);
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const auto results = run(extensions, dtype);
    compare(results.at("output").at(""), file_.json.at("output"), "output", "", dtype);
    EXPECT_NEAR(results.at("loss_value").at("").front().item<double>(), file_.json.at("loss_value").get<double>(),
                dtype == at::kDouble ? 1e-12 : 1e-5);
    for (const auto& [key, values] : file_.json.at("quantities").items()) {
      if (key != "grad" && extensions_of(key).empty()) continue;
      for (const auto& [parameter, wanted] : values.items())
        compare(results.at(key).at(parameter), wanted, key, parameter, dtype);
    }
  }
}

/// R passes of M draws: each mean within six standard errors of the exact expectation.
TEST_P(ReferenceTest, MonteCarloQuantities) {
  constexpr int64_t kPasses = 40, kDraws = 100;
  std::vector<ExtensionInstance> extensions;
  for (const auto& [key, values] : file_.json.at("monte_carlo").items()) {
    const auto plugin = key == kGramDraws ? kRootDraws : key;  // an unknown key is an error here
    extensions.push_back(make(key, plugin, {{"mc_samples", std::to_string(kDraws)}}));
  }
  ASSERT_FALSE(extensions.empty());
  Results sums;
  for (int64_t step = 0; step < kPasses; ++step)
    for (auto& [key, parameters] : run(extensions, at::kDouble, step))
      for (auto& [parameter, values] : parameters)
        for (std::size_t i = 0; i < values.size(); ++i) {
          const auto value = key == kGramDraws ? gram(values[i]).sum(0) : values[i];
          auto& sum = sums[key][parameter];
          if (sum.size() <= i) sum.push_back(at::zeros_like(value));
          sum[i] += value / kPasses;
        }
  for (const auto& [key, values] : file_.json.at("monte_carlo").items())
    for (const auto& [parameter, wanted] : values.items()) {
      const auto parts = wanted.is_array() ? wanted : json::array({wanted});
      ASSERT_EQ(sums.at(key).at(parameter).size(), parts.size());
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto mean = tensor_of(parts[i].at("mean")), deviation = tensor_of(parts[i].at("std_one_draw"));
        const auto limit = deviation * (6 / std::sqrt(kPasses * kDraws)) + 1e-12 * (1 + mean.abs());
        const auto error = (sums[key][parameter][i] - mean).abs();
        EXPECT_TRUE(error.le(limit).all().item<bool>()) << key << "/" << parameter << " part " << i;
      }
      std::cout << "compared " << file_.stem << " Double " << key << "/" << parameter << "\n";
    }
}

INSTANTIATE_TEST_SUITE_P(Files, ReferenceTest, ::testing::ValuesIn(files()),
                         [](const auto& test) { return test.param.stem().string(); });

TEST(Reference, FindsFiles) { EXPECT_FALSE(files().empty()) << "no *.json to compare with"; }

}  // namespace
}  // namespace backobs::reference
