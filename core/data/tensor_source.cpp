// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>

#include "data/gather.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

namespace backobs {

namespace {

constexpr std::array<Phase, 3> kSets = {Phase::train, Phase::valid, Phase::test};

std::size_t set_of(Phase phase) { return phase == Phase::test ? 2 : phase == Phase::valid ? 1 : 0; }

void check(const TensorSet& tensors) {
  for (std::size_t i = 0; i < kSets.size(); ++i) {
    const Tensor &inputs = tensors.inputs[i], &targets = tensors.targets[i];
    if (!inputs.defined() || !targets.defined() || inputs.dim() < 1 || targets.dim() < 1 || inputs.size(0) < 1)
      throw ComputeError(std::string("data of phase ") + to_string(kSets[i]), "no samples", "inputs and targets");
    if (inputs.size(0) != targets.size(0))
      throw ComputeError(std::string("data of phase ") + to_string(kSets[i]),
                         std::to_string(inputs.size(0)) + " inputs and " + std::to_string(targets.size(0)) + " targets",
                         "as many targets as inputs");
  }
}

class TensorSource final : public DataSource {
 public:
  TensorSource(TensorSet tensors, const DataRequest& request) : tensors_(std::move(tensors)), protocol_(request.protocol) {
    for (auto* list : {&tensors_.inputs, &tensors_.targets})
      for (auto& tensor : *list)  // labels stay integers
        tensor = tensor.to(request.device, tensor.is_floating_point() ? request.dtype : tensor.scalar_type());
  }

  std::vector<int64_t> order(Phase phase, const Random& random) const override {
    const int64_t samples = tensors_.inputs[set_of(phase)].size(0);
    if (set_of(phase) != 0) return ascending(samples);
    return permutation(samples, random.generator(Draw::shuffle, static_cast<uint64_t>(phase)));
  }

  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random&) const override {
    const std::size_t set = set_of(phase);
    return {{select_rows(tensors_.inputs[set], indices)}, {select_rows(tensors_.targets[set], indices)},
            index_tensor(indices), static_cast<int64_t>(indices.size())};
  }

  bool drops_incomplete(Phase phase) const override { return protocol_ == Protocol::deepobs || phase == Phase::train; }

 private:
  TensorSet tensors_;
  Protocol protocol_;
};

}  // namespace

std::shared_ptr<DataSource> tensor_source(TensorSet tensors, const DataRequest& request) {
  check(tensors);
  return std::make_shared<TensorSource>(std::move(tensors), request);
}

}  // namespace backobs
