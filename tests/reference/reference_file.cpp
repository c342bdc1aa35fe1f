// SPDX-License-Identifier: MIT
#include "reference/reference_file.h"

#include <backobs/module.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/padding.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>

namespace backobs::reference {
namespace {

using nlohmann::json;
namespace nn = torch::nn;

template <std::size_t D>
torch::ExpandingArray<D> sizes(const json& layer, const char* key, int64_t otherwise) {
  if (!layer.contains(key)) return otherwise;
  const auto& value = layer.at(key);
  return value.is_array() ? torch::ExpandingArray<D>(value.get<std::vector<int64_t>>())
                          : torch::ExpandingArray<D>(value.get<int64_t>());
}

/// Options of a (transposed) convolution; `Options` is nn::Conv2dOptions and its like.
template <std::size_t D, typename Options>
Options conv_options(const json& layer) {
  Options options(layer.at("in_channels"), layer.at("out_channels"), sizes<D>(layer, "kernel_size", 1));
  options.stride(sizes<D>(layer, "stride", 1)).dilation(sizes<D>(layer, "dilation", 1));
  return options.groups(layer.value("groups", 1)).bias(layer.value("bias", true));
}

template <std::size_t D, typename Conv, typename Options>
void add_conv(Network& net, const std::string& name, const json& layer) {
  auto options = conv_options<D, Options>(layer);
  if (const auto padding = layer.value("padding", json(0)); padding == "same") options.padding(torch::kSame);
  else if (padding != "valid") options.padding(sizes<D>(layer, "padding", 0));
  const auto mode = layer.value("padding_mode", "zeros");
  if (mode == "reflect") options.padding_mode(torch::kReflect);
  else if (mode == "replicate") options.padding_mode(torch::kReplicate);
  else if (mode == "circular") options.padding_mode(torch::kCircular);
  else if (mode != "zeros") throw std::runtime_error("padding mode `" + mode + "` is not known to the reference test");
  net.add(name, Conv(options));
}

template <std::size_t D, typename Conv, typename Options>
void add_conv_transpose(Network& net, const std::string& name, const json& layer) {
  auto options = conv_options<D, Options>(layer).padding(sizes<D>(layer, "padding", 0));
  net.add(name, Conv(options.output_padding(sizes<D>(layer, "output_padding", 0))));
}

template <std::size_t D, typename Pool, typename Options>
void add_max_pool(Network& net, const std::string& name, const json& layer) {
  Options options(sizes<D>(layer, "kernel_size", 1));
  if (layer.contains("stride")) options.stride(sizes<D>(layer, "stride", 1));
  options.padding(sizes<D>(layer, "padding", 0)).dilation(sizes<D>(layer, "dilation", 1));
  net.add(name, Pool(options.ceil_mode(layer.value("ceil_mode", false))));
}

template <std::size_t D, typename Pool, typename Options>
void add_avg_pool(Network& net, const std::string& name, const json& layer) {
  Options options(sizes<D>(layer, "kernel_size", 1));
  if (layer.contains("stride")) options.stride(sizes<D>(layer, "stride", 1));
  options.padding(sizes<D>(layer, "padding", 0)).ceil_mode(layer.value("ceil_mode", false));
  net.add(name, Pool(options.count_include_pad(layer.value("count_include_pad", true))));
}

using AddLayer = void (*)(Network&, const std::string&, const json&);

/// The layers with spatial axes.
const std::map<std::string, AddLayer>& image_layers() {
  static const std::map<std::string, AddLayer> table = {
      {"Conv1d", add_conv<1, nn::Conv1d, nn::Conv1dOptions>},
      {"Conv2d", add_conv<2, nn::Conv2d, nn::Conv2dOptions>},
      {"Conv3d", add_conv<3, nn::Conv3d, nn::Conv3dOptions>},
      {"ConvTranspose1d", add_conv_transpose<1, nn::ConvTranspose1d, nn::ConvTranspose1dOptions>},
      {"ConvTranspose2d", add_conv_transpose<2, nn::ConvTranspose2d, nn::ConvTranspose2dOptions>},
      {"ConvTranspose3d", add_conv_transpose<3, nn::ConvTranspose3d, nn::ConvTranspose3dOptions>},
      {"MaxPool1d", add_max_pool<1, nn::MaxPool1d, nn::MaxPool1dOptions>},
      {"MaxPool2d", add_max_pool<2, nn::MaxPool2d, nn::MaxPool2dOptions>},
      {"MaxPool3d", add_max_pool<3, nn::MaxPool3d, nn::MaxPool3dOptions>},
      {"AvgPool1d", add_avg_pool<1, nn::AvgPool1d, nn::AvgPool1dOptions>},
      {"AvgPool2d", add_avg_pool<2, nn::AvgPool2d, nn::AvgPool2dOptions>},
      {"AvgPool3d", add_avg_pool<3, nn::AvgPool3d, nn::AvgPool3dOptions>},
      {"ZeroPad2d", [](Network& net, const std::string& name, const json& layer) {
         net.add(name, nn::ZeroPad2d(nn::ZeroPad2dOptions(sizes<4>(layer, "padding", 0))));
       }},
      {"AdaptiveAvgPool2d", [](Network& net, const std::string& name, const json& layer) {
         const auto size = sizes<2>(layer, "output_size", 1);
         net.add(name, nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({(*size)[0], (*size)[1]})));
       }},
  };
  return table;
}

template <typename Module>
void add_plain(Network& net, const std::string& name, const json&) {
  net.add(name, Module());
}

/// Those without; of activations the options that a file may give.
const std::map<std::string, AddLayer>& other_layers() {
  static const std::map<std::string, AddLayer> table = {
      {"Linear", [](Network& net, const std::string& name, const json& layer) {
         nn::LinearOptions options(layer.at("in_features"), layer.at("out_features"));
         net.add(name, nn::Linear(options.bias(layer.value("bias", true))));
       }},
      {"LeakyReLU", [](Network& net, const std::string& name, const json& layer) {
         net.add(name, nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(layer.value("negative_slope", 0.01))));
       }},
      {"ELU", [](Network& net, const std::string& name, const json& layer) {
         net.add(name, nn::ELU(nn::ELUOptions().alpha(layer.value("alpha", 1.0))));
       }},
      {"Softplus", [](Network& net, const std::string& name, const json& layer) {
         net.add(name, nn::Softplus(nn::SoftplusOptions().beta(layer.value("beta", 1.0)).threshold(layer.value("threshold", 20.0))));
       }},
      {"Hardtanh", [](Network& net, const std::string& name, const json& layer) {
         net.add(name, nn::Hardtanh(nn::HardtanhOptions().min_val(layer.value("min_val", -1.0)).max_val(layer.value("max_val", 1.0))));
       }},
      {"Softmax", [](Network& net, const std::string& name, const json& layer) { net.add(name, nn::Softmax(layer.value("dim", 1))); }},
      {"Flatten", add_plain<nn::Flatten>},
      {"Identity", add_plain<nn::Identity>},
      {"ReLU", add_plain<nn::ReLU>},
      {"ReLU6", add_plain<nn::ReLU6>},
      {"Sigmoid", add_plain<nn::Sigmoid>},
      {"Tanh", add_plain<nn::Tanh>},
      {"SELU", add_plain<nn::SELU>},
      {"GELU", add_plain<nn::GELU>},
      {"SiLU", add_plain<nn::SiLU>},
      {"LogSigmoid", add_plain<nn::LogSigmoid>},
  };
  return table;
}

/// Adds one described layer.
void add_layer(Network& net, const json& layer) {
  const auto type = layer.at("type").get<std::string>();
  for (const auto* table : {&image_layers(), &other_layers()})
    if (const auto found = table->find(type); found != table->end())
      return found->second(net, std::to_string(layer.at("index").get<int64_t>()), layer);
  throw std::runtime_error("layer type `" + type + "` is not known to the reference test");
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
  if (type == "BCEWithLogitsLoss") return binary_cross_entropy({reduction, {}, {}});
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
