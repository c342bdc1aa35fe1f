// SPDX-License-Identifier: MIT
// What every registered problem keeps, on synthetic data in float64 with three samples: extending changes neither loss nor
// gradient, the unreduced losses average to the loss, individual gradients are per-sample autograd.
#include "host/registry.h"
#include "network/tape.h"
#include "tolerance.h"
#include "walk/pass.h"

#include <torch/csrc/autograd/autograd.h>

#include <map>

namespace backobs {
namespace {

const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

std::vector<std::string> names(const std::string& kind) {
  std::vector<std::string> result;
  for (const auto& plugin : registry().list(kind)) result.push_back(plugin.manifest.name);
  return result;
}

class ProblemContract : public ::testing::TestWithParam<std::string> {
 protected:
  ProblemContract()
      : problem_(registry().make_problem(GetParam(), registry().schema("problem", GetParam()).check({}, GetParam(), "test"))),
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

  PassOutcome run(const std::vector<std::string>& extensions, std::map<std::string, TensorList>& values) {
    std::vector<ExtensionInstance> instances;
    for (const auto& name : extensions)
      instances.push_back({name, registry().make_extension(name, registry().schema("extension", name).check({}, name, "test"))});
    Pass pass(network_, problem_->loss(), {});
    const auto outcome = pass.run(batch_, {3, 0, 0, Random(0)}, true, instances,
                                  [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                    values[quantity + "/" + parameter] = value.tensors;
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

TEST_P(ProblemContract, ExtendingChangesNothing) {
  std::map<std::string, TensorList> bare, extended;
  const auto alone = run({}, bare);
  const auto with_all = run(names("extension"), extended);
  EXPECT_EQ(alone.evaluation.loss, with_all.evaluation.loss);
  EXPECT_EQ(alone.evaluation.accuracy, with_all.evaluation.accuracy);
  ASSERT_FALSE(bare.empty());
  for (const auto& [key, values] : bare) EXPECT_TRUE(extended.at(key)[0].equal(values[0])) << key;
  EXPECT_NEAR(with_all.individual_loss.mean().item<double>(), with_all.evaluation.loss, 1e-12);
  for (const auto& [key, values] : extended)
    for (const auto& value : values) EXPECT_TRUE(value.isfinite().all().item<bool>()) << key;
}

TEST_P(ProblemContract, IndividualGradientsArePerSampleAutograd) {
  std::map<std::string, TensorList> found;
  run({"grad_batch"}, found);
  const at::AutoGradMode grad(true);
  for (int64_t n = 0; n < 3; ++n) {
    std::vector<Tensor> values;
    for (const auto& input : batch_.inputs) values.push_back(input.narrow(0, n, 1));
    for (NodeId id = static_cast<NodeId>(values.size()); id <= network_.last(); ++id) {
      TensorList inputs, saved;
      for (const auto input : network_.nodes()[id].inputs) inputs.push_back(values[input]);
      values.push_back(network_.nodes()[id].rule->forward(inputs, {}, saved));
    }
    LossIO io{{values[network_.outputs()[0]]}, {batch_.targets[0].narrow(0, n, 1)}, 3, 1, {}};
    io.divisor = problem_->loss()->divisor(io);
    const auto l = problem_->loss()->contributions(io).sum();
    for (const auto& parameter : network_.parameters()) {
      if (!parameter.trainable()) continue;
      const auto g = torch::autograd::grad({l}, {parameter.value}, {}, true)[0];
      const auto& individual = found.at("grad_batch/" + parameter.name)[0];
      // One sample here against a row of a batch there, so rounding may differ relative to the largest entry.
      EXPECT_TRUE(tensors_near(individual[n], g, 1e-9, 1e-12)) << parameter.name << ", sample " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, ProblemContract, ::testing::ValuesIn(names("problem")),
                         [](const auto& test) { return test.param; });

TEST(ProblemRegistry, IsNotEmpty) { EXPECT_GE(names("problem").size(), 5u); }

}  // namespace
}  // namespace backobs
