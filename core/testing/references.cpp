// SPDX-License-Identifier: MIT
// The quantities of docs/quantities.md that brute force can be held against, by the names defined there: what calls
// itself so promises that definition, whoever wrote it.
#include <backobs/testing/brute_force.h>
#include <backobs/testing/extension_contract.h>

#include <ATen/ATen.h>

#include <map>

namespace backobs::testing {
namespace {

Tensor diagonals(const Tensor& blocks) { return at::diagonal(blocks, 0, 1, 2); }  // [N, P]

/// The result itself, as [*p] or [N, *p], against entries [P] or [N, P].
std::pair<Tensor, Tensor> direct(const TensorList& result, const Tensor& wanted) {
  return {result.at(0), wanted.numel() == result.at(0).numel() ? wanted.reshape(result.at(0).sizes()) : wanted};
}

using Definitions = std::map<std::string, Reference>;

Definitions definitions() {
  const auto of = [](auto formula) {
    return [formula](const ParameterTruth& truth, const TensorList& result) { return direct(result, formula(truth)); };
  };
  using Truth = const ParameterTruth&;
  Definitions table;
  table["grad_batch"] = of([](Truth t) { return t.gradients(); });
  table["batch_l2"] = of([](Truth t) { return t.gradients().flatten(1).square().sum(1); });
  table["sum_grad_squared"] = of([](Truth t) { return t.gradients().square().sum(0); });
  table["variance"] = of([](Truth t) { return (t.gradients() - t.gradients().mean(0)).square().mean(0); });
  table["diag_ggn_exact"] = of([](Truth t) { return diagonals(t.ggn()).sum(0); });
  table["diag_ggn_exact_batch"] = of([](Truth t) { return diagonals(t.ggn()); });
  table["diag_h"] = of([](Truth t) { return diagonals(t.hessians()).sum(0); });
  table["diag_h_batch"] = of([](Truth t) { return diagonals(t.hessians()); });
  return table;
}

}  // namespace

Tensor ParameterTruth::gradients() const { return brute_.gradients(name_); }
Tensor ParameterTruth::ggn() const { return brute_.ggn(name_); }
Tensor ParameterTruth::hessians() const { return brute_.hessians(name_); }

Reference reference_of(const std::string& quantity) {
  static const auto& table = *new Definitions(definitions());
  const auto found = table.find(quantity);
  return found == table.end() ? Reference() : found->second;
}

}  // namespace backobs::testing
