// SPDX-License-Identifier: MIT
#include "campaign/histogram.h"

#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>

namespace backobs {
namespace {

constexpr int kLowest = -45, kHighest = 38;  ///< exponents of the first and the last edge
constexpr int64_t kBins = kHighest - kLowest + 2;  ///< bin 0 below the first edge, bin i from edge i - 1 on

std::string edge_text(int64_t bin) {
  char text[16];
  std::snprintf(text, sizeof text, "1e%+03d", kLowest + static_cast<int>(bin) - 1);
  return text;
}

/// 10^k as the decimal number is read, to the last bit.
Tensor edges(const Tensor& like) {
  std::vector<double> values;
  for (int64_t bin = 1; bin < kBins; ++bin) values.push_back(std::strtod(edge_text(bin).c_str(), nullptr));
  return at::tensor(values, at::kDouble).to(like.device());
}

std::vector<int64_t> counts(const Tensor& magnitudes) {
  const Tensor bins = at::bucketize(magnitudes, edges(magnitudes), false, true);
  const Tensor all = at::bincount(bins, {}, kBins).to(at::kCPU);
  return {all.data_ptr<int64_t>(), all.data_ptr<int64_t>() + kBins};
}

}  // namespace

std::vector<std::pair<std::string, int64_t>> decade_histogram(const Tensor& values) {
  const Tensor all = values.detach().flatten().to(at::kDouble);
  const int64_t undefined = at::isnan(all).sum().item<int64_t>();
  const auto negative = counts(all.masked_select(all < 0).neg()), positive = counts(all.masked_select(all > 0));
  const int64_t zeros = (all == 0).sum().item<int64_t>() + negative.front() + positive.front();
  std::vector<std::pair<std::string, int64_t>> bins;
  const auto add = [&](const std::string& name, int64_t count) {
    if (count) bins.emplace_back(name, count);
  };
  add("-inf", negative.back());
  for (int64_t bin = kBins - 2; bin > 0; --bin) add("-" + edge_text(bin), negative[static_cast<std::size_t>(bin)]);
  add("0", zeros);
  for (int64_t bin = 1; bin < kBins - 1; ++bin) add(edge_text(bin), positive[static_cast<std::size_t>(bin)]);
  add("inf", positive.back());
  add("nan", undefined);
  return bins;
}

}  // namespace backobs
