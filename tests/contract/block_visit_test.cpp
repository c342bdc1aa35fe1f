// SPDX-License-Identifier: MIT
// Values per sample that are handed on in blocks of samples, or of columns: joined they are the whole, and nothing else
// changes by a bit.
#include "campaign/training_step.h"
#include "contract/small_networks.h"
#include "contract/walk_case.h"

#include <backobs/per_sample.h>

#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

const std::map<std::string, int64_t>& per_sample_quantities() {
  static const std::map<std::string, int64_t> axes{{"grad_batch", 0},         {"sqrt_ggn_exact", 1},    {"sqrt_ggn_mc", 1},
                                                   {"diag_ggn_exact_batch", 0}, {"diag_ggn_mc_batch", 0}, {"diag_h_batch", 0}};
  return axes;
}

/// Each quantity's blocks by "QUANTITY/PARAMETER", and grad.
std::map<std::string, TensorList> values_of(const Case& c, bool in_blocks, const PassSettings& settings) {
  std::vector<ExtensionInstance> extensions = make({"sum_grad_squared", "diag_h"});
  for (const auto& [name, axis] : per_sample_quantities()) {
    extensions.push_back(make({name})[0]);
    const auto blocks = blocks_of(*extensions.back().extension);
    EXPECT_EQ(blocks, axis == 1 ? Blocks::columns : Blocks::samples) << name;
    if (in_blocks) extensions.back().blocks = blocks;
  }
  std::map<std::string, TensorList> found;
  Pass(c.net, c.loss, settings).run(c.batch, {c.batch.size, 0, 0, Random(5)}, true, extensions,
                                    [&](auto& quantity, auto& parameter, const ResultValue& value) {
                                      found[quantity + "/" + parameter].push_back(value.tensors.at(0));
                                    });
  for (const auto& parameter : c.net.parameters()) found["grad/" + parameter.name] = {parameter.value.grad().clone()};
  return found;
}

/// Blocks of all samples one after the other, each with blocks of its columns one after the other if there are any.
Tensor joined(const TensorList& parts, const Tensor& whole, int64_t axis) {
  if (axis == 0 || parts[0].size(0) == whole.size(0)) return at::cat(parts, axis);
  TensorList samples, columns;
  int64_t count = 0;
  for (const auto& part : parts) {
    columns.push_back(part);
    count += part.size(0);
    if (count < whole.size(0)) continue;
    samples.push_back(at::cat(columns));
    columns.clear();
    count = 0;
  }
  return at::cat(samples, axis);
}

/// How many values came in more than one block.
int64_t expect_same(const Case& c, const PassSettings& settings) {
  const auto whole = values_of(c, false, settings), blocks = values_of(c, true, settings);
  EXPECT_EQ(whole.size(), blocks.size());
  int64_t parted = 0;
  for (const auto& [key, values] : whole) {
    const auto axis = per_sample_quantities().find(key.substr(0, key.find('/')));
    const auto& parts = blocks.at(key);
    parted += parts.size() > 1;
    if (axis != per_sample_quantities().end())
      EXPECT_TRUE(tensors_near(joined(parts, values[0], axis->second), values[0], 1e-10, 1e-13)) << key;
    else if (settings.tiling.samples == 0)
      EXPECT_TRUE(parts.at(0).equal(values[0])) << key;
    else
      EXPECT_TRUE(tensors_near(parts.at(0), values[0], 1e-10, 1e-13)) << key;
  }
  return parted;
}

PassSettings penalised() {
  PassSettings settings;
  settings.l2_reg = 0.3;
  settings.is_regularised = [](const std::string&) { return true; };
  return settings;
}

TEST(BlockVisit, SmallValuesAreOneBlock) {
  EXPECT_EQ(expect_same(make_case(chain()), {}), 0);
  EXPECT_EQ(expect_same(make_case(branches()), penalised()), 0);
}

/// A tile of samples is a block of its own.
TEST(BlockVisit, TilesAreBlocks) {
  auto settings = penalised();
  settings.tiling.samples = 2;
  const auto c = make_case(chain()), d = make_case(branches());
  const auto all = static_cast<int64_t>(per_sample_quantities().size() * c.net.parameters().size());
  EXPECT_EQ(expect_same(c, settings), all);
  expect_same(d, settings);
  settings.tiling.columns = 3;  // no sweep sees every column: values are held until the last
  EXPECT_EQ(expect_same(c, settings), 0);
}

/// A parameter that is used on both sides of a curved layer, above others: residuals of its own pass them by.
Network tied() {
  Network net({6});
  const nn::Linear shared(6, 6);
  net.add("first", nn::Linear(6, 6));
  net.add("a", shared);
  net.add("tanh", nn::Tanh());
  net.add("b", shared);
  net.add("last", nn::Linear(6, 3));
  return net;
}

/// Blocks of one row each, whatever has several, and blocks in between.
TEST(BlockVisit, SmallBlocksAreTheWholeTogether) {
  for (const int64_t bytes : {1, 100, 500}) {
    auto settings = penalised();
    settings.tiling.block_bytes = bytes;
    const auto c = make_case(chain()), d = make_case(branches());
    EXPECT_GT(expect_same(c, settings), 0);
    EXPECT_GT(expect_same(d, settings), 0);
    expect_same(make_case(tied()), settings);
    settings.tiling.samples = 2;
    EXPECT_GT(expect_same(c, settings), 0);
  }
}

/// What would not fit as a whole does where one row does: the columns of sqrt_ggn_exact at the last weight are 29 GB here.
TEST(BlockVisit, ColumnsThatDoNotFitAreLegalInBlocks) {
  Network net({1000});
  net.add("dense", nn::Linear(1000, 1900));
  net.add("flatten", nn::Flatten());
  auto extensions = make({"sqrt_ggn_exact"});
  const Pass pass(net, mean_squared_error(), {});
  ASSERT_EQ(pass.refusals(extensions, 2).size(), 1u);
  EXPECT_EQ(pass.refusals(extensions, 2)[0].parameter, "dense.weight");
  extensions[0].blocks = Blocks::samples;
  EXPECT_EQ(pass.refusals(extensions, 2).size(), 1u);  // 14 GB for one sample
  extensions[0].blocks = Blocks::columns;
  EXPECT_TRUE(pass.refusals(extensions, 2).empty());
  EXPECT_TRUE(pass.refusals(extensions, 2000).empty());  // in tiles of samples
}

/// Parameters so large that a block holds three of the five samples.
struct WideSquareImpl : nn::Module {
  WideSquareImpl() { scale = register_parameter("scale", at::ones({kWidth})); }
  Tensor forward(const Tensor& x) { return (x.mean(1, true) * scale.square()).tanh().reshape({-1, 3, kWidth / 3}).mean(2); }
  static constexpr int64_t kWidth = 3 * 400000;
  Tensor scale;
};

Case wide(const std::string& form) {
  Network net({6});
  if (form == "general") {
    net.add("square", std::make_shared<WideSquareImpl>());
    return make_case(std::move(net));
  }
  net.add("wide", nn::Linear(6, 200000));
  net.add("tanh", nn::Tanh());
  net.add("narrow", nn::Linear(200000, 3));
  if (form == "unreached") {
    const auto last = net.last();
    net.add("aside", nn::Linear(200000, 2), {last - 1});
    net.set_outputs({last});
  }
  return make_case(std::move(net));
}

TEST(BlockVisit, LargeValuesComeInBlocks) {
  for (const std::string form : {"weight", "unreached", "general"}) {
    const auto c = wide(form);
    std::vector<ExtensionInstance> whole = make({"grad_batch"}), blocks = whole;
    blocks[0].blocks = Blocks::samples;
    auto settings = penalised();
    settings.tiling.block_bytes = int64_t{32} << 20;
    std::map<std::string, TensorList> found[2];
    for (const bool in_blocks : {false, true})
      Pass(c.net, c.loss, settings).run(c.batch, {5, 0, 0, Random(5)}, true, in_blocks ? blocks : whole,
                                        [&](auto&, auto& parameter, const ResultValue& value) {
                                          found[in_blocks][parameter].push_back(value.tensors.at(0));
                                        });
    std::size_t most = 0;
    for (const auto& [parameter, values] : found[0]) {
      const auto& parts = found[1].at(parameter);
      most = std::max(most, parts.size());
      EXPECT_TRUE(tensors_near(at::cat(parts), values.at(0), 1e-10, 1e-13)) << form << " " << parameter;
    }
    EXPECT_GT(most, 1u) << form;
  }
}

/// What the parts of a value give joins to what the whole gives.
TEST(BlockVisit, ReductionsJoin) {
  const auto x = at::tensor({3.0, -4.0, 0.5, 2.0, -7.0}, at::kDouble);
  for (const auto& name : reduction_names()) {
    const auto joined = joined_by(name);
    if (!joined) continue;
    const auto reduce = reduction_named(name);
    for (int64_t n = 0; n <= 5; ++n) {
      const auto a = x.narrow(0, 0, n), b = x.narrow(0, n, 5 - n);
      EXPECT_NEAR(joined(reduce(a), static_cast<double>(n), reduce(b), static_cast<double>(5 - n)), reduce(x), 1e-14) << name << n;
    }
    const auto nan = at::full({1}, std::nan(""), at::kDouble);
    EXPECT_TRUE(std::isnan(joined(reduce(x), 5, reduce(nan), 1))) << name;
    EXPECT_TRUE(std::isnan(joined(reduce(nan), 1, reduce(x), 5))) << name;
    const auto infinite = at::full({1}, HUGE_VAL, at::kDouble);
    EXPECT_TRUE(std::isnan(joined(reduce(infinite), 1, reduce(nan), 1))) << name;
  }
  EXPECT_EQ(joined_by("std"), nullptr);
  EXPECT_EQ(joined_by("trace"), nullptr);
}

/// Options decide: chosen samples are no stack over all of them.
TEST(BlockVisit, SubsamplingIsNotPerSample) {
  EXPECT_EQ(blocks_of(*make_one("some", "grad_batch", {{"subsampling", {"0"}}}).extension), Blocks::none);
  EXPECT_EQ(blocks_of(*make_one("some", "sqrt_ggn_exact", {{"subsampling", {"0"}}}).extension), Blocks::none);
  EXPECT_EQ(blocks_of(*make({"variance"})[0].extension), Blocks::none);
}

}  // namespace
}  // namespace backobs
