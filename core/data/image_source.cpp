// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>
#include <backobs/legacy_random.h>

#include "data/augmentation.h"
#include "data/gather.h"
#include "data/pixel_table.h"
#include "data/synthetic.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <utility>

namespace backobs {

namespace {

void check(const ImageSet& set, int64_t held_out, const ImageTransform& transform) {
  const int64_t channels = set.train_images.size(1);
  const auto count = [](const std::vector<double>& values) { return static_cast<int64_t>(values.size()); };
  for (const auto* values : {&transform.mean, &transform.std})
    if (!values->empty() && count(*values) != channels)
      throw ComputeError("data set `" + set.name + "`", std::to_string(count(*values)) + " values in the transform",
                         std::to_string(channels) + ", one per channel");
  check_augmentation(transform.augmentation, set.name, channels);
  if (held_out < 1 || held_out >= set.train_images.size(0))
    throw ComputeError("data set `" + set.name + "`", std::to_string(held_out) + " images held out",
                       "1 to " + std::to_string(set.train_images.size(0) - 1));
}

class ImageSource final : public DataSource {
 public:
  ImageSource(ImageSet set, const DataRequest& request, int64_t held_out, const ImageTransform& transform)
      : set_(std::move(set)), request_(request), held_out_(held_out),
        table_(set_.train_images.size(1), transform, request.dtype), augmentation_(transform.augmentation) {
    train_ = MersenneTwister::python(request.seed).shuffled(set_.train_images.size(0));
    valid_.assign(train_.begin(), train_.begin() + held_out);
    train_.erase(train_.begin(), train_.begin() + held_out);
    if (is_strict()) std::sort(valid_.begin(), valid_.end());
  }

  std::vector<int64_t> order(Phase phase, const Random& random) const override {
    if (phase == Phase::test) return ascending(set_.test_images.size(0));
    if (phase == Phase::valid && is_strict()) return valid_;
    if (phase == Phase::valid) return shuffled(valid_, phase, random);
    if (phase == Phase::train) return shuffled(train_, phase, random);
    // DeepOBS draws from the whole official training set, the validation images included.
    const auto pool = is_strict() ? train_ : ascending(set_.train_images.size(0));
    auto drawn = shuffled(pool, phase, random);
    drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(held_out_)));
    return drawn;
  }

  Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random& random) const override {
    const bool test = phase == Phase::test;
    const Tensor& stored = test ? set_.test_images : set_.train_images;
    const auto size = static_cast<int64_t>(indices.size());
    Tensor images = varies(phase) ? table_.look_up(augment(stored, indices, augmentation_, phase, random), ascending(size))
                                  : table_.look_up(stored, indices);
    Tensor labels = select_rows(test ? set_.test_labels : set_.train_labels, indices).to(request_.device);
    return {{images.to(request_.device)}, {std::move(labels)}, index_tensor(indices), size};
  }

  bool drops_incomplete(Phase phase) const override { return !is_strict() || phase == Phase::train; }

 private:
  bool varies(Phase phase) const {
    if (augmentation_.is_none()) return false;
    return phase == Phase::train || (phase == Phase::train_eval && !is_strict());
  }
  bool is_strict() const { return request_.protocol == Protocol::strict; }

  static std::vector<int64_t> shuffled(const std::vector<int64_t>& pool, Phase phase, const Random& random) {
    const auto stream = static_cast<uint64_t>(phase);
    auto order = permutation(static_cast<int64_t>(pool.size()), random.generator(Draw::shuffle, stream));
    for (auto& position : order) position = pool[static_cast<std::size_t>(position)];
    return order;
  }

  ImageSet set_;
  DataRequest request_;
  int64_t held_out_;
  PixelTable table_;
  Augmentation augmentation_;
  std::vector<int64_t> train_, valid_;  ///< positions in the official training set
};

}  // namespace

std::shared_ptr<DataSource> image_source(ImageSet images, const DataRequest& request, int64_t held_out,
                                         const ImageTransform& transform) {
  if (request.source == Source::synthetic) held_out /= kSyntheticShrink;
  check(images, held_out, transform);
  return std::make_shared<ImageSource>(std::move(images), request, held_out, transform);
}

}  // namespace backobs
