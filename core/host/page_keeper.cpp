// SPDX-License-Identifier: MIT
#include "host/page_keeper.h"

#include <backobs/error.h>

#include <c10/core/CPUAllocator.h>

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
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
/// A block that is this many times as large as needed is left for somebody who needs it.
constexpr std::size_t kSpare = 8;

/// Blocks that are mapped by themselves, so that the system has them back as soon as they are released.
bool is_mapped(std::size_t size) { return size >= 2 * kHugePage; }

/// The next multiple of an eighth of the power of two below; of mapped blocks, of huge pages too.
std::size_t size_class(std::size_t bytes) {
  std::size_t power = kSmallest;
  while (power <= bytes / 2) power *= 2;
  const std::size_t step = is_mapped(bytes) ? std::max(power / 8, kHugePage) : power / 8;
  return (bytes + step - 1) / step * step;
}

/// In pages of 2 MiB where the kernel has them, since each page's first touch enters the kernel.
void* mapped_block(std::size_t size) {
  const std::size_t asked = size + kHugePage;
  void* const found = ::mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  char* const start = static_cast<char*>(found);
  char* const block = start + (kHugePage - reinterpret_cast<std::uintptr_t>(start) % kHugePage) % kHugePage;
  if (block > start) ::munmap(start, static_cast<std::size_t>(block - start));
  ::munmap(block + size, kHugePage - static_cast<std::size_t>(block - start));
  ::madvise(block, size, MADV_HUGEPAGE);  // advice: without it the pages are small
  return block;
}

void* fresh_block(std::size_t size) { return is_mapped(size) ? mapped_block(size) : std::aligned_alloc(kAlignment, size); }

void release_block(void* block, std::size_t size) noexcept {
  if (is_mapped(size)) ::munmap(block, size);
  else std::free(block);
}

/// A block and its size, which may be more than was asked for.
struct Block {
  void* start = nullptr;
  std::size_t size = 0;
};

/// Never destroyed: tensors of static storage may be freed after main.
struct Keeper {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free;  ///< by size class; none is empty
  KeptPages count;
  std::size_t in_use = 0, most_in_use = 0;

  /// The smallest that is free and large enough; else a fresh one.
  Block take(std::size_t size) {
    const std::lock_guard<std::mutex> lock(mutex);
    auto found = free.lower_bound(size);
    if (found == free.end() || found->first > kSpare * size) return fresh(size);
    const Block block{found->second.back(), found->first};
    found->second.pop_back();
    if (found->second.empty()) free.erase(found);
    count.kept_bytes -= block.size;
    ++count.reused;
    add_used(block.size);
    return block;
  }

  /// The block is kept, or goes back to the system.
  void put(void* block, std::size_t size) noexcept {
    const std::lock_guard<std::mutex> lock(mutex);
    in_use -= size;
    if (count.kept_bytes + size > count.limit_bytes || !remember(block, size)) release_block(block, size);
  }

  void give_back() {
    const std::lock_guard<std::mutex> lock(mutex);
    release_all_but(0);
  }

 private:
  Block fresh(std::size_t size) {
    ++count.fresh;
    add_used(size);
    const auto most = most_in_use + most_in_use / 64;
    release_all_but(most > in_use ? most - in_use : 0);
    void* block = fresh_block(size);
    if (!block) {  // before the system says that there is no memory, it gets back what lies free
      release_all_but(0);
      block = fresh_block(size);
    }
    if (!block) in_use -= size;
    return {block, size};
  }

  void add_used(std::size_t size) {
    in_use += size;
    most_in_use = std::max(most_in_use, in_use);
  }

  bool remember(void* block, std::size_t size) noexcept try {
    free[size].push_back(block);
    count.kept_bytes += size;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  /// The smallest first: less than one block more than has to be, and each byte costs as much as any other when it is needed again.
  void release_all_but(std::size_t bytes) {
    while (count.kept_bytes > bytes && !free.empty()) {
      const auto smallest = free.begin();
      release_block(smallest->second.back(), smallest->first);
      smallest->second.pop_back();
      count.kept_bytes -= smallest->first;
      if (smallest->second.empty()) free.erase(smallest);
    }
  }
};

Keeper& keeper() {
  static Keeper* const one = new Keeper;
  return *one;
}

Block small_block(std::size_t bytes) {
  const std::size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return {std::aligned_alloc(kAlignment, size), size};
}

/// A block lies behind one line of the cache that says how large it is.
void* allocate_block(std::size_t bytes) {
  const Block block = bytes >= kSmallest ? keeper().take(size_class(bytes + kAlignment)) : small_block(bytes + kAlignment);
  if (!block.start) throw std::bad_alloc();
  std::memcpy(block.start, &block.size, sizeof block.size);
  return static_cast<char*>(block.start) + kAlignment;
}

void free_block(void* data) {
  if (!data) return;
  void* block = static_cast<char*>(data) - kAlignment;
  std::size_t size;
  std::memcpy(&size, block, sizeof size);
  if (size <= kSmallest + kAlignment) std::free(block);
  else keeper().put(block, size);
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
