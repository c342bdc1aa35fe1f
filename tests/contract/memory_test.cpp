// SPDX-License-Identifier: MIT
// What passes hold in memory. Each measurement is of a process of its own, this program started anew: the most it ever held,
// as the kernel counts it, above what it held when the network and the batch were ready.
#include "campaign/training_step.h"
#include "contract/small_networks.h"
#include "contract/walk_case.h"
#include "unit/temporary_folder.h"

#include <backobs/problem.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace backobs {
namespace {

constexpr double kMebi = 1 << 20;

/// Resident memory in bytes: now, and at its highest.
double resident() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, held = 0;
  file >> pages >> held;
  return held * static_cast<double>(::sysconf(_SC_PAGESIZE));
}
double highest() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) * 1024;
}

/// One step of fmnist_mlp with 128 samples of noise, with grad_batch: what is wanted of it decides what is held.
double peak_of_grad_batch(const std::vector<std::string>& reductions) {
  const auto problem = registry().make_problem("fmnist_mlp", registry().schema("problem", "fmnist_mlp").check({}, "", "test"));
  const auto net = problem->network(Random(1));
  const int64_t n = 128;
  const Batch batch{{at::rand({n, 1, 28, 28})}, {at::randint(10, {n}, at::kLong)}, at::arange(n), n};
  Pass pass(net, problem->loss(), {});
  Watched watched{make({"grad_batch"})[0], 1, {}, false, false};
  for (const auto& name : reductions) watched.record.emplace_back(name, reduction_named(name));
  if (watched.joins_blocks()) watched.instance.blocks = blocks_of(*watched.instance.extension);
  TrainingObserver nobody;
  HeldStep step(pass, Random(1), {watched}, {}, nobody);
  pass.run(batch, {n, 0, 0, Random(1)}, true);  // buffers of the gradient, and of the products of matrices
  step.hold(batch, {0, 0, 0, 1});
  const double before = resident();
  step.evaluate_with_gradient();
  return highest() - before;
}

/// All individual gradients at once, in the pass's sink.
double peak_of_holding() {
  const auto problem = registry().make_problem("fmnist_mlp", registry().schema("problem", "fmnist_mlp").check({}, "", "test"));
  const auto net = problem->network(Random(1));
  const int64_t n = 128;
  const Batch batch{{at::rand({n, 1, 28, 28})}, {at::randint(10, {n}, at::kLong)}, at::arange(n), n};
  Pass pass(net, problem->loss(), {});
  pass.run(batch, {n, 0, 0, Random(1)}, true);
  const double before = resident();
  std::vector<ResultValue> held;
  pass.run(batch, {n, 0, 0, Random(1)}, true, make({"grad_batch"}),
           [&](auto&, auto&, ResultValue value) { held.push_back(std::move(value)); });
  return highest() - before;
}

/// How much 1,000 passes with every quantity hold more than 100 did; `leak` bytes are lost on purpose in each.
double growth_of_passes(std::size_t leak) {
  const auto c = make_case(chain());
  Pass pass(c.net, c.loss, {});
  const auto extensions = make(all_names());
  double after_start = 0;
  for (int64_t step = 0; step < 1100; ++step) {
    if (step == 100) after_start = resident();
    pass.run(c.batch, {c.batch.size, 0, step, Random(5)}, true, extensions, [](auto&, auto&, ResultValue) {});
    if (leak > 0) std::fill_n(static_cast<char*>(std::malloc(leak)), leak, 'x');
  }
  return resident() - after_start;
}

double measured(const std::string& what) {
  if (what == "norms") return peak_of_grad_batch({"norm", "max_abs"});
  if (what == "deviations") return peak_of_grad_batch({"norm", "std"});
  if (what == "holding") return peak_of_holding();
  return growth_of_passes(what == "leaking passes" ? 16384 : 0);
}

/// The same in another process.
double in_child(const std::string& what) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "bytes";
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto command = "OMP_NUM_THREADS=1 '" + program + "' --measure '" + what + "' > '" + file.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << what;
  double bytes = -1;
  std::ifstream(file) >> bytes;
  EXPECT_GE(bytes, 0) << what;
  return bytes;
}

/// Gradients of 1.3 million entries for 128 samples. Recorded norms take them in blocks; a standard deviation needs the
/// whole of a parameter, and the first weight alone is more than half of everything.
TEST(Memory, RecordedNormsHoldNoMoreThanBlocks) {
  const double holding = in_child("holding"), norms = in_child("norms"), deviations = in_child("deviations");
  EXPECT_GE(holding, 0.95 * 128 * 1336610 * 4);  // some pages were freed before and are used again
  EXPECT_LE(norms, 0.5 * holding);
  EXPECT_GT(deviations, 0.5 * holding);  // or the measurement could not fail
  RecordProperty("norms_over_holding", std::to_string(norms / holding));
}

TEST(Memory, ManyPassesHoldNoMoreThanFew) {
  EXPECT_LE(in_child("passes"), 4 * kMebi);
  EXPECT_GE(in_child("leaking passes"), 8 * kMebi);  // or the measurement could not fail
}

}  // namespace
}  // namespace backobs

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--measure") {
    std::printf("%.0f\n", backobs::measured(argv[2]));
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
