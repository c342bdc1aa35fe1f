// SPDX-License-Identifier: MIT
// What passes cost, counted instead of timed: operators of LibTorch, products of matrices, allocations and their bytes, on one
// thread. Times are noisy, these numbers are the same on every run; a change that costs more than a tenth is seen here.
#include "contract/noise_pass.h"

#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>

#include <cstring>
#include <set>

namespace backobs {
namespace {

struct Work {
  int64_t operators = 0, products = 0, allocations = 0, bytes = 0;
};

Work& counted() {
  static Work work;
  return work;
}

/// LibTorch's own allocator, with everything counted that it hands out.
class CountingAllocator final : public c10::Allocator {
 public:
  /// One of the two overrides: LibTorch took the `const` away in 2.3.
  c10::DataPtr allocate(std::size_t bytes) const { return counted_block(bytes); }
  c10::DataPtr allocate(std::size_t bytes) { return counted_block(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return c10::GetDefaultCPUAllocator()->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }

 private:
  static c10::DataPtr counted_block(std::size_t bytes) {
    ++counted().allocations;
    counted().bytes += static_cast<int64_t>(bytes);
    return c10::GetDefaultCPUAllocator()->allocate(bytes);
  }
};

bool is_product(const std::string& name) {
  static const std::set<std::string> products = {"aten::mm",      "aten::addmm", "aten::addmm_",      "aten::bmm",
                                                 "aten::baddbmm", "aten::mv",    "aten::addmv",       "aten::dot",
                                                 "aten::convolution", "aten::mkldnn_convolution"};
  return products.count(name) > 0;
}

std::unique_ptr<at::ObserverContext> count_operator(const at::RecordFunction& function) {
  ++counted().operators;
  if (is_product(function.name())) ++counted().products;
  return nullptr;
}

/// Two passes over noise; the second is counted, when buffers are there.
Work work_of(const std::string& name, const std::vector<std::string>& extensions, int64_t n) {
  NoisePass pass(name, extensions, n);
  pass.run(0);
  static CountingAllocator allocator;
  c10::SetCPUAllocator(&allocator, 1);
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(count_operator).scopes({at::RecordScope::FUNCTION}));
  counted() = {};
  pass.run(1);
  const Work work = counted();
  at::removeCallback(handle);
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 1);
  return work;
}

struct Row {
  std::string problem;
  std::vector<std::string> extensions;
  int64_t samples;
  Work most;
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.problem << ", N " << row.samples; }

const std::vector<std::string> kNine = {"grad_batch",  "variance", "sum_grad_squared", "batch_l2", "diag_ggn_exact",
                                        "diag_ggn_mc", "diag_h",   "kfac",             "kflr"};

/// Counted with LibTorch 1.13, and a twentieth more.
std::vector<Row> rows() {
  return {
      {"mnist_logreg", {}, 128, {122, 3, 27, 33000}},
      {"mnist_logreg", kNine, 128, {712, 15, 105, 9082722}},
      {"mnist_mlp", {}, 16, {310, 12, 50, 450000}},
      {"mnist_mlp", kNine, 16, {2641, 83, 297, 152895838}},
      {"mnist_2c2d", {}, 4, {388, 13, 100, 6346335}},
      {"mnist_2c2d", {"batch_l2"}, 4, {741, 11, 129, 9826119}},
      {"mnist_2c2d", {"diag_ggn_exact"}, 4, {954, 28, 168, 44385924}},
      {"mnist_2c2d", kNine, 4, {4773, 152, 490, 233429687}},
  };
}

class PassWork : public ::testing::TestWithParam<Row> {};

TEST_P(PassWork, StaysWithinItsCount) {
  const auto& row = GetParam();
  const Work found = work_of(row.problem, row.extensions, row.samples), again = work_of(row.problem, row.extensions, row.samples);
  EXPECT_EQ(found.operators, again.operators);
  EXPECT_EQ(found.bytes, again.bytes);
  const auto within = [](const char* what, int64_t count, int64_t most) {
    EXPECT_LE(count, most) << what;
    EXPECT_GE(2 * count, most) << what << ": the table is out of date";
  };
  within("operators", found.operators, row.most.operators);
  within("products of matrices", found.products, row.most.products);
  within("allocations", found.allocations, row.most.allocations);
  within("bytes allocated", found.bytes, row.most.bytes);
}

INSTANTIATE_TEST_SUITE_P(Passes, PassWork, ::testing::ValuesIn(rows()), [](const auto& test) {
  const auto& row = test.param;
  return row.problem + (row.extensions.empty() ? "_gradient" : row.extensions.size() == 1 ? "_" + row.extensions[0] : "_nine");
});

}  // namespace
}  // namespace backobs
