// SPDX-License-Identifier: MIT
// Products that go over what is not zero, against products of whole matrices: rows that are picked, with every set of
// instructions of this processor; windows of images against unfolding; derived quantities and transposed Jacobians of
// convolutions over shapes, strides, padding, groups, element types and threads.
#include "kernels/instruction_sets.h"
#include "kernels/sparse_matrices.h"
#include "kernels/sparse_products.h"
#include "kernels/unfold.h"
#include "kernels/window_moment.h"
#include "tolerance.h"

#include <ATen/Parallel.h>

namespace backobs {
namespace {

using at::Tensor;

/// Sums of `count` of 12 rows for `columns` columns, set and added, against a product; nothing is written beside a row.
template <typename T>
void expect_sums_of_rows(const InstructionSet& set, int64_t columns, int64_t width, int64_t count) {
  const auto options = at::TensorOptions(at::CppTypeToScalarType<T>::value);
  const auto table = at::zeros({12 * width + sparse::kSlack}, options);
  const auto rows = table.narrow(0, 0, 12 * width).view({12, width}).normal_();
  const auto factors = at::randn({count, columns}, options), picked = at::randint(12, {count}, at::kLong);
  const auto wanted = factors.t().mm(rows.index_select(0, picked));
  const auto at_row = picked.mul(width).to(at::kInt);
  const sparse::Picks<T> picks{factors.template data_ptr<T>(), at_row.template data_ptr<int32_t>(), count, columns};
  auto to = at::full({columns, width + 3}, 7, options);
  set.kernels<T>().rows.set(picks, table.template data_ptr<T>(), width, to.template data_ptr<T>(), width + 3);
  EXPECT_TRUE(tensors_near(to.narrow(1, 0, width), wanted, 1e-5, 1e-6));
  set.kernels<T>().rows.add(picks, table.template data_ptr<T>(), width, to.template data_ptr<T>(), width + 3);
  EXPECT_TRUE(tensors_near(to.narrow(1, 0, width), 2 * wanted, 1e-5, 1e-6));
  EXPECT_TRUE(to.narrow(1, width, 3).eq(7).all().template item<bool>());
}

TEST(SparseRows, EveryInstructionSetAddsUpPickedRows) {
  at::manual_seed(1);
  for (const auto* set : instruction_sets())
    for (const int64_t columns : {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 20})
      for (const int64_t width : {1, 3, 8, 15, 16, 33, 80, 161, 200})
        for (const int64_t count : {0, 1, 9}) {
          SCOPED_TRACE(std::string(set->name) + ", columns " + std::to_string(columns) + ", width " + std::to_string(width));
          expect_sums_of_rows<float>(*set, columns, width, count);
          expect_sums_of_rows<double>(*set, columns, width, count);
        }
}

struct Case {
  int64_t v, n, channels, out, groups;
  WindowShape shape;
};

std::ostream& operator<<(std::ostream& out, const Case& t) {
  return out << "V " << t.v << ", n " << t.n << ", " << t.channels << " to " << t.out << " channels, groups " << t.groups << ", image "
             << at::IntArrayRef(t.shape.image) << ", kernel " << at::IntArrayRef(t.shape.kernel);
}

std::vector<int64_t> pads(const WindowShape& shape) {
  std::vector<int64_t> result;
  for (auto d = shape.image.size(); d-- > 0;) result.insert(result.end(), {shape.low[d], shape.high[d]});
  return result;
}

class SparseProductsTest : public ::testing::TestWithParam<std::tuple<Case, at::ScalarType, int>> {
 protected:
  void SetUp() override {
    const auto& [t, dtype, threads] = GetParam();
    at::manual_seed(5);
    at::set_num_threads(threads);
    auto shape = t.shape.image;
    shape.insert(shape.begin(), {t.n, t.channels});
    image = at::randn(shape, dtype);
    x = unfold(at::constant_pad_nd(image, pads(t.shape)), t.shape.kernel, t.shape.stride, t.shape.dilation, t.groups);
    z = at::randn({t.v, t.n, t.groups, t.out / t.groups, x.size(1)}, dtype);
    z *= at::rand(z.sizes().slice(1)).lt(0.3).to(dtype);
    z = z.permute({0, 1, 4, 2, 3});
    weight = at::randn({t.groups, t.out / t.groups, x.size(3)}, dtype);
  }
  sparse::WindowedInput windowed() const {
    const auto& t = std::get<0>(GetParam());
    WindowLayout windows(t.shape, t.channels, t.groups);
    auto laid_out = windows.lay_out(image);
    return {std::move(windows), std::move(laid_out)};
  }
  /// What affine::Products may ask for, all at once.
  affine::Products wanted() const {
    const auto v = z.size(0), n = z.size(1), g = z.size(3), c = z.size(4), k = x.size(3);
    affine::Products p;
    p.columns = at::empty({v, n, g, c, k}, z.options());
    p.sample_squares = at::zeros({n, g, c, k}, z.options());
    p.squared_norms = at::zeros({v, n}, z.options());
    p.addend = weight;
    p.shift = 0.5 * weight;
    for (auto* sum : {&p.sum_squares, &p.shifted_sum, &p.shifted_squares}) *sum = at::ones({g, c, k}, z.options());
    return p;
  }

  Tensor image, x, z, weight;
};

TEST_P(SparseProductsTest, DerivedQuantitiesEqualThoseOfWholeMatrices) {
  const auto fast = wanted(), plain = wanted();
  const auto signs = at::randn({z.size(0), z.size(1)}, z.options()).sign();
  sparse::form(z, signs, windowed(), fast);
  affine::form_plainly(z, signs, x, plain);
  for (const auto field : {&affine::Products::columns, &affine::Products::sample_squares, &affine::Products::sum_squares,
                           &affine::Products::squared_norms, &affine::Products::shifted_sum, &affine::Products::shifted_squares})
    EXPECT_TRUE(equal_up_to_rounding(fast.*field, plain.*field));
}

TEST_P(SparseProductsTest, SumEqualsThatOfWholeMatrices) {
  EXPECT_TRUE(equal_up_to_rounding(sparse::sum(z, windowed()), at::einsum("vnsgc,nsgk->gck", {z, x})));
}

/// <J^T z, i> = <z, J i> for every unit image would be slow; the transposed map as the gradient of a dot product is not.
TEST_P(SparseProductsTest, TransposedConvolutionIsTheAdjoint) {
  const auto& t = std::get<0>(GetParam());
  const auto pulled = sparse::transposed_convolution(z, weight, windowed().windows, t.shape.image);
  const auto forward = at::einsum("nsgk,gck->nsgc", {x, weight});  // of `image`
  const auto left = (pulled * image).flatten(2).sum(2), right = (z * forward).flatten(2).sum(2);
  EXPECT_TRUE(equal_up_to_rounding(left, right));
  for (int64_t v = 0; v < z.size(0); ++v) {
    auto leaf = image.clone().requires_grad_();
    auto shape = std::vector<int64_t>{t.out, t.channels / t.groups};
    shape.insert(shape.end(), t.shape.kernel.begin(), t.shape.kernel.end());
    const auto padded = at::constant_pad_nd(leaf, pads(t.shape));
    const auto output = at::convolution(padded, weight.reshape(shape), {}, t.shape.stride, std::vector<int64_t>(t.shape.image.size(), 0),
                                        t.shape.dilation, false, std::vector<int64_t>(t.shape.image.size(), 0), t.groups);
    output.backward(z[v].permute({0, 2, 3, 1}).reshape(output.sizes()));
    EXPECT_TRUE(equal_up_to_rounding(pulled[v], leaf.grad()));
  }
}

TEST_P(SparseProductsTest, MomentOfSlicesIsThatOfUnfoldedWindows) {
  const auto input = windowed();
  if (input.windows.groups > 1 || std::get<0>(GetParam()).shape.image.size() == 1) {
    EXPECT_FALSE(shares_slices(input.windows));
    return;
  }
  const auto found = window_moment(input, image.size(0), 0.25);
  EXPECT_TRUE(equal_up_to_rounding(found, window_moment_plainly(x, 0.25)));
  EXPECT_TRUE(equal_up_to_rounding(found, found.t()));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, SparseProductsTest,
    ::testing::Combine(::testing::Values(Case{1, 2, 1, 1, 1, {{6, 5}, {0, 0}, {0, 0}, {3, 3}, {1, 1}, {1, 1}}},
                                         Case{10, 3, 3, 5, 1, {{9, 8}, {2, 2}, {2, 2}, {5, 5}, {1, 1}, {1, 1}}},
                                         Case{3, 5, 4, 6, 2, {{7, 9}, {1, 0}, {0, 2}, {3, 2}, {2, 1}, {1, 2}}},
                                         Case{2, 3, 8, 4, 1, {{11, 7}, {3, 1}, {2, 1}, {3, 4}, {2, 1}, {2, 1}}},
                                         Case{23, 2, 3, 3, 3, {{8, 8}, {1, 1}, {1, 1}, {3, 3}, {2, 2}, {1, 1}}},
                                         Case{2, 1, 2, 3, 1, {{12}, {3}, {3}, {4}, {3}, {2}}},
                                         Case{21, 4, 2, 70, 1, {{4, 5, 6}, {1, 0, 1}, {1, 1, 0}, {2, 3, 2}, {1, 2, 1}, {1, 1, 1}}}),
                       ::testing::Values(at::kFloat, at::kDouble), ::testing::Values(1, 3)));

TEST(SparseProduct, EqualsTheWholeProduct) {
  at::manual_seed(2);
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const int64_t columns : {1, 7, 45})
      for (const auto& [features, inputs] : {std::pair<int64_t, int64_t>{1, 1}, {10, 3}, {900, 150}, {3000, 70}}) {
        const auto z = at::randn({columns, 5, features}, dtype) * at::rand({1, 5, features}).lt(0.3).to(dtype);
        const auto w = at::randn({features, inputs}, dtype);
        EXPECT_TRUE(equal_up_to_rounding(sparse::product(z, w), at::matmul(z, w)));
      }
}

TEST(SparseMoment, EqualsTheWholeProduct) {
  at::manual_seed(4);
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const int threads : {1, 3})
      for (const auto& [samples, inputs] : {std::pair<int64_t, int64_t>{1, 1}, {7, 12}, {40, 300}, {700, 133}}) {
        at::set_num_threads(threads);
        const auto empty_ground = at::rand({samples, (inputs + 9) / 10}).lt(0.3).repeat_interleave(10, 1).narrow(1, 0, inputs);
        const auto x = at::randn({samples, inputs}, dtype) * empty_ground.to(dtype);
        const auto found = sparse::moment(x, 0.5);
        if (samples >= 40) ASSERT_TRUE(found.defined());
        if (!found.defined()) continue;  // of few numbers, many may be nonzero
        EXPECT_TRUE(equal_up_to_rounding(found, x.t().mm(x) * 0.5));
        EXPECT_TRUE(found.equal(found.t()));
      }
  EXPECT_TRUE(sparse::moment(at::eye(300), 1).defined());
  EXPECT_FALSE(sparse::moment(at::ones({40, 300}), 1).defined());
  EXPECT_FALSE(sparse::moment(at::randn({40, 300}).relu(), 1).defined());  // zeros everywhere, but not together
}

TEST(WindowMoment, SharesSlicesWhereThatIsLessWork) {
  const auto windows = [](int64_t channels, int64_t groups, int64_t kernel, int64_t stride) {
    return WindowLayout({{9, 9}, {0, 0}, {0, 0}, {kernel, kernel}, {stride, stride}, {1, 1}}, channels, groups);
  };
  EXPECT_TRUE(shares_slices(windows(16, 1, 3, 1)));
  EXPECT_FALSE(shares_slices(windows(16, 2, 3, 1)));
  EXPECT_FALSE(shares_slices(windows(16, 1, 3, 2)));
  EXPECT_FALSE(shares_slices(windows(64, 1, 1, 1)));
  EXPECT_FALSE(shares_slices(windows(3, 1, 3, 1)));
}

TEST(IsSparse, CountsWhatIsNonzeroInSomeColumn) {
  const auto mask = [](double share) { return at::arange(1000).lt(1000 * share).to(at::kFloat); };
  EXPECT_TRUE(sparse::is_sparse(mask(0.5).expand({10, 8, 1000})));
  EXPECT_FALSE(sparse::is_sparse(mask(0.7).expand({10, 8, 1000})));
  EXPECT_FALSE(sparse::is_sparse(mask(0.5).expand({1, 8, 1000})));
  EXPECT_FALSE(sparse::is_sparse(at::eye(20).unsqueeze(1)));  // each column is sparse; together they are not
  EXPECT_TRUE(sparse::is_sparse(at::zeros({2, 1, 5})));
  EXPECT_FALSE(sparse::is_sparse(at::zeros({2, 0, 5})));
  EXPECT_FALSE(sparse::is_sparse(at::ones({4, 1, 5}, at::kLong)));
}

}  // namespace
}  // namespace backobs
