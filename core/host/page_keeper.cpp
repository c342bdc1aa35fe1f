// SPDX-License-Identifier: MIT
#include "host/page_keeper.h"

#include <backobs/error.h>

#include <c10/core/CPUAllocator.h>

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace backobs {
namespace {

constexpr std::size_t kSmallest = std::size_t{1} << 16;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// The next multiple of an eighth of the power of two below.
std::size_t size_class(std::size_t bytes) {
  std::size_t power = kSmallest;
  while (power <= bytes / 2) power *= 2;
  const std::size_t step = power / 8;
  return (bytes + step - 1) / step * step;
}

/// Never destroyed: tensors of static storage may be freed after main.
struct Keeper {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free;  ///< by size class
  KeptPages count;

  void* take(std::size_t size) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto blocks = free.find(size);
    if (blocks == free.end() || blocks->second.empty()) return ++count.fresh, nullptr;
    void* block = blocks->second.back();
    blocks->second.pop_back();
    count.kept_bytes -= size;
    return ++count.reused, block;
  }

  /// Whether the block is kept; else the caller frees it.
  bool keep(void* block, std::size_t size) noexcept try {
    const std::lock_guard<std::mutex> lock(mutex);
    if (count.kept_bytes + size > count.limit_bytes) return false;
    free[size].push_back(block);
    count.kept_bytes += size;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  /// Before the system says that there is no memory, it gets back what lies free.
  void give_back() {
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto& [size, blocks] : free)
      for (void* block : blocks) std::free(block);
    free.clear();
    count.kept_bytes = 0;
  }
};

Keeper& keeper() {
  static Keeper* const one = new Keeper;
  return *one;
}

/// Fresh memory; large blocks in pages of 2 MiB where the kernel has them, since each page's first touch enters the kernel.
void* fresh_block(std::size_t size) {
  if (size < 2 * kHugePage) return std::aligned_alloc(kAlignment, size);
  void* block = std::aligned_alloc(kHugePage, (size + kHugePage - 1) / kHugePage * kHugePage);
  if (block) ::madvise(block, size / kHugePage * kHugePage, MADV_HUGEPAGE);  // advice: without it the pages are small
  return block;
}

/// A block lies behind one line of the cache that says how large it is.
void* allocate_block(std::size_t bytes) {
  const bool large = bytes >= kSmallest;
  const std::size_t size = large ? size_class(bytes + kAlignment) : (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
  void* block = large ? keeper().take(size) : nullptr;
  if (!block) block = fresh_block(size);
  if (!block) {
    keeper().give_back();
    block = fresh_block(size);
  }
  if (!block) throw std::bad_alloc();
  std::memcpy(block, &size, sizeof size);
  return static_cast<char*>(block) + kAlignment;
}

void free_block(void* data) {
  if (!data) return;
  void* block = static_cast<char*>(data) - kAlignment;
  std::size_t size;
  std::memcpy(&size, block, sizeof size);
  if (size <= kSmallest + kAlignment || !keeper().keep(block, size)) std::free(block);
}

/// One deleter for all sizes: oneDNN takes and frees raw memory through it.
class PageKeepingAllocator final : public c10::Allocator {
 public:
  /// One of the two overrides: LibTorch took the `const` away in 2.3.
  c10::DataPtr allocate(std::size_t bytes) const { return allocated(bytes); }
  c10::DataPtr allocate(std::size_t bytes) { return allocated(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  /// Overrides what LibTorch has from 2.3 on; earlier ones have no such function.
  void copy_data(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }

 private:
  static c10::DataPtr allocated(std::size_t bytes) {
    void* data = bytes == 0 ? nullptr : allocate_block(bytes);
    return {data, data, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
};

/// What a container is allowed, if it is less than `bytes`; cgroups of version 2, then of version 1.
std::size_t within_container(std::size_t bytes) {
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::size_t limit = 0;
    if (std::ifstream(file) >> limit) return std::min(bytes, limit);
  }
  return bytes;
}

/// Individual gradients take gigabytes, and the next step needs them again; three quarters stay for everybody else.
std::size_t quarter_of_memory() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return std::size_t{1} << 30;
  return within_container(static_cast<std::size_t>(pages) * static_cast<std::size_t>(page)) / 4;
}

std::size_t limit_asked_for() {
  const char* text = std::getenv("BACKOBS_KEEP_MIB");
  if (!text) return quarter_of_memory();
  std::size_t mib = 0;
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, mib);
  if (read.ec != std::errc() || read.ptr != end || mib > (std::size_t{1} << 24))
    throw UsageError("BACKOBS_KEEP_MIB", "`" + std::string(text) + "`", "MiB, from 0 to 16777216");
  return mib << 20;
}

}  // namespace

void keep_pages() {
  const std::size_t limit = limit_asked_for();
  if (limit == 0 || kept_pages().limit_bytes != 0) return;
  keeper().count.limit_bytes = limit;
  static PageKeepingAllocator* const allocator = new PageKeepingAllocator;
  c10::SetCPUAllocator(allocator, 1);
}

void give_back_pages() {
  keeper().give_back();
  ::malloc_trim(0);
}

KeptPages kept_pages() {
  const std::lock_guard<std::mutex> lock(keeper().mutex);
  return keeper().count;
}

}  // namespace backobs
