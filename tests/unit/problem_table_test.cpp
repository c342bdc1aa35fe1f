// SPDX-License-Identifier: MIT
// The twenty problems against DeepOBS's own table: parameters by name, shape and order, what is regularised, defaults,
// and the loss before training.
#include "host/registry.h"
#include "walk/pass.h"

#include <backobs/problem.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace backobs {
namespace {

/// "name 3x4" per line and parameter.
using Shapes = std::vector<std::string>;

Shapes biased(const std::string& name, const std::string& weight, const std::string& bias) {
  return {name + ".weight " + weight, name + ".bias " + bias};
}
Shapes joined(const std::vector<Shapes>& parts) {
  Shapes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Shapes logreg() { return biased("dense", "10x784", "10"); }
Shapes mlp() {
  return joined({biased("dense1", "1000x784", "1000"), biased("dense2", "500x1000", "500"),
                 biased("dense3", "100x500", "100"), biased("dense4", "10x100", "10")});
}
Shapes net_2c2d() {
  return joined({biased("conv1.1", "32x1x5x5", "32"), biased("conv2.1", "64x32x5x5", "64"),
                 biased("dense1", "1024x3136", "1024"), biased("dense2", "10x1024", "10")});
}
Shapes net_3c3d(const std::string& classes) {
  return joined({biased("conv1.0", "64x3x5x5", "64"), biased("conv2.0", "96x64x3x3", "96"),
                 biased("conv3.1", "128x96x3x3", "128"), biased("dense1", "512x1152", "512"),
                 biased("dense2", "256x512", "256"), biased("dense3", classes + "x256", classes)});
}
Shapes vgg(bool deep, const std::string& classes) {
  const auto conv = [](const std::string& number, const std::string& in, const std::string& out) {
    return biased("conv" + number + ".1", out + "x" + in + "x3x3", out);
  };
  std::vector<Shapes> all = {conv("11", "3", "64"),    conv("12", "64", "64"),   conv("21", "64", "128"),
                             conv("22", "128", "128"), conv("31", "128", "256"), conv("32", "256", "256"),
                             conv("33", "256", "256")};
  if (deep) all.push_back(conv("34", "256", "256"));
  for (const auto* number : {"41", "42", "43", "44", "51", "52", "53", "54"})
    if (deep || number[1] != '4') all.push_back(conv(number, number == std::string("41") ? "256" : "512", "512"));
  all.push_back(biased("dense1", "4096x25088", "4096"));
  all.push_back(biased("dense2", "4096x4096", "4096"));
  all.push_back(biased("dense3", classes + "x4096", classes));
  return joined(all);
}
Shapes allcnnc() {
  return joined({biased("conv1.1", "96x3x3x3", "96"), biased("conv2.1", "96x96x3x3", "96"),
                 biased("conv3.1", "96x96x3x3", "96"), biased("conv4.1", "192x96x3x3", "192"),
                 biased("conv5.1", "192x192x3x3", "192"), biased("conv6.1", "192x192x3x3", "192"),
                 biased("conv7.0", "192x192x3x3", "192"), biased("conv8.1", "192x192x1x1", "192"),
                 biased("conv9.1", "100x192x1x1", "100")});
}
Shapes wide_resnet(int blocks, const std::string& classes) {
  const std::string out[] = {"16", "64", "128", "256"};
  std::vector<Shapes> all = {{"conv1.1.weight 16x3x3x3"}};
  for (int group = 1; group <= 3; ++group)
    for (int block = 1; block <= blocks; ++block) {
      const auto unit = "res_unit" + std::to_string(group) + std::to_string(block) + ".";
      const auto &from = out[block == 1 ? group - 1 : group], &to = out[group];
      all.push_back(biased(unit + "bn1", from, from));
      if (block == 1) all.push_back({unit + "convFirstBlock.1.weight " + to + "x" + from + "x1x1"});
      all.push_back({unit + "conv1.1.weight " + to + "x" + from + "x3x3"});
      all.push_back(biased(unit + "bn2", to, to));
      all.push_back({unit + "conv2.1.weight " + to + "x" + to + "x3x3"});
    }
  all.push_back(biased("bn", "256", "256"));
  all.push_back(biased("dense", classes + "x256", classes));
  return joined(all);
}
Shapes vae() {
  return joined({biased("conv1.1", "64x1x4x4", "64"), biased("conv2.1", "64x64x4x4", "64"),
                 biased("conv3.1", "64x64x4x4", "64"), biased("dense1", "8x3136", "8"), biased("dense2", "8x3136", "8"),
                 biased("dense3", "24x8", "24"), biased("dense4", "49x24", "49"), biased("deconv1.1", "1x64x4x4", "64"),
                 biased("deconv2.1", "64x64x4x4", "64"), biased("deconv3.1", "64x64x4x4", "64"),
                 biased("dense5", "784x12544", "784")});
}
Shapes quadratic() { return {"shift.weight 100x100", "shift.bias 100", "scale.weight 100x100"}; }

struct Row {
  std::string problem;
  int64_t batch_size, epochs;
  double l2_reg;
  int64_t parameters, trainable, regularised;  ///< numbers, not tensors
  Shapes shapes;
  /// The loss before training: what the published runs began with where there are some, else ln K and expected penalty.
  double initial_loss;
  bool initial_loss_needs_images = false;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.problem; }

const double kLn10 = std::log(10.0), kLn100 = std::log(100.0);

std::vector<Row> table() {
  return {
      {"cifar10_3c3d", 128, 100, 0.002, 895210, 895210, 894144, net_3c3d("10"), 3.5910},
      {"cifar10_vgg16", 32, 100, 0.0005, 134301514, 134301514, 134289088, vgg(false, "10"), kLn10 + 3.756},
      {"cifar10_vgg19", 32, 100, 0.0005, 139611210, 139611210, 139597504, vgg(true, "10"), kLn10 + 4.076},
      {"cifar100_3c3d", 128, 100, 0.002, 918340, 918340, 917184, net_3c3d("100"), kLn100 + 1.3863},
      {"cifar100_allcnnc", 256, 350, 0.0005, 1387108, 1387108, 1385760, allcnnc(), 4.9282},
      {"cifar100_vgg16", 32, 100, 0.0005, 134670244, 134670244, 134657728, vgg(false, "100"), kLn100 + 3.800},
      {"cifar100_vgg19", 32, 100, 0.0005, 139979940, 139979940, 139966144, vgg(true, "100"), kLn100 + 4.120},
      {"cifar100_wrn164", 128, 160, 0.0005, 2772020, 2772020, 2768304, wide_resnet(2, "100"), kLn100 + 0.51402},
      {"cifar100_wrn404", 128, 160, 0.0005, 8972340, 8972340, 8961456, wide_resnet(6, "100"), kLn100 + 1.41002},
      {"fmnist_2c2d", 128, 100, 0, 3274634, 3274634, 0, net_2c2d(), 2.3545},  // mean of ten seeds, 0.03 apart
      {"fmnist_logreg", 128, 50, 0, 7850, 7850, 0, logreg(), kLn10},
      {"fmnist_mlp", 128, 100, 0, 1336610, 1336610, 0, mlp(), kLn10},
      {"fmnist_vae", 64, 100, 0, 10151489, 10151489, 0, vae(), 133.0, true},
      {"mnist_2c2d", 128, 100, 0, 3274634, 3274634, 0, net_2c2d(), kLn10},
      {"mnist_logreg", 128, 50, 0, 7850, 7850, 0, logreg(), kLn10},
      {"mnist_mlp", 128, 100, 0, 1336610, 1336610, 0, mlp(), kLn10},
      {"mnist_vae", 64, 50, 0, 10151489, 10151489, 0, vae(), 181.46, true},
      {"quadratic_deep", 128, 100, 0, 20100, 100, 0, quadratic(), 7.07413},
      {"svhn_3c3d", 128, 100, 0.002, 895210, 895210, 894144, net_3c3d("10"), kLn10 + 1.2618},
      {"svhn_wrn164", 128, 160, 0.0005, 2748890, 2748890, 2745264, wide_resnet(2, "10"), 2.7745},
  };
}

const Registry& registry() {
  static const Registry found({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return found;
}

std::unique_ptr<Problem> make(const std::string& name) {
  return registry().make_problem(name, registry().schema("problem", name).check({}, name, "test"));
}

std::string described(const Parameter& parameter) {
  std::string text = parameter.name;
  const char* separator = " ";
  for (const auto size : parameter.value.sizes()) {
    text += separator + std::to_string(size);
    separator = "x";
  }
  return text;
}

class ProblemTable : public ::testing::TestWithParam<Row> {};

TEST_P(ProblemTable, DefaultsAndParameters) {
  const Row& row = GetParam();
  const auto problem = make(row.problem);
  const auto facts = problem->facts();
  EXPECT_EQ(facts.batch_size, row.batch_size);
  EXPECT_EQ(facts.epochs, row.epochs);
  EXPECT_EQ(facts.l2_reg, row.l2_reg);
  EXPECT_EQ(facts.data_set, row.problem == "quadratic_deep" ? "" : row.problem.substr(0, row.problem.find('_')));
  EXPECT_NEAR(facts.initial_loss, row.initial_loss, 0.03 * row.initial_loss);
  const Network net = problem->network(Random(42));
  Shapes shapes;
  int64_t all = 0, trainable = 0, regularised = 0;
  for (const auto& parameter : net.parameters()) {
    shapes.push_back(described(parameter));
    all += parameter.value.numel();
    if (parameter.trainable()) trainable += parameter.value.numel();
    if (problem->is_regularised(parameter.name)) regularised += parameter.value.numel();
  }
  EXPECT_EQ(shapes, row.shapes);
  EXPECT_EQ(all, row.parameters);
  EXPECT_EQ(trainable, row.trainable);
  EXPECT_EQ(regularised, row.regularised);
}

INSTANTIATE_TEST_SUITE_P(Deepobs, ProblemTable, ::testing::ValuesIn(table()),
                         [](const auto& test) { return test.param.problem; });

TEST(ProblemTable, HasEveryRegisteredProblem) {
  std::vector<std::string> found, wanted;
  for (const auto& plugin : registry().list("problem")) found.push_back(plugin.manifest.name);
  for (const auto& row : table()) wanted.push_back(row.problem);
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(found, wanted);
}

/// Mean loss of `seeds` initialisations over the first batch of test images, as evaluated before training.
double initial_loss(const Row& row, int seeds, int64_t samples, Source source) {
  const auto problem = make(row.problem);
  DataRequest request;
  request.source = source;
  const auto data = problem->data(request);
  std::vector<int64_t> indices(static_cast<std::size_t>(samples));
  std::iota(indices.begin(), indices.end(), 0);
  double sum = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const Random random(static_cast<uint64_t>(seed));
    const Network net = problem->network(random);
    PassSettings settings;
    settings.l2_reg = problem->facts().l2_reg;
    settings.is_regularised = [&](const std::string& name) { return problem->is_regularised(name); };
    const Pass pass(net, problem->loss(), settings);
    ForwardContext context;
    context.random = random;
    sum += pass.evaluate(data->batch(Phase::test, indices, random), context).loss;
  }
  return sum / seeds;
}

bool is_vgg(const Row& row) { return row.problem.find("vgg") != std::string::npos; }

TEST_P(ProblemTable, LossBeforeTraining) {
  const Row& row = GetParam();
  if (is_vgg(row)) GTEST_SKIP() << "too slow at 224 x 224 pixels; the layers are those of the others";
  const bool needs_images = row.initial_loss_needs_images;
  try {
    const auto found = initial_loss(row, 5, 128, needs_images ? Source::real : Source::synthetic);
    EXPECT_NEAR(found, row.initial_loss, 0.03 * row.initial_loss);
  } catch (const std::exception& error) {
    if (!needs_images) throw;
    GTEST_SKIP() << error.what();
  }
}

}  // namespace
}  // namespace backobs
