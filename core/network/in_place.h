// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

namespace backobs {

/// A layer whose transposed Jacobian needs no second signal beside the one that it moves.
class InPlaceRule {
 public:
  virtual ~InPlaceRule() = default;
  /// jac_t into the columns themselves, [V, n, *out] of the shape [V, n, *in]. They are dense and nobody else's.
  virtual void jac_t_in_place(const LayerIO& io, Tensor& columns) const = 0;
};

}  // namespace backobs
