// SPDX-License-Identifier: MIT
#include "data/pt_file.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <ATen/core/Dict.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace backobs {
namespace {

/// A file under a temporary name; takes its own in `commit`, disappears otherwise.
class PartFile {
 public:
  explicit PartFile(std::filesystem::path file) : file_(std::move(file)), part_(file_.string() + ".part") {
    descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail();
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(part_.c_str());
  }
  void write(const char* bytes, std::size_t size) {
    while (size > 0) {
      const auto written = ::write(descriptor_, bytes, size);
      if (written < 0 && errno != EINTR) fail();
      if (written < 0) continue;
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  void commit() {
    if (::fsync(descriptor_) != 0 || ::rename(part_.c_str(), file_.c_str()) != 0) fail();
    ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  [[noreturn]] void fail() const { throw ComputeError(file_.string(), std::strerror(errno), "a file that can be written"); }
  std::filesystem::path file_, part_;
  int descriptor_ = -1;
};

}  // namespace

void write_pt(const std::filesystem::path& file, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  c10::impl::GenericDict dictionary(c10::StringType::get(), c10::TensorType::get());
  dictionary.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors)
    dictionary.insert(name, tensor.detach().to(at::kCPU).clone(at::MemoryFormat::Contiguous));

  PartFile part(file);
  std::string failure;  // the writer must not throw through LibTorch's C code
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* bytes, std::size_t size) -> std::size_t {
    try {
      part.write(static_cast<const char*>(bytes), size);
      return size;
    } catch (const Error& error) {
      failure = error.what();
      return 0;
    }
  });
  std::string pickled;
  torch::jit::Pickler pickler([&](const char* bytes, std::size_t size) { pickled.append(bytes, size); }, nullptr, nullptr,
                              nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(dictionary);
  pickler.stop();
  try {
    std::size_t index = 0;
    for (const auto& tensor : pickler.tensorData())
      writer.writeRecord("data/" + std::to_string(index++), tensor.data_ptr(), tensor.nbytes());
    writer.writeRecord("data.pkl", pickled.data(), pickled.size());
    writer.writeEndOfFile();
  } catch (const c10::Error& error) {
    throw ComputeError(file.string(), failure.empty() ? error.what_without_backtrace() : failure, "a file that can be written");
  }
  part.commit();
}

std::map<std::string, at::Tensor> read_pt(const std::filesystem::path& file) {
  constexpr const char* kWanted = "a dictionary of tensors, as torch.save writes it";
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) throw DataError(file.string(), "no readable file", kWanted);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  c10::IValue value;
  try {
    value = torch::jit::pickle_load(bytes);
  } catch (const c10::Error& error) {
    throw DataError(file.string(), error.what_without_backtrace(), kWanted);
  } catch (const std::exception& error) {
    throw DataError(file.string(), error.what(), kWanted);
  }
  if (!value.isGenericDict()) throw DataError(file.string(), "a " + value.tagKind(), kWanted);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& entry : value.toGenericDict()) {
    if (!entry.key().isString() || !entry.value().isTensor())
      throw DataError(file.string(), "an entry " + entry.key().tagKind() + ": " + entry.value().tagKind(), kWanted);
    tensors[entry.key().toStringRef()] = entry.value().toTensor().detach();
  }
  return tensors;
}

}  // namespace backobs
