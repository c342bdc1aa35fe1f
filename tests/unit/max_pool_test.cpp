// SPDX-License-Identifier: MIT
// Maximum pooling and its winners against LibTorch's, to the bit: drawn windows, ties, infinities and NaN among the pixels.
#include "kernels/max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace backobs {
namespace {

std::string text(const Windows& w, at::IntArrayRef shape) {
  std::ostringstream out;
  for (std::size_t axis = 0; axis < 2; ++axis)
    out << "kernel " << w.kernel[axis] << " stride " << w.stride[axis] << " padding " << w.padding[axis] << " dilation " << w.dilation[axis] << "; ";
  out << (w.ceil_mode ? "ceil" : "floor") << ", images " << shape;
  return out.str();
}

/// Few values, so that ties are common; some that compare unlike numbers.
at::Tensor awkward_images(at::IntArrayRef shape, at::ScalarType dtype) {
  const auto infinity = std::numeric_limits<double>::infinity();
  auto images = at::randint(-2, 3, shape, at::TensorOptions(dtype));
  const auto kind = at::randint(40, shape, at::kLong);
  images.masked_fill_(kind.eq(0), std::numeric_limits<double>::quiet_NaN());
  images.masked_fill_(kind.eq(1), infinity);
  images.masked_fill_(kind.gt(33), -infinity);
  return images;
}

void expect_equal(const at::Tensor& images, const Windows& windows) {
  const auto [maxima, places] = max_pool2d(images, windows);
  const auto [wanted, wanted_places] = max_pool2d_plainly(images, windows);
  EXPECT_TRUE(at::allclose(maxima, wanted, 0, 0, /*equal_nan=*/true)) << text(windows, images.sizes());
  EXPECT_TRUE(places.equal(wanted_places)) << text(windows, images.sizes());
}

TEST(MaxPool, EqualsLibTorchOnDrawnWindows) {
  at::manual_seed(1);
  std::mt19937 random(1);
  const auto draw = [&](int64_t first, int64_t last) { return std::uniform_int_distribution<int64_t>(first, last)(random); };
  for (int repeat = 0; repeat < 400; ++repeat) {
    at::set_num_threads(repeat % 2 ? 1 : 3);
    Windows w;
    std::vector<int64_t> shape{draw(1, 3), draw(1, 4)};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      w.kernel[axis] = draw(1, 5);
      w.stride[axis] = draw(1, 4);
      w.dilation[axis] = draw(1, 3);
      w.padding[axis] = draw(0, w.kernel[axis] / 2);
      shape.push_back(std::max<int64_t>(1, w.dilation[axis] * (w.kernel[axis] - 1) + 1 - 2 * w.padding[axis]) + draw(0, 12));
    }
    w.ceil_mode = repeat % 3 == 0;
    expect_equal(awkward_images(shape, repeat % 5 ? at::kFloat : at::kDouble), w);
  }
}

TEST(MaxPool, TakesImagesInAnyOrderOfMemory) {
  const auto images = at::randn({3, 9, 8, 5}).permute({0, 3, 1, 2});
  expect_equal(images, {{3, 2}, {2, 2}, {1, 0}, {1, 1}, true});
}

TEST(MaxPool, IsDifferentiable) {
  const auto images = at::randn({2, 3, 6, 6}).requires_grad_();
  std::get<0>(max_pool2d(images, {{2, 2}, {2, 2}, {0, 0}, {1, 1}, false})).sum().backward();
  EXPECT_EQ(images.grad().sum().item<double>(), 2 * 3 * 9);
}

TEST(MaxPool, LeavesWhatDoesNotFitToLibTorch) {
  EXPECT_THROW(max_pool2d(at::randn({1, 1, 4, 4}), {{3, 3}, {1, 1}, {2, 2}, {1, 1}, false}), c10::Error);  // wide padding
  EXPECT_THROW(max_pool2d(at::randn({1, 1, 2, 2}), {{3, 3}, {1, 1}, {0, 0}, {1, 1}, false}), c10::Error);  // no window
  EXPECT_EQ(std::get<0>(max_pool2d(at::randn({0, 2, 4, 4}), {{2, 2}, {2, 2}, {0, 0}, {1, 1}, false})).size(0), 0);
}

}  // namespace
}  // namespace backobs
