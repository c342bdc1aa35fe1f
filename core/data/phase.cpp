// SPDX-License-Identifier: MIT
#include <backobs/data.h>

namespace backobs {

DataSource::~DataSource() = default;

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::train: return "train";
    case Phase::train_eval: return "train_eval";
    case Phase::valid: return "valid";
    case Phase::test: return "test";
  }
  return "";
}

}  // namespace backobs
