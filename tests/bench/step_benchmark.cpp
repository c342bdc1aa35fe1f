// SPDX-License-Identifier: MIT
// One training step of each problem at its default batch size on synthetic data: forward, walk, gradient; then with
// each extension and with all of them. `--benchmark_filter=mnist_mlp` narrows it down.
#include "host/registry.h"
#include "walk/pass.h"

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

namespace backobs {
namespace {

struct Setup {
  explicit Setup(const Registry& registry, const std::string& name)
      : problem(registry.make_problem(name, registry.schema("problem", name).check({}, name, name))),
        network(problem->network(Random())), pass(network, problem->loss(), {}) {
    DataRequest request;
    request.source = Source::synthetic;
    const auto data = problem->data(request);
    auto indices = data->order(Phase::train, Random());
    indices.resize(static_cast<std::size_t>(problem->facts().batch_size));
    batch = data->batch(Phase::train, indices, Random());
  }
  std::shared_ptr<Problem> problem;
  Network network;
  Pass pass;
  Batch batch;
};

void step(benchmark::State& state, const Registry& registry, const std::string& problem,
          const std::vector<std::string>& names) {
  Setup setup(registry, problem);
  std::vector<ExtensionInstance> extensions;
  for (const auto& name : names)
    extensions.push_back({name, registry.make_extension(name, registry.schema("extension", name).check({}, name, name))});
  int64_t global = 0;
  for (auto _ : state) {
    std::vector<TensorList> held;
    const auto outcome = setup.pass.run(setup.batch, {setup.batch.size, 0, global++, Random()}, true, extensions,
                                        [&](auto&, auto&, ResultValue value) { held.push_back(std::move(value.tensors)); });
    benchmark::DoNotOptimize(outcome.evaluation.loss);
  }
}

void register_all(const Registry& registry) {
  std::vector<std::string> all;
  for (const auto& extension : registry.list("extension")) all.push_back(extension.manifest.name);
  for (const auto& problem : registry.list("problem")) {
    const auto add = [&](const std::string& label, const std::vector<std::string>& names) {
      benchmark::RegisterBenchmark((problem.manifest.name + "/" + label).c_str(),
                                   [&registry, name = problem.manifest.name, names](benchmark::State& state) {
                                     step(state, registry, name, names);
                                   })->Unit(benchmark::kMillisecond)->UseRealTime();
    };
    add("gradient", {});
    for (const auto& name : all) add(name, {name});
    add("all", all);
  }
}

}  // namespace
}  // namespace backobs

int main(int argc, char** argv) {
  const backobs::Registry registry({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  backobs::register_all(registry);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
