// SPDX-License-Identifier: MIT
#include "reference/reference_file.h"

#include <backobs/module.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace backobs::reference {
namespace {

using nlohmann::json;
namespace nn = torch::nn;

/// Adds one described layer; the table of layer types this program can build.
void add_layer(Network& net, const json& layer) {
  const auto name = std::to_string(layer.at("index").get<int64_t>());
  const auto type = layer.at("type").get<std::string>();
  if (type == "Linear") {
    nn::LinearOptions options(layer.at("in_features"), layer.at("out_features"));
    net.add(name, nn::Linear(options.bias(layer.value("bias", true))));
  } else if (type == "Flatten") {
    net.add(name, nn::Flatten());
  } else if (type == "ReLU") {
    net.add(name, nn::ReLU());
  } else if (type == "Sigmoid") {
    net.add(name, nn::Sigmoid());
  } else if (type == "Tanh") {
    net.add(name, nn::Tanh());
  } else if (type == "LeakyReLU") {
    net.add(name, nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(layer.value("negative_slope", 0.01))));
  } else if (type == "ELU") {
    net.add(name, nn::ELU(nn::ELUOptions().alpha(layer.value("alpha", 1.0))));
  } else if (type == "SELU") {
    net.add(name, nn::SELU());
  } else if (type == "LogSigmoid") {
    net.add(name, nn::LogSigmoid());
  } else {
    throw std::runtime_error("layer type `" + type + "` is not known to the reference test");
  }
}

}  // namespace

Tensor tensor_of(const json& j) {
  const auto shape = j.at("shape").get<std::vector<int64_t>>();
  if (j.value("dtype", "") == "int64") {
    auto values = j.at("values").get<std::vector<int64_t>>();
    return at::tensor(values, at::kLong).reshape(shape);
  }
  auto values = j.at("values").get<std::vector<double>>();
  return at::tensor(values, at::kDouble).reshape(shape);
}

ReferenceFile ReferenceFile::read(const std::filesystem::path& path) {
  std::ifstream stream(path);
  ReferenceFile file{path.stem().string(), json::parse(stream)};
  if (file.json.at("format") != "quantity-fixture-1") throw std::runtime_error(path.string() + ": unknown format");
  return file;
}

Network ReferenceFile::network(at::ScalarType dtype) const {
  Network net(json.at("network").at("input_shape").get<std::vector<int64_t>>());
  for (const auto& layer : json.at("network").at("layers")) add_layer(net, layer);
  net.to(dtype, at::kCPU);
  at::NoGradGuard no_grad;
  for (const auto& [name, value] : json.at("parameters").items()) net.parameter(name).value.copy_(tensor_of(value));
  return net;
}

std::shared_ptr<LossRule> ReferenceFile::loss() const {
  const auto type = json.at("loss").at("type").get<std::string>();
  const auto reduction = json.at("loss").at("reduction") == "sum" ? LossReduction::sum : LossReduction::mean;
  if (type == "CrossEntropyLoss") return cross_entropy(reduction);
  if (type == "MSELoss") return mean_squared_error(reduction);
  throw std::runtime_error("loss `" + type + "` is not known to the reference test");
}

Batch ReferenceFile::batch(at::ScalarType dtype) const {
  const auto input = tensor_of(json.at("input")).to(dtype);
  auto target = tensor_of(json.at("target"));
  if (target.is_floating_point()) target = target.to(dtype);
  return {{input}, {target}, at::arange(input.size(0)), input.size(0)};
}

std::vector<std::filesystem::path> reference_files() {
  const char* other = std::getenv("BACKOBS_REFERENCE_DIR");
  const std::filesystem::path folder = other ? other : BACKOBS_SOURCE_DIR "/tests/reference";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace backobs::reference
