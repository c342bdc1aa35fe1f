// SPDX-License-Identifier: MIT
#include "data/pt_file.h"

#include <backobs/error.h>

#include "files/publish.h"

#include <ATen/ATen.h>
#include <ATen/core/Dict.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>

namespace backobs {
namespace {

/// A file under a temporary name; takes its own in `commit`, disappears otherwise.
class PartFile {
 public:
  explicit PartFile(const std::filesystem::path& file) : file_(target_of(file)), part_(file_.string() + ".part") {
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

constexpr const char* kWanted = "a dictionary of tensors, as torch.save writes it";

/// The file's one value. `sizes`: how many bytes the file has for each storage, by its address.
c10::IValue unpickled(std::istream& stream, std::map<const void*, std::size_t>& sizes) {
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  const auto [pickle, length] = reader.getRecord("data.pkl");
  const auto* next = static_cast<const char*>(pickle.get());
  const auto* end = next + length;
  const auto read = [&](char* to, std::size_t wanted) {
    const auto count = std::min(wanted, static_cast<std::size_t>(end - next));
    std::memcpy(to, next, count);
    next += count;
    return count;
  };
  const auto record = [&](const std::string& name) {
    auto [bytes, size] = reader.getRecord("data/" + name);
    sizes[bytes.get()] = size;
    return std::move(bytes);
  };
  return torch::jit::Unpickler(read, nullptr, nullptr, record, c10::Device(c10::kCPU)).parse_ivalue();
}

/// LibTorch believes the length that the pickle states, whatever the file holds.
void check_bytes(const at::Tensor& tensor, const std::map<const void*, std::size_t>& sizes, const std::string& where) {
  const auto& storage = tensor.storage();
  const auto found = sizes.find(storage.data());
  if (storage.nbytes() == 0 || (found != sizes.end() && found->second >= storage.nbytes())) return;
  throw DataError(where, std::to_string(found == sizes.end() ? 0 : found->second) + " bytes",
                  std::to_string(storage.nbytes()) + " bytes");
}

}  // namespace

void write_pt(const std::filesystem::path& file, const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  c10::impl::GenericDict dictionary(c10::StringType::get(), c10::TensorType::get());
  dictionary.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors)
    dictionary.insert(name, tensor.detach().to(at::kCPU).clone(at::MemoryFormat::Contiguous));

  PartFile part(file);
  std::exception_ptr failure;  // kept: LibTorch's writer, told of it, would throw again while it is destroyed
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* bytes, std::size_t size) {
    try {
      if (!failure) part.write(static_cast<const char*>(bytes), size);
    } catch (...) {
      failure = std::current_exception();
    }
    return size;
  });
  std::string pickled;
  torch::jit::Pickler pickler([&](const char* bytes, std::size_t size) { pickled.append(bytes, size); }, nullptr, nullptr,
                              nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(dictionary);
  pickler.stop();
  std::size_t index = 0;
  for (const auto& tensor : pickler.tensorData())
    writer.writeRecord("data/" + std::to_string(index++), tensor.data_ptr(), tensor.nbytes());
  writer.writeRecord("data.pkl", pickled.data(), pickled.size());
  writer.writeEndOfFile();
  if (failure) std::rethrow_exception(failure);
  part.commit();
}

std::map<std::string, at::Tensor> read_pt(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) throw DataError(file.string(), "no readable file", kWanted);
  c10::IValue value;
  std::map<const void*, std::size_t> sizes;
  try {
    value = unpickled(stream, sizes);
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
    const auto tensor = entry.value().toTensor().detach();
    check_bytes(tensor, sizes, file.string() + ", `" + entry.key().toStringRef() + "`");
    tensors[entry.key().toStringRef()] = tensor;
  }
  return tensors;
}

}  // namespace backobs
