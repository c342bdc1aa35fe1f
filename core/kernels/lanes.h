// SPDX-License-Identifier: MIT
#pragma once

/// Vectors of the instructions that the including file is compiled with. Everything here has internal linkage, and no header of
/// the standard library is included: of a function that several files define, the linker keeps one, which might be one that
/// this processor cannot run.
namespace backobs {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kRegisters = 16;
#else
constexpr int kVectorBytes = 16, kRegisters = 16;
#endif

/// 0, ..., N - 1.
template <int... I>
struct Indices {};
template <int N, int... I>
struct IndicesBelow : IndicesBelow<N - 1, N - 1, I...> {};
template <int... I>
struct IndicesBelow<0, I...> {
  using Type = Indices<I...>;
};

template <typename T>
struct Lane {
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  typedef T Unaligned __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  /// What comparing vectors gives: integers as wide as T, all bits set where it holds.
  typedef decltype(Vector{} < Vector{}) Integers;
  static constexpr int kCount = kVectorBytes / static_cast<int>(sizeof(T));
  static Vector load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static void store(T* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }
  /// Subtracting zero changes nothing, and leaves the compiler one instruction that fills a register.
  static Vector all(T value) { return value - Vector{}; }
  /// Every second one of a and b, one after the other.
  static Vector evens(Vector a, Vector b) { return evens(a, b, typename IndicesBelow<kCount>::Type{}); }

 private:
  template <int... I>
  static Vector evens(Vector a, Vector b, Indices<I...>) { return __builtin_shufflevector(a, b, 2 * I...); }
};

}  // namespace
}  // namespace backobs
