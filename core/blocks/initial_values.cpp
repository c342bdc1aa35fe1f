// SPDX-License-Identifier: MIT
#include "blocks/initial_values.h"

#include <backobs/blocks.h>
#include <backobs/initialise.h>

#include <ATen/core/Tensor.h>

namespace backobs::blocks {

void initialise_parameters(const Network& net, const Fill& conv, const Fill& dense, double bias) {
  for (const Parameter& parameter : net.parameters()) {
    if (!is_weight(parameter.name)) initialise::constant(net, parameter.name, bias);
    else if (parameter.value.dim() == 4) conv(net, parameter.name);
    else if (parameter.value.dim() == 2) dense(net, parameter.name);
  }
}

bool is_weight(const std::string& parameter) {
  const std::string ending = ".weight";
  const std::size_t at = parameter.rfind(ending);
  return at != std::string::npos && at > 0 && at + ending.size() == parameter.size();
}

bool is_conv_or_dense_weight(const std::string& parameter) {
  return is_weight(parameter) &&
         (parameter.find("conv") != std::string::npos || parameter.find("dense") != std::string::npos);
}

}  // namespace backobs::blocks
