// SPDX-License-Identifier: MIT
// Batches of 128 training images of each colour set, synthetic, with and without augmentation; items are images.
#include <backobs/data.h>

#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

namespace backobs {
namespace {

void batches(benchmark::State& state, const std::string& name, bool augmented) {
  at::set_num_threads(1);
  DataRequest request;
  request.source = Source::synthetic;
  const auto data = deepobs_images(name, request, augmented);
  auto indices = data->order(Phase::train, Random());
  indices.resize(128);
  int64_t step = 0;
  for (auto _ : state) benchmark::DoNotOptimize(data->batch(Phase::train, indices, Random(42, 0, step++)));
  state.SetItemsProcessed(128 * step);
}

BENCHMARK_CAPTURE(batches, cifar10_plain, std::string("cifar10"), false);
BENCHMARK_CAPTURE(batches, cifar10_augmented, std::string("cifar10"), true);
BENCHMARK_CAPTURE(batches, svhn_augmented, std::string("svhn"), true);

}  // namespace
}  // namespace backobs

BENCHMARK_MAIN();
