// SPDX-License-Identifier: MIT
#include <backobs/testing/problem_contract.h>

#include "testing/configurations.h"
#include "testing/one_pass.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace backobs::testing {
namespace {

constexpr Phase kPhases[] = {Phase::train, Phase::train_eval, Phase::valid, Phase::test};
constexpr int64_t kCheapParameters = 1000000;

DataRequest synthetic(uint64_t seed, c10::ScalarType dtype = at::kFloat) {
  DataRequest request;
  request.source = Source::synthetic;
  request.seed = seed;
  request.dtype = dtype;
  return request;
}

Batch first_samples(const DataSource& data, Phase phase, std::size_t count, const Random& random) {
  auto indices = data.order(phase, random);
  if (indices.empty()) throw Broken(std::string("no samples in ") + backobs::to_string(phase), "one at least");
  indices.resize(std::min(indices.size(), count));
  auto batch = data.batch(phase, indices, random);
  if (batch.size != static_cast<int64_t>(indices.size()))
    throw Broken("a batch of size " + std::to_string(batch.size), std::to_string(indices.size()));
  return batch;
}

void require_equal(const TensorList& found, const TensorList& wanted, const std::string& what) {
  if (found.size() != wanted.size()) throw Broken(std::to_string(found.size()) + " " + what, std::to_string(wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) require_near(found[i], wanted[i], 0, what);
}

/// l_n through every node's forward, with autograd's graph; evaluation mode, where no layer mixes samples.
Tensor contributions(const Network& network, const LossRule& loss, const Batch& batch, const Random& random) {
  TensorList values(batch.inputs);
  for (auto id = static_cast<NodeId>(values.size()); id <= network.last(); ++id) {
    const auto& node = network.nodes()[static_cast<std::size_t>(id)];
    TensorList inputs, saved;
    for (const auto input : node.inputs) inputs.push_back(values[static_cast<std::size_t>(input)]);
    values.push_back(node.rule->forward(inputs, {false, false, random, node.name}, saved));
  }
  LossIO io{{}, batch.targets, batch.size, 1, {}};
  for (const auto output : network.outputs()) io.outputs.push_back(values[static_cast<std::size_t>(output)]);
  io.divisor = loss.divisor(io);
  return loss.contributions(io);
}

class ProblemContract {
 public:
  ProblemContract(const Factory<Problem>& factory, const Options& options, const ContractSettings& settings)
      : settings_(settings), random_(settings.seed), problem_(factory.make(options)) {
    if (!problem_) throw Broken("nothing from the factory", "a problem");
  }

  void facts() {
    const auto f = problem_->facts();
    if (f.batch_size < 1) throw Broken("batch_size " + std::to_string(f.batch_size), "at least 1");
    if (f.epochs < 1) throw Broken("epochs " + std::to_string(f.epochs), "at least 1");
    if (!(f.l2_reg >= 0) || !std::isfinite(f.l2_reg)) throw Broken("l2_reg " + std::to_string(f.l2_reg), "0 or more");
    if (f.l2_reg == 0) return;
    const auto network = problem_->network(random_);
    for (const auto& parameter : network.parameters())
      if (problem_->is_regularised(parameter.name)) return;
    throw Broken("l2_reg " + std::to_string(f.l2_reg) + " and no regularised parameter", "one at least");
  }
  void network() {
    const auto first = problem_->network(random_), second = problem_->network(random_);
    if (first.parameters().empty()) throw Broken("a network without parameters", "one at least");
    if (first.parameters().size() != second.parameters().size()) throw Broken("another network at the second call", "the same");
    for (std::size_t i = 0; i < first.parameters().size(); ++i) {
      const auto& parameter = first.parameters()[i];
      if (parameter.value.is_same(second.parameters()[i].value))
        throw Broken("networks that share `" + parameter.name + "`", "parameters of their own");
      require_finite(parameter.value.detach(), parameter.name);
      require_near(second.parameters()[i].value.detach(), parameter.value.detach(), 0, parameter.name);
    }
  }
  void batches() {
    const auto request = synthetic(settings_.seed);
    const auto first = problem_->data(request), second = problem_->data(request);
    const auto declaring = problem_->network(random_);
    for (const auto phase : kPhases) {
      if (first->order(phase, random_) != second->order(phase, random_))
        throw Broken(std::string("two orders of ") + backobs::to_string(phase) + " for one seed", "one");
      const auto a = first_samples(*first, phase, 4, random_), b = first_samples(*second, phase, 4, random_);
      require_equal(b.inputs, a.inputs, "inputs");
      require_equal(b.targets, a.targets, "targets");
      for (std::size_t i = 0; i < a.inputs.size(); ++i) {
        auto wanted = declaring.nodes()[i].sample_shape;
        wanted.insert(wanted.begin(), a.size);
        if (a.inputs[i].sizes() != at::IntArrayRef(wanted))
          throw Broken("inputs of shape " + shape_text(a.inputs[i]), "what the network declares, after " + std::to_string(a.size));
      }
    }
  }
  void one_step() {
    const auto network = problem_->network(random_);
    const auto batch = first_samples(*problem_->data(synthetic(settings_.seed)), Phase::train, 2, random_);
    Pass pass(network, problem_->loss(), {});
    std::vector<TensorList> gradients(2);
    for (auto& gradient : gradients) {
      const auto outcome = pass.run(batch, {batch.size, 0, 0, random_}, true);
      if (!std::isfinite(outcome.evaluation.loss)) throw Broken("a loss that is not finite", "a number");
      for (const auto& parameter : network.parameters()) {
        if (!parameter.trainable()) continue;
        require_finite(parameter.value.grad(), "the gradient of `" + parameter.name + "`");
        gradient.push_back(parameter.value.grad().clone());
      }
    }
    require_equal(gradients[1], gradients[0], "gradient of a repeated step");
  }
  void gradient() {
    auto network = problem_->network(random_);
    int64_t count = 0;
    for (const auto& parameter : network.parameters()) count += parameter.value.numel();
    if (count > kCheapParameters && settings_.strictness < 8)
      throw Skipped(std::to_string(count) + " parameters: from strictness 8");
    network.to(at::kDouble, at::kCPU);
    const auto batch = first_samples(*problem_->data(synthetic(settings_.seed, at::kDouble)), Phase::train, 2, random_);
    Pass(network, problem_->loss(), {}).run(batch, {batch.size, 0, 0, random_}, false);
    const at::AutoGradMode grad(true);
    const auto loss = contributions(network, *problem_->loss(), batch, random_).sum();
    for (const auto& parameter : network.parameters()) {
      if (!parameter.trainable()) continue;
      const auto wanted = torch::autograd::grad({loss}, {parameter.value}, {}, true, false, true)[0];
      require_near(parameter.value.grad(), wanted.defined() ? wanted : at::zeros_like(parameter.value.detach()), 1e-8,
                   "the gradient of `" + parameter.name + "`");
    }
  }
  void growth() {
    const auto network = problem_->network(random_);
    int64_t count = 0;
    for (const auto& parameter : network.parameters()) count += parameter.value.numel();
    if (count > kCheapParameters) throw Skipped(std::to_string(count) + " parameters: too slow to repeat");
    const auto data = problem_->data(synthetic(settings_.seed));
    Pass pass(network, problem_->loss(), {});
    require_no_growth(30, [&] {
      const auto batch = first_samples(*data, Phase::train, 2, random_);
      pass.run(batch, {batch.size, 0, 0, random_}, true);
    });
  }
  /// With other options: a network that takes its own data.
  void use() {
    const auto network = problem_->network(random_);
    const auto batch = first_samples(*problem_->data(synthetic(settings_.seed)), Phase::train, 2, random_);
    const auto value = Pass(network, problem_->loss(), {}).evaluate(batch, {false, false, random_, {}});
    if (!std::isfinite(value.loss)) throw Broken("a loss that is not finite", "a number");
  }

 private:
  const ContractSettings& settings_;
  Random random_;
  std::unique_ptr<Problem> problem_;
};

}  // namespace

Checks check_problem(const Factory<Problem>& factory, const ContractSettings& settings) {
  Checks checks(settings.listener);
  const auto run = [&](const char* name, void (ProblemContract::*body)()) {
    checks.run(name, [&] { (ProblemContract(factory, plain_options(factory.schema), settings).*body)(); });
  };
  run("facts", &ProblemContract::facts);
  run("network", &ProblemContract::network);
  run("batches", &ProblemContract::batches);
  run("one step", &ProblemContract::one_step);
  run("gradient", &ProblemContract::gradient);
  if (settings.strictness >= 7) run("growth", &ProblemContract::growth);
  check_configurations(checks, factory.schema, settings,
                       [&](const Options& options) { ProblemContract(factory, options, settings).use(); });
  return checks;
}

}  // namespace backobs::testing
