// SPDX-License-Identifier: MIT
#include "walk/arrival.h"

#include "kernels/affine.h"

#include <ATen/ATen.h>

namespace backobs {

const Columns& Arrival::dense() {
  if (!dense_.defined()) dense_ = columns.written_out();
  return dense_;
}

const Tensor& Arrival::z() {
  if (!z_.defined()) z_ = rule.affine_columns(io, dense().dense);
  return z_;
}

const Tensor& Arrival::position_sums() {
  if (!sums_.defined()) sums_ = z().size(2) == 1 ? z().squeeze(2) : z().sum(2);
  return sums_;
}

const Tensor& Arrival::summed_squares() {
  if (!squares_.defined()) squares_ = backobs::summed_squares(columns).reshape({io.samples(), -1});
  return squares_;
}

Tensor Arrival::output_moment() {
  if (moment_.defined()) return moment_.clone();
  moment_ = affine::output_moment(position_sums());
  return moment_;
}

}  // namespace backobs
