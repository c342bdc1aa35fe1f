// SPDX-License-Identifier: MIT
// Maximum pooling and its winners against LibTorch's, to the bit: drawn windows, ties, infinities and NaN among the pixels.
#include "kernels/instruction_sets.h"
#include "kernels/max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
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
  EXPECT_TRUE(at::allclose(max_pool2d_alone(images, windows), wanted, 0, 0, /*equal_nan=*/true)) << text(windows, images.sizes());
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

/// Windows of seven pixels in a row, with one set of instructions, against one window at a time.
template <typename T>
void expect_maxima(const InstructionSet& set, int64_t windows, int64_t stride) {
  constexpr int64_t kTaps = 7;
  const auto length = windows * stride + kTaps + Taps<T>::slack(stride);
  const auto row = awkward_images({length}, at::CppTypeToScalarType<T>::value);
  std::vector<const T*> pixels;
  std::vector<int32_t> at_tap;
  for (int64_t t = 0; t < kTaps; ++t) {
    pixels.push_back(row.template data_ptr<T>() + t);
    at_tap.push_back(static_cast<int32_t>(100 + t));
  }
  std::vector<int64_t> firsts(static_cast<std::size_t>(windows), -1), places(firsts.size() + 1, 7);
  std::vector<T> best(firsts.size() + 1, 7), alone(best);
  const Taps<T> taps{pixels.data(), at_tap.data(), kTaps, stride};
  set.kernels<T>().maxima.with_places(taps, windows, 50, firsts.data(), best.data(), places.data());
  set.kernels<T>().maxima.alone(taps, windows, alone.data());
  for (int64_t o = 0; o < windows; ++o) {
    const auto window = row.narrow(0, o * stride, kTaps).view({1, 1, 1, kTaps});
    const auto [wanted, place] = max_pool2d_plainly(window, {{1, kTaps}, {1, 1}, {0, 0}, {1, 1}, false});
    const auto index = static_cast<std::size_t>(o);
    EXPECT_TRUE(at::allclose(at::scalar_tensor(best[index], row.options()), wanted.flatten()[0], 0, 0, true)) << set.name << ", window " << o;
    EXPECT_EQ(places[index], best[index] == -std::numeric_limits<T>::infinity() ? 49 : 100 + o * stride + place.template item<int64_t>());
    EXPECT_TRUE(alone[index] == best[index] || std::isnan(best[index]));
  }
  EXPECT_EQ(places.back(), 7);
  EXPECT_EQ(best.back(), 7);
  EXPECT_EQ(alone.back(), 7);
}

TEST(MaxPool, EveryInstructionSetFindsTheSame) {
  at::manual_seed(2);
  for (const auto* set : instruction_sets())
    for (const int64_t windows : {1, 3, 4, 15, 16, 33})
      for (const int64_t stride : {1, 2, 3}) {
        expect_maxima<float>(*set, windows, stride);
        expect_maxima<double>(*set, windows, stride);
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
