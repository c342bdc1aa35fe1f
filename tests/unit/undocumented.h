// SPDX-License-Identifier: MIT
#pragma once

/// A class that says what it is, and one function that does not.
class Documented {
 public:
  /// Three.
  int three() const { return 3; }

  int four() const { return 4; }
};
