// SPDX-License-Identifier: MIT
#include <backobs/data_views.h>

#include "data/gather.h"

#include <utility>

namespace backobs {

namespace {

/// Everything as the source underneath has it.
class View : public DataSource {
 public:
  explicit View(std::shared_ptr<const DataSource> data) : data_(std::move(data)) {}

  std::vector<int64_t> order(Phase phase, const Random& random) const override { return data_->order(phase, random); }
  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random& random) const override {
    return data_->batch(phase, indices, random);
  }
  bool drops_incomplete(Phase phase) const override { return data_->drops_incomplete(phase); }

 protected:
  std::shared_ptr<const DataSource> data_;
};

class ImagesAsTargets final : public View {
 public:
  using View::View;
  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random& random) const override {
    Batch batch = data_->batch(phase, indices, random);
    batch.targets = {batch.inputs.front()};
    return batch;
  }
};

class WithHeldOutImages final : public View {
 public:
  using View::View;
  std::vector<int64_t> order(Phase phase, const Random& random) const override {
    auto order = data_->order(phase, random);
    if (phase != Phase::train) return order;
    const auto held_out = data_->order(Phase::valid, random);
    order.insert(order.end(), held_out.begin(), held_out.end());
    auto mixed = permutation(static_cast<int64_t>(order.size()), random.generator(Draw::shuffle, "with held-out images"));
    for (auto& position : mixed) position = order[static_cast<std::size_t>(position)];
    return mixed;
  }
};

}  // namespace

std::shared_ptr<DataSource> images_as_targets(std::shared_ptr<const DataSource> images) {
  return std::make_shared<ImagesAsTargets>(std::move(images));
}

std::shared_ptr<DataSource> with_held_out_images(std::shared_ptr<const DataSource> data) {
  return std::make_shared<WithHeldOutImages>(std::move(data));
}

}  // namespace backobs
