// SPDX-License-Identifier: MIT
// What every registered problem keeps, on synthetic data in float64 with three samples: extending changes neither loss nor
// gradient, the unreduced losses average to the loss, individual gradients are per-sample autograd. Images of 224 x 224
// pixels are too slow for it: the VGGs take 32 x 32.
#include "host/registry.h"
#include "network/tape.h"
#include "tolerance.h"
#include "walk/pass.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <map>

namespace backobs {
namespace {

const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

bool has(const std::string& name, const char* part) { return name.find(part) != std::string::npos; }

std::vector<std::string> names(const std::string& kind) {
  std::vector<std::string> result;
  for (const auto& plugin : registry().list(kind)) result.push_back(plugin.manifest.name);
  return result;
}

class ProblemContract : public ::testing::TestWithParam<std::string> {
 protected:
  ProblemContract()
      : problem_(make_problem()),
        network_(problem_->network(Random(0))) {
    network_.to(at::kDouble, at::kCPU);
    DataRequest request;
    request.source = Source::synthetic;
    request.dtype = at::kDouble;
    const auto data = problem_->data(request);
    auto indices = data->order(Phase::train, Random(0));
    indices.resize(3);
    batch_ = data->batch(Phase::train, indices, Random(0));
    again_ = data->batch(Phase::train, indices, Random(0));
  }

  static std::unique_ptr<Problem> make_problem() {
    const auto schema = registry().schema("problem", GetParam());
    std::map<std::string, RawValue> options;
    if (schema.find("size")) options["size"] = {{"32"}, false, false, "test"};
    return registry().make_problem(GetParam(), schema.check(options, GetParam(), "test"));
  }

  /// Results of one pass by quantity and parameter; what is not kept has been looked at.
  PassOutcome run(const std::vector<std::string>& extensions, bool training, const std::string& kept,
                  std::map<std::string, TensorList>& values) {
    std::vector<ExtensionInstance> instances;
    for (const auto& name : extensions)
      instances.push_back({name, registry().make_extension(name, registry().schema("extension", name).check({}, name, "test"))});
    Pass pass(network_, problem_->loss(), {});
    const auto outcome = pass.run(batch_, {3, 0, 0, Random(0)}, training, instances,
                                  [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                    const auto key = quantity + "/" + parameter;
                                    if (quantity == kept) values[key] = value.tensors;
                                    for (const auto& tensor : value.tensors)
                                      EXPECT_TRUE(tensor.isfinite().all().template item<bool>()) << key;
                                  });
    for (const auto& parameter : network_.parameters())
      if (parameter.trainable()) values["grad/" + parameter.name] = {parameter.value.grad().clone()};
    return outcome;
  }

  std::shared_ptr<Problem> problem_;
  Network network_;
  Batch batch_, again_;
};

TEST_P(ProblemContract, SameSeedSameBatch) {
  for (std::size_t i = 0; i < batch_.inputs.size(); ++i) EXPECT_TRUE(batch_.inputs[i].equal(again_.inputs[i]));
  EXPECT_EQ(batch_.size, 3);
}

/// All quantities, or as many as fit into memory and seconds in float64: the deep networks have those of every kind of
/// signal but the exact ones; of the others, convolutions leave out the matrices of kfra.
std::vector<std::string> affordable_extensions(const std::string& problem) {
  for (const auto* deep : {"vgg", "wrn", "allcnnc", "vae"})
    if (has(problem, deep)) return {"batch_l2", "diag_ggn_mc", "grad_batch", "kfac", "sum_grad_squared", "variance"};
  auto all = names("extension");
  for (const auto* convolutional : {"2c2d", "3c3d"})
    if (has(problem, convolutional)) all.erase(std::remove(all.begin(), all.end(), "kfra"), all.end());
  return all;
}

TEST_P(ProblemContract, ExtendingChangesNothing) {
  std::map<std::string, TensorList> bare, extended;
  const auto alone = run({}, true, "", bare);
  const auto with_all = run(affordable_extensions(GetParam()), true, "", extended);
  EXPECT_EQ(alone.evaluation.loss, with_all.evaluation.loss);
  EXPECT_EQ(alone.evaluation.accuracy, with_all.evaluation.accuracy);
  ASSERT_FALSE(bare.empty());
  for (const auto& [key, values] : bare) EXPECT_TRUE(tensors_near(extended.at(key)[0], values[0], 1e-13, 0)) << key;
  EXPECT_NEAR(with_all.individual_loss.mean().item<double>(), with_all.evaluation.loss, 1e-12);
}

// In evaluation mode, where no layer mixes samples and none drops anything. Noise belongs to a batch, so the whole batch
// goes forward and the loss of one sample backward.
TEST_P(ProblemContract, IndividualGradientsArePerSampleAutograd) {
  std::map<std::string, TensorList> found;
  run({"grad_batch"}, false, "grad_batch", found);
  const at::AutoGradMode grad(true);
  TensorList values(batch_.inputs);
  for (NodeId id = static_cast<NodeId>(values.size()); id <= network_.last(); ++id) {
    const auto& node = network_.nodes()[id];
    TensorList inputs, saved;
    for (const auto input : node.inputs) inputs.push_back(values[input]);
    values.push_back(node.rule->forward(inputs, {false, false, Random(0), node.name}, saved));
  }
  LossIO io{{}, batch_.targets, 3, 1, {}};
  for (const auto output : network_.outputs()) io.outputs.push_back(values[output]);
  io.divisor = problem_->loss()->divisor(io);
  const auto contributions = problem_->loss()->contributions(io);
  for (const auto& parameter : network_.parameters()) {
    if (!parameter.trainable()) continue;
    const auto& individual = found.at("grad_batch/" + parameter.name)[0];
    for (int64_t n = 0; n < 3; ++n) {
      const auto g = torch::autograd::grad({contributions[n]}, {parameter.value}, {}, true)[0];
      EXPECT_TRUE(tensors_near(individual[n], g, 1e-9, 1e-12)) << parameter.name << ", sample " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, ProblemContract, ::testing::ValuesIn(names("problem")),
                         [](const auto& test) { return test.param; });

TEST(ProblemRegistry, IsNotEmpty) { EXPECT_GE(names("problem").size(), 20u); }

}  // namespace
}  // namespace backobs
